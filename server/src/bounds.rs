//! How far one batch may go: until its caller has gone, and no longer than the ceiling.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use deckwatch_api::DatabaseError;
use rusqlite::{Connection, ErrorCode};

use crate::database::classify;

/// How long the statements of one batch may run, waiting apart. The largest request that was measured is the audit of
/// 490 requirements over 2,000 documents in 10 ventures: 0.7 s in a debug build.
const CEILING: Duration = Duration::from_secs(5);
/// Instructions of SQLite's virtual machine between two looks at the bounds, some 50 µs.
const INSTRUCTIONS: i32 = 2000;

/// Why a batch without a caller was not run. Nobody reads it.
pub(crate) const GONE: &str = "the caller has gone";

/// A batch that waits to be run.
const WAITING: u8 = 0;
/// A batch that is being run, or was run and undone and is run again.
const BEGUN: u8 = 1;
/// A batch whose caller no longer waits.
const ABANDONED: u8 = 2;

/// The bounds of one batch.
#[derive(Clone)]
pub(crate) struct Bounds {
    ceiling: Option<Duration>,
    state: Arc<AtomicU8>,
}

impl Bounds {
    /// The bounds of what a request asks for.
    pub(crate) fn of_request() -> Self {
        Self { ceiling: Some(CEILING), state: Arc::default() }
    }

    /// The bounds of the sweep, which no caller waits for.
    pub(crate) fn unlimited() -> Self {
        Self { ceiling: None, state: Arc::default() }
    }

    /// Whether a caller waits, for a limited time.
    pub(crate) fn are_of_request(&self) -> bool {
        self.ceiling.is_some()
    }

    /// The same batch with a lower ceiling.
    pub(crate) fn within(&self, ceiling: Duration) -> Self {
        Self { ceiling: Some(self.ceiling.map_or(ceiling, |own| own.min(ceiling))), state: Arc::clone(&self.state) }
    }

    /// Stands for the caller: when it is dropped, the caller has gone.
    pub(crate) fn caller(&self) -> CallerGuard {
        CallerGuard(Arc::clone(&self.state))
    }

    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.state.load(Ordering::SeqCst) == ABANDONED
    }

    /// Says that the batch is being run from now on. `false` when nobody waits for it any more.
    pub(crate) fn begin(&self) -> bool {
        self.state.compare_exchange(WAITING, BEGUN, Ordering::SeqCst, Ordering::SeqCst) != Err(ABANDONED)
    }

    /// Gives the batch up, unless it has been begun. Says whether it was given up.
    pub(crate) fn withdraw(&self) -> bool {
        self.state.compare_exchange(WAITING, ABANDONED, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Makes `connection` interrupt the statements that go past these bounds, from now on.
    pub(crate) fn hold(&self, connection: &mut Connection) -> Result<Held, rusqlite::Error> {
        let (bounds, until) = (self.clone(), self.ceiling.map(|ceiling| Instant::now() + ceiling));
        let is_over = move || bounds.is_gone() || until.is_some_and(|until| Instant::now() >= until);
        connection.progress_handler(INSTRUCTIONS, Some(is_over))?;
        Ok(Held { until })
    }
}

/// The caller of a batch.
pub(crate) struct CallerGuard(Arc<AtomicU8>);

impl Drop for CallerGuard {
    fn drop(&mut self) {
        self.0.store(ABANDONED, Ordering::SeqCst);
    }
}

/// Bounds that a connection holds.
pub(crate) struct Held {
    until: Option<Instant>,
}

impl Held {
    /// Takes the bounds off again.
    pub(crate) fn release(connection: &mut Connection) {
        if let Err(error) = connection.progress_handler(0, None::<fn() -> bool>) {
            log::error!("the bounds of a batch could not be taken off: {error}");
        }
    }

    /// Whether a statement failed because it ran up to the ceiling.
    pub(crate) fn is_over(&self, error: &rusqlite::Error) -> bool {
        is_interrupted(error) && self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// What the failure of a statement means for the caller.
    pub(crate) fn failure(&self, error: &rusqlite::Error) -> DatabaseError {
        if !is_interrupted(error) {
            return classify(error);
        }
        let ceiling = format!("the batch ran for {} s and was stopped", CEILING.as_secs());
        DatabaseError::Unavailable(if self.is_over(error) { ceiling } else { GONE.to_owned() })
    }
}

fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}
