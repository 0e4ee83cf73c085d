//! Idempotency keys and their stored responses.

use deckwatch_protocol::{IdempotencyKey, Operation, Timestamp};

use super::responses::SelectResponse;
use super::statements;
use crate::database::Statement;

/// The stored response as it is sent. A payload that was too large to store is inserted again from its handoff,
/// which never changes.
macro_rules! answer_body {
    () => {
        "case when payload_handoff_id is null then response_json \
         else json_replace(response_json, payload_path, \
           json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body"
    };
}

statements! {
    FORGET_EXPIRED = "
        delete from idempotency_keys where actor_key_id = ?1 and idempotency_key = ?2 and expires_at <= ?3";

    /// A plain insert: if the key is already used, the batch fails.
    CLAIM = "
        insert into idempotency_keys (actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at)
        values (?1, ?2, ?3, ?4, ?5, ?6)";

    RECALL = concat!(
        "select request_hash, response_status, ", answer_body!(), " from idempotency_keys ",
        "where actor_key_id = ?1 and idempotency_key = ?2 and expires_at > ?3"
    );
}

pub(crate) fn forget_expired(actor: &str, key: &IdempotencyKey, now: Timestamp) -> Statement {
    Statement::new(FORGET_EXPIRED).bind(actor).bind(key.as_str()).bind(now)
}

pub(crate) fn claim(
    actor: &str,
    key: &IdempotencyKey,
    operation: Operation,
    request_hash: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Statement {
    Statement::new(CLAIM)
        .bind(actor)
        .bind(key.as_str())
        .bind(operation.id())
        .bind(request_hash)
        .bind(now)
        .bind(expires_at)
}

pub(crate) fn stored_response(actor: &str, key: &IdempotencyKey, now: Timestamp) -> Statement {
    Statement::new(RECALL).bind(actor).bind(key.as_str()).bind(now)
}

/// Stores the row of `answer`, `(status, body, payload_handoff_id, payload_path)`, with the claimed key, and returns
/// the response.
pub(crate) fn store_response(actor: &str, key: &IdempotencyKey, answer: SelectResponse) -> Statement {
    let Statement { sql, params, .. } = answer.into_statement();
    Statement::with(composed_store(&sql, params.len()), params).bind(actor).bind(key.as_str())
}

/// The statement around `select`, which has `n` parameters.
fn composed_store(select: &str, n: usize) -> String {
    format!(
        concat!(
            "update idempotency_keys set (response_status, response_json, payload_handoff_id, payload_path) = ({}) ",
            "where actor_key_id = ?{} and idempotency_key = ?{} returning response_status, ",
            answer_body!()
        ),
        select,
        n + 1,
        n + 2,
    )
}

/// [`store_response`] around each response of a write.
pub(super) fn composed() -> Vec<(String, String)> {
    let files = [
        ("day", super::day::RESPONSES),
        ("session", super::session::RESPONSES),
        ("handoff", super::handoff::RESPONSES),
        ("note", super::note::RESPONSES),
        ("doc", super::doc::RESPONSES),
        ("doc_version", super::doc_version::RESPONSES),
        ("venture", super::venture::RESPONSES),
        ("token", super::token::RESPONSES),
        ("machine", super::machine::RESPONSES),
        ("requirement", super::requirement::RESPONSES),
    ];
    let responses = files.into_iter().flat_map(|(file, responses)| responses.iter().map(move |row| (file, row)));
    responses
        .map(|(file, (name, response))| {
            let params = (1..=99).take_while(|n| response.0.contains(&format!("?{n}"))).count();
            (format!("idempotency::store_response {file}::{name}"), composed_store(response.0, params))
        })
        .collect()
}
