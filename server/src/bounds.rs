//! The limits of one batch: it ends when its caller has gone, or when its time limit is reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use deckwatch_api::DatabaseError;
use rusqlite::{Connection, ErrorCode};

use crate::connection::classify;

/// How long the statements of one batch may run, without waiting. The slowest measured request is the audit of 490
/// requirements over 2,000 documents in 10 ventures: 0.7 s in a debug build.
const MAX_RUN_TIME: Duration = Duration::from_secs(5);
/// Instructions of SQLite's virtual machine between two checks of the limits, about 50 µs.
const INSTRUCTIONS: i32 = 2000;

/// The error of a batch whose caller has gone. No caller reads it.
pub(crate) const CALLER_GONE: &str = "the caller no longer waits";

/// The batch waits in the queue.
const WAITING: u8 = 0;
/// The batch is running, or it was rolled back and runs again.
const BEGUN: u8 = 1;
/// The caller of the batch has gone.
const ABANDONED: u8 = 2;

/// The limits of one batch.
#[derive(Clone)]
pub(crate) struct Bounds {
    run_limit: Option<Duration>,
    state: Arc<AtomicU8>,
}

impl Bounds {
    /// The limits of a batch for a request.
    pub(crate) fn of_request() -> Self {
        Self { run_limit: Some(MAX_RUN_TIME), state: Arc::default() }
    }

    /// The limits of a batch for the sweep. It has no time limit.
    pub(crate) fn unlimited() -> Self {
        Self { run_limit: None, state: Arc::default() }
    }

    /// Whether the batch belongs to a request, which waits for a limited time.
    pub(crate) fn is_request(&self) -> bool {
        self.run_limit.is_some()
    }

    /// The same batch with a lower time limit.
    pub(crate) fn within(&self, run_limit: Duration) -> Self {
        Self {
            run_limit: Some(self.run_limit.map_or(run_limit, |own| own.min(run_limit))),
            state: Arc::clone(&self.state),
        }
    }

    /// Returns a guard for the caller. When the guard is dropped, the caller has gone.
    pub(crate) fn caller(&self) -> CallerGuard {
        CallerGuard(Arc::clone(&self.state))
    }

    /// Whether the caller has gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.state.load(Ordering::SeqCst) == ABANDONED
    }

    /// Marks the batch as running. Returns `false` if the caller has gone.
    pub(crate) fn begin(&self) -> bool {
        self.state.compare_exchange(WAITING, BEGUN, Ordering::SeqCst, Ordering::SeqCst) != Err(ABANDONED)
    }

    /// Cancels the batch unless it is running. Returns whether it was canceled.
    pub(crate) fn cancel(&self) -> bool {
        self.state.compare_exchange(WAITING, ABANDONED, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// From now on, `connection` interrupts statements that exceed these limits.
    pub(crate) fn apply(&self, connection: &mut Connection) -> Result<AppliedBounds, rusqlite::Error> {
        let (bounds, until) = (self.clone(), self.run_limit.map(|run_limit| Instant::now() + run_limit));
        let is_over = move || bounds.is_gone() || until.is_some_and(|until| Instant::now() >= until);
        connection.progress_handler(INSTRUCTIONS, Some(is_over))?;
        Ok(AppliedBounds { until })
    }
}

/// The guard of a batch's caller.
pub(crate) struct CallerGuard(Arc<AtomicU8>);

impl Drop for CallerGuard {
    fn drop(&mut self) {
        self.0.store(ABANDONED, Ordering::SeqCst);
    }
}

/// Limits that are set on a connection.
pub(crate) struct AppliedBounds {
    until: Option<Instant>,
}

impl AppliedBounds {
    /// Removes the limits from the connection.
    pub(crate) fn release(connection: &mut Connection) {
        if let Err(error) = connection.progress_handler(0, None::<fn() -> bool>) {
            log::error!("could not remove the limits of a batch from its connection: {error}");
        }
    }

    /// Whether a statement failed because it reached the time limit.
    pub(crate) fn is_over(&self, error: &rusqlite::Error) -> bool {
        is_interrupted(error) && self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Converts the failure of a statement into the error for the caller.
    pub(crate) fn failure(&self, error: &rusqlite::Error) -> DatabaseError {
        if !is_interrupted(error) {
            return classify(error);
        }
        let run_limit = format!("the batch ran for {} s and was stopped", MAX_RUN_TIME.as_secs());
        DatabaseError::Unavailable(if self.is_over(error) { run_limit } else { CALLER_GONE.to_owned() })
    }
}

fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}
