//! The batches that wait for the writer thread, in two lanes. Changes that a power loss may undo, such as a request
//! count or a heartbeat, are short. They pass the other writes, which may take long and wait for the disk.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deckwatch_api::{DatabaseError, Row, Statement};

use crate::bounds::Bounds;
use crate::wait_limit::MAX_WAIT;

pub(crate) type Rows = Vec<Vec<Row>>;

/// One batch and its callback.
pub(crate) struct Job {
    pub(crate) statements: Vec<Statement>,
    pub(crate) bounds: Bounds,
    /// Whether the batch runs in a transaction of its own, because it takes long.
    pub(crate) runs_alone: bool,
    pub(crate) since: Instant,
    /// The deadline to run the batch again, after another batch rolled it back.
    again_until: Option<Instant>,
    answer: Box<dyn FnOnce(Result<Rows, DatabaseError>) + Send>,
}

impl Job {
    pub(crate) fn new(
        statements: Vec<Statement>,
        bounds: Bounds,
        answer: Box<dyn FnOnce(Result<Rows, DatabaseError>) + Send>,
    ) -> Self {
        Self { statements, bounds, runs_alone: false, since: Instant::now(), again_until: None, answer }
    }

    pub(crate) fn answer(self, result: Result<Rows, DatabaseError>) {
        (self.answer)(result);
    }

    /// Records that the batch was rolled back and must run again.
    pub(crate) fn rolled_back(mut self) -> Self {
        self.again_until = Some(Instant::now() + MAX_WAIT);
        self
    }

    fn lane(&self) -> Lane {
        let is_non_durable = |statement: &Statement| statement.non_durable || may_read(&statement.sql);
        if self.statements.iter().all(is_non_durable) { Lane::NonDurable } else { Lane::Durable }
    }
}

/// Whether the first word of a statement allows a read. SQLite makes the final check, because a `with` statement may
/// write.
pub(crate) fn may_read(sql: &str) -> bool {
    let keyword = sql.split_ascii_whitespace().next().unwrap_or_default();
    ["select", "with"].iter().any(|read| keyword.eq_ignore_ascii_case(read))
}

/// A lane groups the batches that share a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Batches whose changes a power loss may undo.
    NonDurable,
    /// Batches that wait for the disk.
    Durable,
}

impl Lane {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::NonDurable => Self::Durable,
            Self::Durable => Self::NonDurable,
        }
    }
}

/// The waiting batches.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    non_durable: VecDeque<Job>,
    durable: VecDeque<Job>,
    /// No more batches will be sent.
    is_closed: bool,
    /// The writer thread has stopped.
    has_stopped: bool,
    /// Since when another process has held the write lock.
    locked_since: Option<Instant>,
}

impl Waiting {
    fn lane(&mut self, lane: Lane) -> &mut VecDeque<Job> {
        match lane {
            Lane::NonDurable => &mut self.non_durable,
            Lane::Durable => &mut self.durable,
        }
    }

    fn is_empty(&self) -> bool {
        self.non_durable.is_empty() && self.durable.is_empty()
    }
}

impl Queue {
    /// Adds a batch at the end of its lane. Returns the batch if the writer thread has stopped.
    pub(crate) fn push(&self, job: Job) -> Result<(), Job> {
        let mut waiting = self.lock();
        if waiting.has_stopped {
            return Err(job);
        }
        waiting.lane(job.lane()).push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    /// Adds batches again at the front of their lane, in their order.
    pub(crate) fn put_back(&self, jobs: impl DoubleEndedIterator<Item = Job>) {
        let mut waiting = self.lock();
        for job in jobs.rev() {
            waiting.lane(job.lane()).push_front(job);
        }
    }

    /// Adds a batch at the end of its lane.
    pub(crate) fn put_last(&self, job: Job) {
        self.lock().lane(job.lane()).push_back(job);
    }

    /// Waits until a batch can run, or for `pause` if another process holds the write lock. Returns `false` if the
    /// queue is closed and empty.
    pub(crate) fn wait(&self, pause: Duration) -> bool {
        let mut waiting = self.lock();
        if waiting.locked_since.is_some() {
            // Batches that arrive meanwhile wait for the lock as well.
            let slept = self.changed.wait_timeout_while(waiting, pause, |waiting| !waiting.is_closed);
            waiting = slept.unwrap_or_else(PoisonError::into_inner).0;
            if waiting.is_closed && !waiting.is_empty() {
                drop(waiting);
                std::thread::sleep(pause);
                return true;
            }
            return !waiting.is_closed;
        }
        let wants = |waiting: &mut Waiting| waiting.is_empty() && !waiting.is_closed;
        let waiting = self.changed.wait_while(waiting, wants).unwrap_or_else(PoisonError::into_inner);
        !waiting.is_empty()
    }

    /// Takes up to `limit` batches that share a commit. The lane that was not served `last` comes first, so that each
    /// lane waits for at most one commit of the other. Batches whose caller has gone are dropped.
    pub(crate) fn take(&self, limit: usize, last: Lane) -> (Lane, VecDeque<Job>) {
        let mut waiting = self.lock();
        let now = Instant::now();
        let mut expired = Vec::new();
        for lane in [Lane::NonDurable, Lane::Durable] {
            for job in std::mem::take(waiting.lane(lane)) {
                if job.again_until.is_some_and(|until| now >= until) {
                    expired.push(job);
                } else if !job.bounds.is_gone() {
                    waiting.lane(lane).push_back(job);
                }
            }
        }
        let served = if waiting.lane(last.other()).is_empty() { last } else { last.other() };
        let jobs = waiting.lane(served);
        let taken = jobs.drain(..limit.min(jobs.len())).collect();
        drop(waiting);
        for job in expired {
            let message = "another batch rolled this batch back, and it could not run again before its \
                         deadline"
                .to_owned();
            job.answer(Err(DatabaseError::Unavailable(message)));
        }
        (served, taken)
    }

    /// Takes up to `limit` batches that arrived in a lane while its group ran. Takes none if the other lane waits for the
    /// commit of this group.
    pub(crate) fn take_more(&self, limit: usize, lane: Lane) -> VecDeque<Job> {
        let mut waiting = self.lock();
        if !waiting.lane(lane.other()).is_empty() {
            return VecDeque::new();
        }
        let jobs = waiting.lane(lane);
        jobs.drain(..limit.min(jobs.len())).collect()
    }

    /// Since when the first batch of a lane has waited.
    pub(crate) fn oldest(&self, lane: Lane) -> Option<Instant> {
        self.lock().lane(lane).front().map(|job| job.since)
    }

    /// Records whether another process holds the write lock.
    pub(crate) fn set_locked(&self, is_locked: bool) {
        let mut waiting = self.lock();
        waiting.locked_since = is_locked.then(|| waiting.locked_since.unwrap_or_else(Instant::now));
    }

    /// Since when another process has held the write lock.
    pub(crate) fn locked_since(&self) -> Option<Instant> {
        self.lock().locked_since
    }

    /// Since when the oldest batch has waited.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        let waiting = self.lock();
        let jobs = waiting.non_durable.iter().chain(&waiting.durable);
        jobs.filter(|job| !job.bounds.is_gone()).map(|job| job.since).min()
    }

    /// Closes the queue. The thread ends after it has run the waiting batches.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Records that the thread has stopped. The callbacks of the waiting batches are dropped, which tells their
    /// callers.
    pub(crate) fn stop(&self) {
        let mut waiting = self.lock();
        waiting.has_stopped = true;
        let dropped = (std::mem::take(&mut waiting.non_durable), std::mem::take(&mut waiting.durable));
        drop(waiting);
        drop(dropped);
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.lock().has_stopped
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(sql: &'static str) -> Job {
        Job::new(vec![Statement::new(sql)], Bounds::unlimited(), Box::new(drop))
    }

    #[test]
    fn batches_that_arrive_join_the_group_unless_the_other_lane_waits() {
        let queue = Queue::default();
        let write = || assert!(queue.push(batch("update ventures set name = name")).is_ok());
        write();
        assert!(queue.oldest(Lane::Durable).is_some() && queue.oldest(Lane::NonDurable).is_none());
        let (lane, group) = queue.take(64, Lane::Durable);
        assert_eq!((lane, group.len()), (Lane::Durable, 1));
        write();
        write();
        write();
        assert_eq!(queue.take_more(2, lane).len(), 2, "at most as many as the group has room for");
        assert!(queue.push(batch("select 1")).is_ok());
        assert_eq!(queue.take_more(2, lane).len(), 0, "the other lane waits");
        assert_eq!(queue.take(64, lane).0, Lane::NonDurable);
        assert_eq!(queue.take_more(2, lane).len(), 1);
    }
}
