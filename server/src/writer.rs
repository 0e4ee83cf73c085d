//! The one thread that writes. Batches wait in its queue, each until its own deadline; those that wait together
//! share one commit, each in a savepoint of its own, and are answered after that commit.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use deckwatch_api::{DatabaseError, Row, Statement};
use rusqlite::{Connection, ffi};

use crate::bounds::{Bounds, GONE, Held};
use crate::database::{classify, is_busy, rows};

/// Between two tries to get the write lock from another process.
const PAUSE: Duration = Duration::from_millis(10);
/// Most batches that share a commit.
const MOST_TOGETHER: usize = 64;
/// How long a commit waits for further batches of its group to run: the first ones wait for the last.
const LONGEST_GROUP: Duration = Duration::from_millis(20);

type Rows = Vec<Vec<Row>>;

/// One batch, and who waits for it.
pub(crate) struct Job {
    statements: Vec<Statement>,
    /// Until when it waits for the write lock.
    until: Instant,
    bounds: Bounds,
    answer: Box<dyn FnOnce(Result<Rows, DatabaseError>) + Send>,
}

impl Job {
    pub(crate) fn new(
        statements: Vec<Statement>,
        until: Instant,
        bounds: Bounds,
        answer: Box<dyn FnOnce(Result<Rows, DatabaseError>) + Send>,
    ) -> Self {
        Self { statements, until, bounds, answer }
    }
}

/// The thread and the way to it.
pub(crate) struct Writer {
    /// Taken when the writer ends.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    waits_since: Arc<Mutex<Option<Instant>>>,
}

impl Writer {
    /// Starts the thread on its connection.
    pub(crate) fn start(connection: Connection) -> Result<Self, rusqlite::Error> {
        // It waits by itself, in the queue, so that each batch waits until its own deadline.
        connection.busy_timeout(Duration::ZERO)?;
        let (jobs, queue) = channel();
        let waits_since = Arc::default();
        let mut desk =
            Desk { connection, queue: VecDeque::new(), synchronous: None, waits_since: Arc::clone(&waits_since) };
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(move || desk.work(&queue));
        let thread = thread.map_err(|error| {
            let words = format!("the thread that writes can't be started: {error}");
            rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), Some(words))
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), waits_since })
    }

    /// Puts a batch into the queue.
    pub(crate) fn send(&self, job: Job) -> Result<(), DatabaseError> {
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if sent { Ok(()) } else { Err(DatabaseError::Unavailable("the thread that writes has stopped".to_owned())) }
    }

    /// How long another process has kept the write lock from this one by now; `None` when it does not.
    pub(crate) fn waits(&self) -> Option<Duration> {
        let since = *self.waits_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map(|since| since.elapsed())
    }
}

impl Drop for Writer {
    /// Waits until the connection is closed: only then is the file complete without those beside it.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread that writes has panicked");
        }
    }
}

/// What the thread works with.
struct Desk {
    connection: Connection,
    queue: VecDeque<Job>,
    /// What `pragma synchronous` was set to last.
    synchronous: Option<&'static str>,
    waits_since: Arc<Mutex<Option<Instant>>>,
}

impl Desk {
    /// Works until nobody can send a batch any more and all are answered.
    fn work(&mut self, jobs: &Receiver<Job>) {
        while self.receive(jobs) {
            self.turn_away();
            if self.queue.is_empty() && !self.is_kept_waiting() {
                continue;
            }
            match self.begin() {
                // Nobody waits, and the lock that was waited for is free.
                Ok(()) if self.queue.is_empty() => self.roll_back(),
                Ok(()) => self.commit_together(),
                Err(error) if is_busy(&error) => {}
                Err(error) => self.refuse_all(&error),
            }
        }
    }

    /// Takes what has been sent. Waits for the first batch, or a moment where another process has the write lock.
    /// Says whether there is something to do.
    fn receive(&mut self, jobs: &Receiver<Job>) -> bool {
        let first = match (self.is_kept_waiting(), self.queue.is_empty()) {
            (true, is_idle) => match jobs.recv_timeout(PAUSE) {
                Err(RecvTimeoutError::Disconnected) if is_idle => return false,
                // Nobody sends any more, but some still wait.
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(PAUSE);
                    None
                }
                first => first.ok(),
            },
            (false, true) => match jobs.recv() {
                Ok(job) => Some(job),
                Err(_) => return false,
            },
            (false, false) => None,
        };
        self.queue.extend(first);
        self.queue.extend(jobs.try_iter());
        true
    }

    /// Answers those that have waited as long as they may, and forgets those whose caller has gone.
    fn turn_away(&mut self) {
        let (now, is_kept_waiting) = (Instant::now(), self.is_kept_waiting());
        let waiting = std::mem::take(&mut self.queue);
        for job in waiting {
            if job.bounds.is_gone() {
                (job.answer)(Err(DatabaseError::Unavailable(GONE.to_owned())));
            } else if is_kept_waiting && now >= job.until {
                (job.answer)(Err(DatabaseError::Unavailable("database is locked by another process".to_owned())));
            } else {
                self.queue.push_back(job);
            }
        }
    }

    /// Gets the write lock, or fails at once when another process has it.
    fn begin(&mut self) -> Result<(), rusqlite::Error> {
        // Immediate: a batch that reads first and writes later would fail when another process wrote between.
        let begun = self.synchronize().and_then(|()| self.control("begin immediate"));
        let is_kept_waiting = begun.as_ref().is_err_and(is_busy);
        let mut since = self.waits_since.lock().unwrap_or_else(PoisonError::into_inner);
        *since = is_kept_waiting.then(|| since.unwrap_or_else(Instant::now));
        begun
    }

    /// FULL makes an acknowledged write survive power loss; what may be forgotten does not wait for the disk.
    fn synchronize(&mut self) -> Result<(), rusqlite::Error> {
        let mut next = self.queue.iter().take(MOST_TOGETHER);
        let wanted = if next.any(|job| must_last(&self.connection, &job.statements)) { "full" } else { "normal" };
        if self.synchronous != Some(wanted) {
            self.connection.pragma_update(None, "synchronous", wanted)?;
            self.synchronous = Some(wanted);
        }
        Ok(())
    }

    /// Runs the batches that wait, as one transaction, and answers them once it is committed.
    fn commit_together(&mut self) {
        let started = Instant::now();
        let mut group: Vec<(Job, Result<Rows, DatabaseError>)> = Vec::new();
        while group.len() < MOST_TOGETHER && (group.is_empty() || started.elapsed() < LONGEST_GROUP) {
            let Some(job) = self.queue.pop_front() else { break };
            let result = self.run(&job);
            group.push((job, result));
            // Some failures, such as a full disk or an interrupted write, undo the transaction of all.
            if self.connection.is_autocommit() {
                return self.start_over(group);
            }
        }
        let failure = self.control("commit").err();
        if failure.is_some() {
            self.roll_back();
        }
        for (job, result) in group {
            (job.answer)(failure.as_ref().map_or(result, |error| Err(classify(error))));
        }
    }

    /// Answers the last of the group, whose failure undid them all, and lets the others run again.
    fn start_over(&mut self, mut group: Vec<(Job, Result<Rows, DatabaseError>)>) {
        if let Some((job, result)) = group.pop() {
            let undone = || Err(DatabaseError::Failed("the transaction ended within a batch".to_owned()));
            (job.answer)(result.and_then(|_| undone()));
        }
        for (job, _) in group.into_iter().rev() {
            self.queue.push_front(job);
        }
    }

    /// Runs one batch within the transaction; one that fails undoes itself alone.
    fn run(&mut self, job: &Job) -> Result<Rows, DatabaseError> {
        if job.bounds.is_gone() {
            return Err(DatabaseError::Unavailable(GONE.to_owned()));
        }
        let held = job.bounds.hold(&mut self.connection).map_err(|error| classify(&error))?;
        let ran = catch_unwind(AssertUnwindSafe(|| self.in_savepoint(&job.statements)));
        Held::release(&mut self.connection);
        if let Ok(result) = ran {
            return result.map_err(|error| held.failure(&error));
        }
        self.roll_back();
        Err(DatabaseError::Failed("a batch panicked".to_owned()))
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

    fn refuse_all(&mut self, error: &rusqlite::Error) {
        for job in std::mem::take(&mut self.queue) {
            (job.answer)(Err(classify(error)));
        }
    }

    fn roll_back(&self) {
        let rolled = if self.connection.is_autocommit() { Ok(()) } else { self.control("rollback") };
        if let Err(error) = rolled {
            log::error!("a transaction could not be rolled back: {error}");
        }
    }

    fn is_kept_waiting(&self) -> bool {
        self.waits_since.lock().unwrap_or_else(PoisonError::into_inner).is_some()
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
