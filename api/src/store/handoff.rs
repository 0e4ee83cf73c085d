//! Handoffs: written once, never changed.

use deckwatch_protocol::{Agent, HandoffFilter, HandoffId, HandoffStatus, Limit, SessionId, Summary, Timestamp};

use super::list::{Conditions, List, Order};
use super::next_id::{newest_of_days, next_id};
use super::statements;
use crate::database::Statement;

/// A payload of this size or more is not repeated inside a stored answer.
macro_rules! kept_payload_limit {
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

/// The payload of `h` where it is small enough to be stored in an answer, else null.
macro_rules! kept_payload {
    () => {
        concat!(
            "case when h.payload_size_bytes < ",
            $crate::store::handoff::kept_payload_limit!(),
            " then json(h.payload_json) end"
        )
    };
}

/// The id of `h` where its payload is too large for a stored answer, and `$path` where it belongs.
macro_rules! payload_hole {
    ($path:literal) => {
        concat!(
            "case when h.payload_size_bytes >= ",
            $crate::store::handoff::kept_payload_limit!(),
            " then h.id end, ",
            "case when h.payload_size_bytes >= ",
            $crate::store::handoff::kept_payload_limit!(),
            " then '",
            $path,
            "' end"
        )
    };
}
pub(super) use {handoff_json, kept_payload, kept_payload_limit, payload_hole};

statements! {
    /// Copies whose it is and where it stands from its session. With `?11`, only if the session has not
    /// been ended by a handoff yet.
    INSERT = concat!("
        insert into handoffs (id, session_id, venture, repo, track, issue_number, from_agent, to_agent, status_label,
          summary, payload_json, payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id,
          creation_correlation_id)
        select ", next_id!("ho_", 4, 14, newest_of_days!()), ", s.id, s.venture, s.repo, s.track, s.issue_number, s.agent, ?3, ?4, ?5, ?6, ?7,
          length(cast(?6 as blob)), 1, ?8, ?9, ?10
        from sessions s where s.id = ?2 and (not ?11 or s.final_handoff_id is null)");

    SELECT = concat!("select ", handoff_json!("json(h.payload_json)"), " as body from handoffs h where h.id = ?1");

    /// The newest handoff of session `?1`, which is the one that this batch has made.
    SELECT_KEPT = concat!(
        "select 201, ", handoff_json!(kept_payload!()), ", ", payload_hole!("$.payload"), " from handoffs h ",
        "where h.id = (select max(id) from handoffs where session_id = ?1)"
    );
}

/// A handoff that is about to be stored.
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

/// Stores a handoff of a session, whether it has ended or not.
pub(crate) fn insert(new: &NewHandoff) -> Statement {
    bind_insert(new, false)
}

/// Stores a handoff, unless another one has ended the session.
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

/// Selects the handoff that this batch has made for a session, as the answer of a write.
pub(crate) fn select_kept(session_id: &SessionId) -> Statement {
    Statement::new(SELECT_KEPT).bind(session_id)
}

const LIST: List = List {
    from: "handoffs h",
    // A hundred payloads of 800 KiB would be no page.
    item: handoff_json!("case when h.payload_size_bytes <= 32768 then json(h.payload_json) end"),
    key: "h.id",
    order: Order::Descending,
};

/// The page and the total of `list_handoffs`.
pub(crate) fn list(filter: &HandoffFilter) -> (Statement, Statement, Limit) {
    let conditions = conditions(filter);
    let limit = filter.limit.unwrap_or_default();
    (LIST.items(&conditions, filter.cursor.as_ref(), limit), LIST.total(&conditions), limit)
}

/// Reads the newest handoff that fits, with its whole payload, as `body`.
pub(crate) fn latest(filter: &HandoffFilter) -> Statement {
    const LATEST: List = List { item: handoff_json!("json(h.payload_json)"), ..LIST };
    LATEST.first(&conditions(filter))
}

fn conditions(filter: &HandoffFilter) -> Conditions {
    Conditions::none()
        .when("h.venture = ?", filter.venture.as_ref())
        .when("h.repo = ?", filter.repo.as_ref())
        .when("h.track = ?", filter.track)
        .when("h.issue_number = ?", filter.issue_number)
        .when("h.from_agent = ?", filter.from_agent.as_ref())
        .when("h.to_agent = ?", filter.to_agent.as_ref())
        .when("h.status_label = ?", filter.status.map(HandoffStatus::as_str))
        .when("h.session_id = ?", filter.session_id.as_ref())
}

/// The forms of [`list`] and [`latest`]: each filter alone, and a cursor.
pub(super) fn composed() -> Vec<(String, String)> {
    let forms = [
        HandoffFilter::default(),
        HandoffFilter { venture: "a".parse().ok(), repo: "a/b".parse().ok(), ..Default::default() },
        HandoffFilter { track: "0".parse().ok(), issue_number: "1".parse().ok(), ..Default::default() },
        HandoffFilter { from_agent: "a".parse().ok(), cursor: "ho_0".parse().ok(), ..Default::default() },
        HandoffFilter { to_agent: "a".parse().ok(), status: Some(HandoffStatus::Done), ..Default::default() },
        HandoffFilter { session_id: "sess_00000000000000000000000000".parse().ok(), ..Default::default() },
    ];
    let statements = forms.iter().flat_map(|filter| {
        let (items, total, _) = list(filter);
        [items, total, latest(filter)]
    });
    statements.enumerate().map(|(n, s)| (format!("handoff::list {n}"), s.sql.into_owned())).collect()
}
