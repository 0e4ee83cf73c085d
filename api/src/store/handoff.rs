//! Handoffs. They are inserted once and never change.

use deckwatch_protocol::{Agent, HandoffFilter, HandoffId, HandoffStatus, Limit, SessionId, Summary, Timestamp};

use super::indexed_list::{Filters, Index, StatusRows};
use super::list::{List, Order};
use super::next_id::{newest_of_days, next_id};
use super::statements;
use crate::database::Statement;
use crate::plan::PageStatements;

/// A payload of this size or more is not copied into a stored response.
macro_rules! stored_payload_limit {
    () => {
        "65536"
    };
}

/// The handoff `h` as JSON, in two parts because a function of D1 takes 32 arguments; `$payload` is an
/// SQL expression.
macro_rules! handoff_json {
    ($payload:expr) => {
        concat!(
            "json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, ",
            "'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, ",
            "'status', h.status_label, 'summary', h.summary, 'payload', ",
            $payload,
            "), ",
            "'$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, ",
            "'$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, ",
            "'$.creation_correlation_id', h.creation_correlation_id)"
        )
    };
}

/// The payload of `h` if it is small enough for a stored response, else null.
macro_rules! stored_payload {
    () => {
        concat!(
            "case when h.payload_size_bytes < ",
            $crate::store::handoff::stored_payload_limit!(),
            " then json(h.payload_json) end"
        )
    };
}

/// If the payload of `h` is too large for a stored response: the id of `h`, and `$path`, its place in the response.
macro_rules! omitted_payload {
    ($path:literal) => {
        concat!(
            "case when h.payload_size_bytes >= ",
            $crate::store::handoff::stored_payload_limit!(),
            " then h.id end, ",
            "case when h.payload_size_bytes >= ",
            $crate::store::handoff::stored_payload_limit!(),
            " then '",
            $path,
            "' end"
        )
    };
}
pub(super) use {handoff_json, omitted_payload, stored_payload, stored_payload_limit};

statements! {
    /// Copies venture, agent and place of work from the session. With `?11`, it inserts only if no handoff has ended
    /// the session yet.
    INSERT = concat!("
        insert into handoffs (id, session_id, venture, repo, track, issue_number, from_agent, to_agent, status_label,
          summary, payload_json, payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id,
          creation_correlation_id)
        select ", next_id!("ho_", 4, 14, newest_of_days!()), ", s.id, s.venture, s.repo, s.track, s.issue_number, s.agent, ?3, ?4, ?5, ?6, ?7,
          length(cast(?6 as blob)), 1, ?8, ?9, ?10
        from sessions s where s.id = ?2 and (not ?11 or s.final_handoff_id is null)");

    SELECT = concat!("select ", handoff_json!("json(h.payload_json)"), " as body from handoffs h where h.id = ?1");

    /// The newest handoff of session `?1`. This batch created it.
    SELECT_RESPONSE = concat!(
        "select 201, ", handoff_json!(stored_payload!()), ", ", omitted_payload!("$.payload"), " from handoffs h ",
        "where h.id = (select max(id) from handoffs where session_id = ?1)"
    );
}

/// A handoff to insert.
pub(crate) struct NewHandoff<'a> {
    pub(crate) id: &'a HandoffId,
    pub(crate) session_id: &'a SessionId,
    pub(crate) to_agent: Option<&'a Agent>,
    pub(crate) status: HandoffStatus,
    pub(crate) summary: &'a Summary,
    /// Canonical JSON (RFC 8785) and its SHA-256 in hexadecimal.
    pub(crate) payload: (&'a str, &'a str),
    pub(crate) now: Timestamp,
    pub(crate) actor: &'a str,
    pub(crate) correlation_id: &'a str,
}

/// Inserts a handoff of a session, also if the session has ended.
pub(crate) fn insert(new: &NewHandoff) -> Statement {
    bind_insert(new, false)
}

/// Inserts a handoff, unless another handoff has ended the session.
pub(crate) fn insert_unless_ended(new: &NewHandoff) -> Statement {
    bind_insert(new, true)
}

fn bind_insert(new: &NewHandoff, unless_ended: bool) -> Statement {
    let (payload, hash) = new.payload;
    Statement::new(INSERT)
        .bind(new.id)
        .bind(new.session_id)
        .bind(new.to_agent)
        .bind(new.status.as_str())
        .bind(new.summary)
        .bind(payload)
        .bind(hash)
        .bind(new.now)
        .bind(new.actor)
        .bind(new.correlation_id)
        .bind(unless_ended)
}

/// Reads one handoff with its whole payload as `body`.
pub(crate) fn select(id: &HandoffId) -> Statement {
    Statement::new(SELECT).bind(id)
}

/// Selects the handoff that this batch created for a session, as the response of a write.
pub(crate) fn select_response(session_id: &SessionId) -> Statement {
    Statement::new(SELECT_RESPONSE).bind(session_id)
}

const LIST: List = List {
    from: "handoffs h",
    // A hundred payloads of 800 KiB are too much for one page.
    item: handoff_json!("case when h.payload_size_bytes <= 32768 then json(h.payload_json) end"),
    key: "h.id",
    order: Order::Descending,
};

/// The first index whose filters are all given serves a list.
const INDEXES: &[Index] = &[
    Index { name: Some("handoffs_by_session"), serves: &["session_id"], by_status: false },
    Index { name: Some("handoffs_by_venture_and_recipient"), serves: &["venture", "to_agent"], by_status: false },
    Index { name: Some("handoffs_by_recipient"), serves: &["to_agent"], by_status: false },
    Index { name: Some("handoffs_by_issue"), serves: &["issue_number"], by_status: false },
    Index { name: Some("handoffs_by_sender"), serves: &["from_agent"], by_status: true },
    Index { name: Some("handoffs_by_venture_repo_and_track"), serves: &["venture", "repo", "track"], by_status: false },
    Index { name: Some("handoffs_by_venture_and_repo"), serves: &["venture", "repo"], by_status: false },
    Index { name: Some("handoffs_by_repo"), serves: &["repo"], by_status: false },
    Index { name: Some("handoffs_by_track"), serves: &["track"], by_status: true },
    Index { name: Some("handoffs_by_venture"), serves: &["venture"], by_status: true },
    Index { name: Some("handoffs_blocked"), serves: &["status=blocked"], by_status: false },
    Index { name: None, serves: &[], by_status: false },
];

/// The page of `list_handoffs`.
pub(crate) fn list(filter: &HandoffFilter) -> (PageStatements, Limit) {
    let limit = filter.limit.unwrap_or_default();
    (LIST.page((INDEXES, "h.rowid"), &filters(filter), filter.cursor.as_ref(), limit), limit)
}

/// Reads the newest handoff that matches the filter, with its whole payload, as `body`.
pub(crate) fn latest(filter: &HandoffFilter) -> Statement {
    const LATEST: List = List { item: handoff_json!("json(h.payload_json)"), ..LIST };
    LATEST.newest((INDEXES, "h.rowid"), &filters(filter))
}

fn filters(filter: &HandoffFilter) -> Filters {
    let status = filter.status.map(|status| StatusRows { status: status.as_str(), rest: None });
    Filters::new(("h.status_label", &["in_progress", "blocked", "ready", "done"]), Vec::new())
        .when("venture", "h.venture = ?", filter.venture.as_ref())
        .when("repo", "h.repo = ?", filter.repo.as_ref())
        .when("track", "h.track = ?", filter.track)
        .when("issue_number", "h.issue_number = ?", filter.issue_number)
        .when("from_agent", "h.from_agent = ?", filter.from_agent.as_ref())
        .when("to_agent", "h.to_agent = ?", filter.to_agent.as_ref())
        .when("session_id", "h.session_id = ?", filter.session_id.as_ref())
        .with_statuses(status.into_iter().collect())
}

/// The variants of [`list`] and [`latest`]: each combination of filters, with and without a cursor.
pub(super) fn composed() -> Vec<(String, String)> {
    let statuses = [None, Some(HandoffStatus::Done), Some(HandoffStatus::Blocked)];
    let given = |n: usize, bit: usize| n >> bit & 1 == 1;
    let forms = (0..256).flat_map(|n| {
        statuses.map(|status| HandoffFilter {
            venture: given(n, 0).then(|| "a".parse().ok()).flatten(),
            repo: given(n, 1).then(|| "a/b".parse().ok()).flatten(),
            track: given(n, 2).then(|| "0".parse().ok()).flatten(),
            issue_number: given(n, 3).then(|| "1".parse().ok()).flatten(),
            from_agent: given(n, 4).then(|| "a".parse().ok()).flatten(),
            to_agent: given(n, 5).then(|| "a".parse().ok()).flatten(),
            session_id: given(n, 6).then(|| "sess_00000000000000000000000000".parse().ok()).flatten(),
            cursor: given(n, 7).then(|| "ho_0".parse().ok()).flatten(),
            status,
            limit: None,
        })
    });
    let statements = forms.flat_map(|filter| {
        let (page, _) = list(&filter);
        [page.items, latest(&filter)].into_iter().chain(page.total)
    });
    statements.enumerate().map(|(n, s)| (format!("handoff::list {n}"), s.sql.into_owned())).collect()
}
