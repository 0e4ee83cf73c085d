//! What happened: one row per request of a known actor, in the batch of the work when that commits and
//! after the answer otherwise. Requests without a good key are left to the engine's own log, so that
//! nobody without a key can write to the database.

use deckwatch_protocol::{CorrelationId, ErrorCode, Operation, Timestamp};

use crate::database::Statement;
use crate::store;

/// One request as the log keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) actor: String,
    pub(crate) operation: Operation,
    pub(crate) correlation_id: CorrelationId,
    pub(crate) status: u16,
    pub(crate) error_code: Option<ErrorCode>,
    pub(crate) started_at: Timestamp,
    /// Milliseconds on the way to the answer; unknown inside the batch that is still running.
    pub(crate) duration_ms: Option<i64>,
}

impl Entry {
    pub(crate) fn insert(&self) -> Statement {
        store::request_log::insert(self)
    }
}
