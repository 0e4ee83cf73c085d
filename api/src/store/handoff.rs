//! Handoffs. They are inserted once and never change.

use deckwatch_protocol::{Agent, Epoch, HandoffFilter, HandoffId, HandoffStatus, Limit, SessionId, Summary, Timestamp};

use super::event::append;
use super::forms::{Forms, every_form, filters};
use super::indexed_list::{Filters, Index, PageStatements, StatusRows};
use super::list::{List, Order};
use super::next_id::{newest_of_days, next_id};
use super::responses::{SelectResponse, responses};
use super::statements;
use crate::database::{Param, Statement};

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

/// A column of the session `?2`.
macro_rules! of_session {
    ($column:literal) => {
        concat!("(select s.", $column, " from sessions s where s.id = ?2)")
    };
}

statements! {
    /// Copies venture, agent and place of work from the session, which exists. With `?11`, it inserts nothing if a handoff
    /// has ended the session: the id of that handoff is taken.
    ///
    /// SQLite checks the tables that refer to handoffs if an insert can have several rows. So this is one row of values.
    INSERT = concat!("
        insert into handoffs (id, session_id, venture, repo, track, issue_number, from_agent, to_agent, status_label,
          summary, payload_json, payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id,
          creation_correlation_id)
        values (ifnull(iif(?11 and ifnull(?12 = ", of_session!("epoch"), ", true), ", of_session!("final_handoff_id"), ", null), ", next_id!("ho_", 4, 14, newest_of_days!()), "),
          ?2, ", of_session!("venture"), ", ", of_session!("repo"), ", ", of_session!("track"), ", ",
          of_session!("issue_number"), ", ", of_session!("agent"), ", ?3, ?4, ?5, ?6, ?7, length(cast(?6 as blob)), 1, ?8, ?9, ?10)
        on conflict (id) do nothing");

    SELECT = concat!("select ", handoff_json!("json(h.payload_json)"), " as body from handoffs h where h.id = ?1");

    /// The newest handoff of session `?1`, if the statement before has inserted it.
    APPEND_EVENT = append!("
        select h.venture, kind.value, h.id, h.from_agent, h.session_id, h.created_at,
          json_object('status', h.status_label, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number,
            'to_agent', h.to_agent)
        from handoffs h cross join json_each(case h.status_label when 'done' then '[\"handoff_recorded\",\"work_done\"]'
          when 'blocked' then '[\"handoff_recorded\",\"agent_blocked\"]' else '[\"handoff_recorded\"]' end) kind
        where changes() > 0 and h.id = (select max(id) from handoffs where session_id = ?1)");
}

responses! {
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
    bind_insert(new, false, None)
}

/// Inserts a handoff, unless another handoff has ended the session. A handoff of another epoch is always inserted.
pub(crate) fn insert_unless_ended(new: &NewHandoff, epoch: Option<Epoch>) -> Statement {
    bind_insert(new, true, epoch)
}

fn bind_insert(new: &NewHandoff, unless_ended: bool, epoch: Option<Epoch>) -> Statement {
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
        .bind(epoch.map(Epoch::get))
}

/// Appends the events of the handoff of a session, if the statement before has inserted one.
pub(crate) fn append_event(session: &SessionId) -> Statement {
    Statement::new(APPEND_EVENT).bind(session)
}

/// Reads one handoff with its whole payload as `body`.
pub(crate) fn select(id: &HandoffId) -> Statement {
    Statement::new(SELECT).bind(id)
}

/// Selects the handoff that this batch created for a session, as the response of a write.
pub(crate) fn select_response(session_id: &SessionId) -> SelectResponse {
    SELECT_RESPONSE.select().bind(session_id)
}

const LIST: List = List {
    from: "handoffs h",
    // A hundred payloads of 800 KiB are too much for one page.
    item: handoff_json!("case when h.payload_size_bytes <= 32768 then json(h.payload_json) end"),
    key: "h.id",
    order: Order::Descending,
};

filters! {
    /// The filters of `list_handoffs` and `latest_handoff`.
    HandoffFilters {
        venture: Option<Param>,
        repo: Option<Param>,
        track: Option<Param>,
        issue_number: Option<Param>,
        from_agent: Option<Param>,
        to_agent: Option<Param>,
        status: Option<HandoffStatus>,
        session_id: Option<Param>,
        cursor: Option<Param>,
    }
}

impl From<&HandoffFilter> for HandoffFilters {
    fn from(filter: &HandoffFilter) -> Self {
        Self {
            venture: filter.venture.as_ref().map(Param::from),
            repo: filter.repo.as_ref().map(Param::from),
            track: filter.track.map(Param::from),
            issue_number: filter.issue_number.map(Param::from),
            from_agent: filter.from_agent.as_ref().map(Param::from),
            to_agent: filter.to_agent.as_ref().map(Param::from),
            status: filter.status,
            session_id: filter.session_id.as_ref().map(Param::from),
            cursor: filter.cursor.as_ref().map(Param::from),
        }
    }
}

impl HandoffFilters {
    fn filters(&self) -> Filters {
        let status = self.status.map(|status| StatusRows { status: status.as_str(), rest: None });
        Filters::new(("h.status_label", &["in_progress", "blocked", "ready", "done"]), Vec::new())
            .when("venture", "h.venture = ?", self.venture.clone())
            .when("repo", "h.repo = ?", self.repo.clone())
            .when("track", "h.track = ?", self.track.clone())
            .when("issue_number", "h.issue_number = ?", self.issue_number.clone())
            .when("from_agent", "h.from_agent = ?", self.from_agent.clone())
            .when("to_agent", "h.to_agent = ?", self.to_agent.clone())
            .when("session_id", "h.session_id = ?", self.session_id.clone())
            .with_statuses(status.into_iter().collect())
    }

    fn page(&self, limit: Limit) -> PageStatements {
        LIST.filtered_page((INDEXES, "h.rowid"), &self.filters(), self.cursor.as_ref(), limit)
    }

    fn latest(&self) -> Statement {
        const LATEST: List = List { item: handoff_json!("json(h.payload_json)"), ..LIST };
        LATEST.newest((INDEXES, "h.rowid"), &self.filters())
    }
}

impl Forms for HandoffStatus {
    fn forms() -> Vec<Self> {
        vec![Self::InProgress, Self::Blocked, Self::Ready, Self::Done]
    }
}

/// The first index whose filters are all given serves a list.
const INDEXES: &[Index] = &[
    Index { name: Some("handoffs_by_session"), serves: &["session_id"], by_status: false },
    Index { name: Some("handoffs_by_venture_and_recipient"), serves: &["venture", "to_agent"], by_status: false },
    Index { name: Some("handoffs_by_issue"), serves: &["issue_number"], by_status: false },
    Index { name: Some("handoffs_by_sender"), serves: &["from_agent"], by_status: true },
    Index { name: Some("handoffs_by_venture_repo_and_track"), serves: &["venture", "repo", "track"], by_status: false },
    Index { name: Some("handoffs_by_venture_and_repo"), serves: &["venture", "repo"], by_status: false },
    Index { name: Some("handoffs_by_repo"), serves: &["repo"], by_status: false },
    Index { name: Some("handoffs_by_venture"), serves: &["venture"], by_status: true },
    Index { name: Some("handoffs_blocked"), serves: &["status=blocked"], by_status: false },
    Index { name: None, serves: &[], by_status: false },
];

/// The page of `list_handoffs`.
pub(crate) fn list(filter: &HandoffFilter) -> (PageStatements, Limit) {
    let limit = filter.limit.unwrap_or_default();
    (HandoffFilters::from(filter).page(limit), limit)
}

/// Reads the newest handoff that matches the filter, with its whole payload, as `body`.
pub(crate) fn latest(filter: &HandoffFilter) -> Statement {
    HandoffFilters::from(filter).latest()
}

/// Every form of [`list`] and [`latest`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("handoff::list", |filters: &HandoffFilters| {
        let page = filters.page(Limit::default());
        [page.items, filters.latest()].into_iter().chain(page.total)
    })
}
