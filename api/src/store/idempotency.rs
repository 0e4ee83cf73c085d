//! Idempotency keys and their stored responses.

use deckwatch_protocol::{IdempotencyKey, Operation, Timestamp, VentureCode};

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

/// The row of the key `?2` of the actor `?1` that has not expired at `?3`. It expires today or tomorrow, or a day later if
/// the clock that wrote it was ahead.
macro_rules! row_of_key {
    () => {
        "idempotency_keys where expires_on in (substr(?3, 1, 10), date(?3, '+1 day'), date(?3, '+2 days')) \
         and actor_key_id = ?1 and idempotency_key = ?2 and expires_at > ?3"
    };
}

statements! {
    /// If the key is already used, the batch fails.
    UNLESS_FREE = concat!(
        "insert into refusals (reason) select 'idempotency_key_taken' where exists (select 1 from ", row_of_key!(), ")"
    );

    /// The same, and the venture `?4` must be registered. One statement, because each one takes time.
    UNLESS_FREE_AND_REGISTERED = concat!(
        "insert into refusals (reason) select reason from (select case when exists (select 1 from ", row_of_key!(),
        ") then 'idempotency_key_taken' when not exists (select 1 from ventures where code = ?4 and deleted_at is null) ",
        "then 'venture_not_registered' end as reason) where reason is not null"
    );

    RECALL = concat!("select request_hash, response_status, ", answer_body!(), " from ", row_of_key!());
}

/// Fails the batch if the key is already used.
pub(crate) fn unless_free(actor: &str, key: &IdempotencyKey, now: Timestamp) -> Statement {
    Statement::new(UNLESS_FREE).bind(actor).bind(key.as_str()).bind(now)
}

/// Fails the batch if the key is already used, or if the venture is not registered.
pub(crate) fn unless_free_and_registered(
    actor: &str,
    key: &IdempotencyKey,
    now: Timestamp,
    venture: &VentureCode,
) -> Statement {
    Statement::new(UNLESS_FREE_AND_REGISTERED).bind(actor).bind(key.as_str()).bind(now).bind(venture)
}

pub(crate) fn stored_response(actor: &str, key: &IdempotencyKey, now: Timestamp) -> Statement {
    Statement::new(RECALL).bind(actor).bind(key.as_str()).bind(now)
}

/// A key to store with its response.
pub(crate) struct NewKey<'a> {
    pub(crate) actor: &'a str,
    pub(crate) key: &'a IdempotencyKey,
    pub(crate) operation: Operation,
    pub(crate) request_hash: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// Stores the key with the row of `answer`, `(status, body, payload_handoff_id, payload_path)`, and returns the response.
/// Without a row, the batch fails, because a response needs a status.
pub(crate) fn store_response(new: &NewKey, answer: SelectResponse) -> Statement {
    answer
        .composed(composed_store)
        .bind(new.actor)
        .bind(new.key.as_str())
        .bind(new.operation.id())
        .bind(new.request_hash)
        .bind(new.now)
        .bind(new.expires_at)
}

/// The statement around `select`, which has `n` parameters.
fn composed_store(select: &str, n: usize) -> String {
    format!(
        concat!(
            "insert into idempotency_keys (response_status, response_json, payload_handoff_id, payload_path, ",
            "actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at, expires_on) ",
            "select answer.*, ?{}, ?{}, ?{}, ?{}, ?{}, ?{}, substr(?{}, 1, 10) from (select 1) left join ({}) as answer ",
            "returning response_status, ",
            answer_body!()
        ),
        n + 1,
        n + 2,
        n + 3,
        n + 4,
        n + 5,
        n + 6,
        n + 6,
        select,
    )
}

/// [`store_response`] around each response of a write.
pub(super) fn composed() -> Vec<(String, String)> {
    let files = [
        ("claim", super::claim::RESPONSES),
        ("shared_state", super::shared_state::RESPONSES),
        ("day", super::day::RESPONSES),
        ("session", super::session::RESPONSES),
        ("handoff", super::handoff::RESPONSES),
        ("message", super::message::RESPONSES),
        ("note", super::note::RESPONSES),
        ("doc", super::doc::RESPONSES),
        ("doc_version", super::doc_version::RESPONSES),
        ("venture", super::venture::RESPONSES),
        ("token", super::token::RESPONSES),
        ("agent_token", super::agent_token::RESPONSES),
        ("machine", super::machine::RESPONSES),
        ("requirement", super::requirement::RESPONSES),
    ];
    let responses = files.into_iter().flat_map(|(file, responses)| responses.iter().map(move |row| (file, row)));
    responses
        .map(|(file, (name, response))| {
            let params = (1..=99).take_while(|n| response.select.contains(&format!("?{n}"))).count();
            (format!("idempotency::store_response {file}::{name}"), composed_store(response.select, params))
        })
        .collect()
}
