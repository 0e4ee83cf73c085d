//! The one thread that writes. Batches wait in its queue, each until its own deadline; those of one lane that wait
//! together share one commit, each in a savepoint of its own, and are answered after that commit.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use deckwatch_api::fault::Halt;
use deckwatch_api::{DatabaseError, Statement};
use rusqlite::{Connection, ffi};

use crate::bounds::{GONE, Held};
use crate::database::{classify, is_busy, rows};
use crate::queue::{Job, Lane, Queue, Rows};

/// Between two tries to get the write lock from another process.
const PAUSE: Duration = Duration::from_millis(10);
/// Most batches that share a commit.
const MOST_TOGETHER: usize = 64;
/// How long a commit waits for further batches of its group to run: the first ones wait for the last.
const LONGEST_GROUP: Duration = Duration::from_millis(20);
/// From when on a wait behind other writes is told: shorter ones are ordinary.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// The thread and the way to it.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on its connection.
    pub(crate) fn start(connection: Connection) -> Result<Self, rusqlite::Error> {
        // It waits by itself, in the queue, so that each batch waits until its own deadline.
        connection.busy_timeout(Duration::ZERO)?;
        let queue = Arc::new(Queue::default());
        let mut desk = Desk { connection, queue: Arc::clone(&queue), synchronous: None };
        let stops = StopGuard(Arc::clone(&queue));
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
            let _stops = stops;
            desk.work();
        });
        let thread = thread.map_err(|error| {
            let words = format!("the thread that writes can't be started: {error}");
            rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), Some(words))
        })?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Puts a batch into the queue.
    pub(crate) fn send(&self, job: Job) -> Result<(), DatabaseError> {
        self.queue.push(job).map_err(|_| stopped())
    }

    /// How long writes have waited by now: all of them for another process that has the write lock, or one of them
    /// behind others, where that takes a second or longer. `None` when they don't wait.
    pub(crate) fn waits(&self) -> Option<Duration> {
        let locked = self.queue.locked_since().map(|since| since.elapsed());
        let queued = self.queue.waits_since().map(|since| since.elapsed());
        locked.max(queued.filter(|queued| *queued >= WORTH_TELLING))
    }

    /// What a batch is told that has waited as long as it may, and was not begun.
    pub(crate) fn too_late(&self) -> DatabaseError {
        if self.queue.locked_since().is_some() {
            return DatabaseError::Unavailable("database is locked by another process".to_owned());
        }
        DatabaseError::Overloaded("Other writes took so long that this request was not begun within 5 seconds.")
    }

    /// Whether the thread has stopped, so that nothing can be written any more.
    pub(crate) fn has_stopped(&self) -> bool {
        self.queue.has_stopped()
    }
}

impl Drop for Writer {
    /// Waits until the connection is closed: only then is the file complete without those beside it.
    fn drop(&mut self) {
        self.queue.close();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread that writes has panicked");
        }
    }
}

/// What a batch is told once the thread has stopped.
fn stopped() -> DatabaseError {
    DatabaseError::Halted(Halt::Stopped, "the thread that writes has stopped".to_owned())
}

/// Says that the thread has stopped, also when it panics.
struct StopGuard(Arc<Queue>);

impl Drop for StopGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            log::error!("the thread that writes to the database has panicked: restart this program");
        }
        self.0.stop();
    }
}

/// What the thread works with.
struct Desk {
    connection: Connection,
    queue: Arc<Queue>,
    /// What `pragma synchronous` was set to last.
    synchronous: Option<&'static str>,
}

/// How a batch of a group ended.
enum Ended {
    With(Result<Rows, DatabaseError>),
    /// It took too long for the others, and was undone: it runs alone behind those that wait now.
    HoldsUpOthers,
}

impl Desk {
    /// Works until nobody can send a batch any more and all are answered.
    fn work(&mut self) {
        let mut last = Lane::Lasting;
        while self.queue.wait(PAUSE) {
            let (lane, jobs) = self.queue.take(MOST_TOGETHER, last);
            if jobs.is_empty() && self.queue.locked_since().is_none() {
                continue;
            }
            match self.begin(&jobs) {
                // Nobody waits, and the lock that was waited for is free.
                Ok(()) if jobs.is_empty() => self.roll_back(),
                Ok(()) => {
                    self.commit_together(jobs);
                    last = lane;
                }
                Err(error) if is_busy(&error) => self.queue.put_back(jobs.into_iter()),
                Err(error) => jobs.into_iter().for_each(|job| job.answer(Err(classify(&error)))),
            }
        }
    }

    /// Gets the write lock, or fails at once when another process has it.
    fn begin(&mut self, jobs: &VecDeque<Job>) -> Result<(), rusqlite::Error> {
        // Immediate: a batch that reads first and writes later would fail when another process wrote between.
        let begun = self.synchronize(jobs).and_then(|()| self.control("begin immediate"));
        self.queue.set_locked(begun.as_ref().is_err_and(is_busy));
        begun
    }

    /// FULL makes an acknowledged write survive power loss; what may be forgotten does not wait for the disk.
    fn synchronize(&mut self, jobs: &VecDeque<Job>) -> Result<(), rusqlite::Error> {
        let lasts = jobs.iter().any(|job| must_last(&self.connection, &job.statements));
        let wanted = if lasts { "full" } else { "normal" };
        if self.synchronous != Some(wanted) {
            self.connection.pragma_update(None, "synchronous", wanted)?;
            self.synchronous = Some(wanted);
        }
        Ok(())
    }

    /// Runs batches as one transaction, and answers them once it is committed. Those that don't fit into the time of
    /// the group go back to the queue.
    fn commit_together(&mut self, mut jobs: VecDeque<Job>) {
        let started = Instant::now();
        let mut group: Vec<(Job, Result<Rows, DatabaseError>)> = Vec::new();
        let (mut culprit, mut held_up) = (None, None);
        while let Some(mut job) = jobs.pop_front() {
            let is_only = group.is_empty() && (job.runs_alone || jobs.is_empty());
            if !group.is_empty() && (job.runs_alone || started.elapsed() >= LONGEST_GROUP) {
                jobs.push_front(job);
                break;
            }
            match self.run(&job, is_only) {
                // Some failures, such as a full disk or an interrupted write, undo the transaction of all.
                Ended::With(result) if self.connection.is_autocommit() => {
                    culprit = Some((job, result));
                    break;
                }
                Ended::With(result) => {
                    let was_alone = job.runs_alone;
                    group.push((job, result));
                    if was_alone {
                        break;
                    }
                }
                Ended::HoldsUpOthers => {
                    job.runs_alone = true;
                    held_up = Some(job.undone());
                    break;
                }
            }
        }
        self.queue.put_back(jobs.into_iter());
        if let Some(job) = held_up {
            self.queue.put_last(job);
        }
        if self.connection.is_autocommit() {
            self.queue.put_back(group.into_iter().map(|(job, _)| job.undone()));
            if let Some((job, result)) = culprit {
                let undone = || Err(DatabaseError::Failed("the transaction ended within a batch".to_owned()));
                job.answer(result.and_then(|_| undone()));
            }
            return;
        }
        let failure = self.control("commit").err();
        if failure.is_some() {
            self.roll_back();
        }
        for (job, result) in group {
            job.answer(failure.as_ref().map_or(result, |error| Err(classify(error))));
        }
    }
    /// Runs one batch within the transaction; one that fails undoes itself alone. Where others share the commit or wait
    /// for the next one, it has only the time of a group.
    fn run(&mut self, job: &Job, is_only: bool) -> Ended {
        if !job.bounds.begin() {
            return Ended::With(Err(DatabaseError::Unavailable(GONE.to_owned())));
        }
        let bounds = if is_only { job.bounds.clone() } else { job.bounds.within(LONGEST_GROUP) };
        let held = match bounds.hold(&mut self.connection) {
            Ok(held) => held,
            Err(error) => return Ended::With(Err(classify(&error))),
        };
        let ran = catch_unwind(AssertUnwindSafe(|| self.in_savepoint(&job.statements)));
        Held::release(&mut self.connection);
        match ran {
            Ok(Err(error)) if !is_only && held.is_over(&error) => Ended::HoldsUpOthers,
            Ok(result) => Ended::With(result.map_err(|error| held.failure(&error))),
            Err(_) => {
                self.roll_back();
                Ended::With(Err(DatabaseError::Failed("a batch panicked".to_owned())))
            }
        }
    }

    fn in_savepoint(&self, statements: &[Statement]) -> Result<Rows, rusqlite::Error> {
        self.control("savepoint batch")?;
        let ran: Result<Rows, _> = statements.iter().map(|statement| rows(&self.connection, statement)).collect();
        if ran.is_err() && !self.connection.is_autocommit() {
            self.control("rollback to batch")?;
        }
        if !self.connection.is_autocommit() {
            self.control("release batch")?;
        }
        ran
    }

    fn roll_back(&self) {
        let rolled = if self.connection.is_autocommit() { Ok(()) } else { self.control("rollback") };
        if let Err(error) = rolled {
            log::error!("a transaction could not be rolled back: {error}");
        }
    }

    fn control(&self, sql: &str) -> Result<(), rusqlite::Error> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

/// Whether some statement changes what must not be forgotten. One that can't be prepared fails when it is run.
fn must_last(connection: &Connection, statements: &[Statement]) -> bool {
    let mut lasting = statements.iter().filter(|statement| !statement.forgettable);
    lasting.any(|statement| connection.prepare_cached(&statement.sql).map_or(true, |prepared| !prepared.readonly()))
}
