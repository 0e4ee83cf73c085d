//! The writer thread. Batches wait in its queue, each with its own deadline. Waiting batches of one lane share one
//! commit. Each runs in a savepoint of its own and is answered after the commit.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use deckwatch_api::fault::Outage;
use deckwatch_api::{DatabaseError, Statement};
use rusqlite::hooks::Wal;
use rusqlite::{Connection, ffi};

use crate::bounds::{AppliedBounds, CALLER_GONE};
use crate::connection::{classify, is_busy, rows};
use crate::queue::{Job, Lane, Queue, Rows};

/// The pause between two tries to get the write lock from another process.
const LOCK_RETRY_PAUSE: Duration = Duration::from_millis(10);
/// Maximum number of batches that share a commit.
const MAX_GROUP: usize = 64;
/// How long a group runs before its commit. The first batches of the group wait for the last one.
const MAX_GROUP_TIME: Duration = Duration::from_millis(20);
/// The same, while the next batch has waited longer than those of the other lane. Otherwise the lane with the longer batches
/// would get fewer of them done, and its requests would wait several times as long as the others.
const MAX_OVERDUE_GROUP_TIME: Duration = Duration::from_millis(40);
/// From how many pages on the log is copied into the database file. This is SQLite's own default.
const MAX_LOG_PAGES: i32 = 1_000;
/// How long the renewal of the log waits for reads. No read takes longer.
const MAX_WAIT_FOR_READS: Duration = Duration::from_secs(5);
/// From which length a wait is reported. Shorter waits are normal.
const MIN_REPORTED_WAIT: Duration = Duration::from_secs(1);

/// The handle of the writer thread.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread with its connection.
    pub(crate) fn start(mut connection: Connection) -> Result<Self, rusqlite::Error> {
        // The queue does the waiting, so that each batch has its own deadline.
        connection.busy_timeout(Duration::ZERO)?;
        let log_pages = Arc::new(AtomicI32::new(0));
        let counted = Arc::clone(&log_pages);
        // This hook replaces SQLite's automatic checkpoint, whose failure is ignored.
        connection.wal_hook(Some(move |_: &mut Wal, pages| {
            counted.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        let queue = Arc::new(Queue::default());
        let mut writer_thread =
            WriterThread { connection, queue: Arc::clone(&queue), synchronous: None, log_pages, log_is_suspect: false };
        let stops = StopGuard(Arc::clone(&queue));
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
            let _stops = stops;
            writer_thread.work();
        });
        let thread = thread.map_err(|error| {
            let message = format!("can't start the writer thread: {error}");
            rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), Some(message))
        })?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Adds a batch to the queue.
    pub(crate) fn send(&self, job: Job) -> Result<(), DatabaseError> {
        self.queue.push(job).map_err(|_| stopped())
    }

    /// How long writes have waited: all of them for another process that holds the write lock, or one of them for
    /// others for at least a second. `None` if they don't wait.
    pub(crate) fn waits(&self) -> Option<Duration> {
        let locked = self.queue.locked_since().map(|since| since.elapsed());
        let queued = self.queue.waits_since().map(|since| since.elapsed());
        locked.max(queued.filter(|queued| *queued >= MIN_REPORTED_WAIT))
    }

    /// The error for a batch that did not start before its deadline.
    pub(crate) fn start_timeout(&self) -> DatabaseError {
        if self.queue.locked_since().is_some() {
            return DatabaseError::Unavailable("another process has locked the database".to_owned());
        }
        DatabaseError::Overloaded("The request did not start within 5 seconds, because other writes took too long.")
    }

    /// Whether the thread has stopped. Then nothing can be written any more.
    pub(crate) fn has_stopped(&self) -> bool {
        self.queue.has_stopped()
    }
}

impl Drop for Writer {
    /// Waits until the connection is closed. Only then the database file is complete without its log.
    fn drop(&mut self) {
        self.queue.close();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the writer thread panicked");
        }
    }
}

/// The error after the thread has stopped.
fn stopped() -> DatabaseError {
    DatabaseError::Outage(Outage::Stopped, "the writer thread has stopped".to_owned())
}

/// Records that the thread has stopped, also after a panic.
struct StopGuard(Arc<Queue>);

impl Drop for StopGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            log::error!("the writer thread of the database panicked; restart this program");
        }
        self.0.stop();
    }
}

/// The state of the writer thread.
struct WriterThread {
    connection: Connection,
    queue: Arc<Queue>,
    /// The last value of `pragma synchronous`.
    synchronous: Option<&'static str>,
    /// The length of the write-ahead log after the last commit.
    log_pages: Arc<AtomicI32>,
    /// Whether a sync of the log has failed.
    ///
    /// Linux reports a failed sync once, and then forgets the pages that did not reach the disk. The log would have a gap,
    /// and everything behind it would be lost in a power cut, although later syncs succeed.
    log_is_suspect: bool,
}

/// The result of a batch in a group.
enum BatchResult {
    Done(Result<Rows, DatabaseError>),
    /// The batch took too long for the others and was rolled back. It runs alone after the batches that wait now.
    TooSlow,
}

impl WriterThread {
    /// Runs until no more batches can be sent and all are answered.
    fn work(&mut self) {
        let mut last = Lane::Durable;
        while self.queue.wait(LOCK_RETRY_PAUSE) {
            let (lane, jobs) = self.queue.take(MAX_GROUP, last);
            if jobs.is_empty() && self.queue.locked_since().is_none() {
                continue;
            }
            match self.renew_suspect_log().and_then(|()| self.begin(&jobs)) {
                // There are no batches, and the lock is free again.
                Ok(()) if jobs.is_empty() => self.roll_back(),
                Ok(()) => {
                    self.commit_together(jobs, lane);
                    last = lane;
                }
                Err(error) if is_busy(&error) => self.queue.put_back(jobs.into_iter()),
                Err(error) => jobs.into_iter().for_each(|job| job.answer(Err(classify(&error)))),
            }
        }
    }

    /// Gets the write lock. Fails at once if another process holds it.
    fn begin(&mut self, jobs: &VecDeque<Job>) -> Result<(), rusqlite::Error> {
        // `begin immediate` is necessary: a transaction that reads first and writes later fails if another process
        // wrote in between.
        let begun = self.set_synchronous(jobs).and_then(|()| self.control("begin immediate"));
        self.queue.set_locked(begun.as_ref().is_err_and(is_busy));
        begun
    }

    /// With FULL, a confirmed write survives a power loss. Changes that a power loss may undo do not wait for the
    /// disk.
    fn set_synchronous(&mut self, jobs: &VecDeque<Job>) -> Result<(), rusqlite::Error> {
        let needs_sync = jobs.iter().any(|job| is_durable(&self.connection, &job.statements));
        let wanted = if needs_sync { "full" } else { "normal" };
        if self.synchronous != Some(wanted) {
            self.connection.pragma_update(None, "synchronous", wanted)?;
            self.synchronous = Some(wanted);
        }
        Ok(())
    }

    /// Runs batches as one transaction and answers them after the commit. Batches that exceed the time of the group
    /// go back to the queue.
    fn commit_together(&mut self, mut jobs: VecDeque<Job>, lane: Lane) {
        let started = Instant::now();
        let mut group: Vec<(Job, Result<Rows, DatabaseError>)> = Vec::new();
        let (mut culprit, mut too_slow) = (None, None);
        while let Some(mut job) = self.next_of_group(&mut jobs, lane, group.len()) {
            let is_only = group.is_empty() && (job.runs_alone || jobs.is_empty());
            if !group.is_empty() && (job.runs_alone || self.is_group_over(started.elapsed(), &job, lane)) {
                jobs.push_front(job);
                break;
            }
            match self.run(&job, is_only) {
                // Some failures, such as a full disk or an interrupted write, roll back the whole transaction.
                BatchResult::Done(result) if self.connection.is_autocommit() => {
                    culprit = Some((job, result));
                    break;
                }
                BatchResult::Done(result) => {
                    let was_alone = job.runs_alone;
                    group.push((job, result));
                    if was_alone {
                        break;
                    }
                }
                BatchResult::TooSlow => {
                    job.runs_alone = true;
                    too_slow = Some(job.rolled_back());
                    break;
                }
            }
        }
        self.queue.put_back(jobs.into_iter());
        if let Some(job) = too_slow {
            self.queue.put_last(job);
        }
        if self.connection.is_autocommit() {
            self.queue.put_back(group.into_iter().map(|(job, _)| job.rolled_back()));
            if let Some((job, result)) = culprit {
                let rolled_back = || Err(DatabaseError::Failed("a batch ended the transaction".to_owned()));
                job.answer(result.and_then(|_| rolled_back()));
            }
            return;
        }
        let failure = self.control("commit").err();
        if let Some(error) = &failure {
            self.log_is_suspect |= is_io_error(error);
            self.roll_back();
        }
        for (job, result) in group {
            job.answer(failure.as_ref().map_or(result, |error| Err(classify(error))));
        }
        self.checkpoint_long_log();
    }

    /// Whether a group that has run for `elapsed` ends before `next`.
    fn is_group_over(&self, elapsed: Duration, next: &Job, lane: Lane) -> bool {
        let is_overdue = || self.queue.oldest(lane.other()).is_none_or(|oldest| next.since < oldest);
        elapsed >= MAX_OVERDUE_GROUP_TIME || elapsed >= MAX_GROUP_TIME && !is_overdue()
    }

    /// The next batch of a group that has run `size` batches. After those that waited at its beginning come those that
    /// arrived since: they need no commit of their own. Otherwise the first of several callers that write again at once
    /// would get a commit alone, and the others would wait for it.
    fn next_of_group(&self, jobs: &mut VecDeque<Job>, lane: Lane, size: usize) -> Option<Job> {
        // The setting can't change within a transaction.
        let is_synced_enough = lane == Lane::NonDurable || self.synchronous == Some("full");
        if jobs.is_empty() && size > 0 && is_synced_enough {
            *jobs = self.queue.take_more(MAX_GROUP.saturating_sub(size), lane);
        }
        jobs.pop_front()
    }

    /// Copies a long log into the database file, as far as reads permit. The next commit starts the log again.
    fn checkpoint_long_log(&mut self) {
        if self.log_pages.swap(0, Ordering::Relaxed) < MAX_LOG_PAGES {
            return;
        }
        match self.checkpoint("pragma wal_checkpoint(passive)") {
            Err(error) if !is_busy(&error) => {
                log::error!("the log of the database could not be copied into its file: {error}");
                self.log_is_suspect |= is_io_error(&error);
            }
            _ => {}
        }
    }

    /// After a failed sync, copies the whole log into the database file and starts an empty log. Fails while this is not
    /// possible. Until then nothing is written.
    fn renew_suspect_log(&mut self) -> Result<(), rusqlite::Error> {
        if self.log_is_suspect {
            self.connection.busy_timeout(MAX_WAIT_FOR_READS)?;
            let renewed = self.checkpoint("pragma wal_checkpoint(truncate)");
            self.connection.busy_timeout(Duration::ZERO)?;
            renewed?;
            self.log_is_suspect = false;
        }
        Ok(())
    }

    fn checkpoint(&self, sql: &str) -> Result<(), rusqlite::Error> {
        let is_blocked: bool = self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        let busy = || rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None);
        if is_blocked { Err(busy()) } else { Ok(()) }
    }

    /// Runs one batch within the transaction. If it fails, only this batch is rolled back. If other batches share
    /// the commit or wait for the next one, it has only the time of a group.
    fn run(&mut self, job: &Job, is_only: bool) -> BatchResult {
        if !job.bounds.begin() {
            return BatchResult::Done(Err(DatabaseError::Unavailable(CALLER_GONE.to_owned())));
        }
        let bounds = if is_only { job.bounds.clone() } else { job.bounds.within(MAX_GROUP_TIME) };
        let held = match bounds.apply(&mut self.connection) {
            Ok(held) => held,
            Err(error) => return BatchResult::Done(Err(classify(&error))),
        };
        let ran = catch_unwind(AssertUnwindSafe(|| self.in_savepoint(&job.statements)));
        AppliedBounds::release(&mut self.connection);
        match ran {
            Ok(Err(error)) if !is_only && held.is_over(&error) => BatchResult::TooSlow,
            Ok(result) => BatchResult::Done(result.map_err(|error| held.failure(&error))),
            Err(_) => {
                self.roll_back();
                BatchResult::Done(Err(DatabaseError::Failed("a batch panicked".to_owned())))
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

/// Whether the disk failed.
fn is_io_error(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ffi::ErrorCode::SystemIoFailure)
}

/// Whether a statement makes a change that must survive a power loss. A statement that can't be prepared fails when
/// it runs.
fn is_durable(connection: &Connection, statements: &[Statement]) -> bool {
    let mut durable = statements.iter().filter(|statement| !statement.non_durable);
    durable.any(|statement| connection.prepare_cached(&statement.sql).map_or(true, |prepared| !prepared.readonly()))
}
