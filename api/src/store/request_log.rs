//! The request log.

use deckwatch_protocol::{IdempotencyKey, Operation, Timestamp};

use super::statements;
use crate::database::Statement;
use crate::middleware::request_log::Entry;

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

pub(crate) fn insert(entry: &Entry) -> Statement {
    Statement::new(INSERT)
        .bind(entry.correlation_id.as_str())
        .bind(entry.actor.as_str())
        .bind(entry.operation.id())
        .bind(entry.operation.method())
        .bind(i64::from(entry.status))
        .bind(entry.error_code.map(deckwatch_protocol::ErrorCode::as_str))
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
