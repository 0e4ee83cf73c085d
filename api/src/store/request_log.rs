//! The request log: one row per request of a known actor, in the batch of the work when that commits and
//! after the answer otherwise. Requests without a good key are left to the engine's own log, so that
//! nobody without a key can write to the database.

use deckwatch_protocol::{CorrelationId, ErrorCode, IdempotencyKey, Operation, Timestamp};

use super::statements;
use crate::database::Statement;

statements! {
    INSERT = "
        insert into request_log (correlation_id, actor_key_id, operation, method, status, error_code, duration_ms, created_at)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

    /// In the batch of a write: the status is the one stored beside its key.
    INSERT_KEPT = "
        insert into request_log (correlation_id, actor_key_id, operation, method, status, created_at)
        select ?3, actor_key_id, ?4, ?5, response_status, ?6 from idempotency_keys
        where actor_key_id = ?1 and idempotency_key = ?2";
}

/// One request as the log keeps it.
pub(crate) struct Entry {
    pub(crate) actor: String,
    pub(crate) operation: Operation,
    pub(crate) correlation_id: CorrelationId,
    pub(crate) status: u16,
    pub(crate) error_code: Option<ErrorCode>,
    pub(crate) started_at: Timestamp,
    /// Milliseconds on the way to the answer.
    pub(crate) duration_ms: i64,
}

pub(crate) fn insert(entry: &Entry) -> Statement {
    Statement::new(INSERT)
        .bind(entry.correlation_id.as_str())
        .bind(entry.actor.as_str())
        .bind(entry.operation.id())
        .bind(entry.operation.method())
        .bind(i64::from(entry.status))
        .bind(entry.error_code.map(ErrorCode::as_str))
        .bind(entry.duration_ms)
        .bind(entry.started_at)
}

pub(crate) fn insert_kept(
    actor: &str,
    key: &IdempotencyKey,
    correlation_id: &str,
    operation: Operation,
    now: Timestamp,
) -> Statement {
    Statement::new(INSERT_KEPT)
        .bind(actor)
        .bind(key.as_str())
        .bind(correlation_id)
        .bind(operation.id())
        .bind(operation.method())
        .bind(now)
}
