//! The responses of `start_day` and `end_day`. One statement each selects all data that an agent needs.

use deckwatch_protocol::{Epoch, SessionId, StartDay, Timestamp};

use super::agent::has_new_owner;
use super::claim::claims_json;
use super::doc::{doc_index_json, doc_index_limit, doc_key, doc_summary_members, first_docs};
use super::doc_audit::doc_audit_json;
use super::handoff::{handoff_json, omitted_payload, stored_payload};
use super::responses::{SelectResponse, responses};
use super::session::{NextHeartbeat, session_json};
use super::summaries::executive_summaries_json;
use super::venture::venture_json;
use super::{excerpt_limit, first_items};

/// The number of active sessions of a venture that the start of a day reads, except its own.
macro_rules! others_limit {
    () => {
        100
    };
}

/// The sessions of other agents on the venture of session `s` with a fresh heartbeat, among the newest active ones of the
/// venture. Other sessions of the same agent do not count. The result is one row, so that its rows are read once: `items`,
/// nearest first, then by latest heartbeat; their number `n`; the numbers of those on the issue, on the branch and in the
/// repository of session `s`, and of those on one of the first two; whether active sessions were left unread.
macro_rules! others {
    () => {
        concat!(
            "select count(*) filter (where is_other) as n, ",
            "json_group_array(json_object('id', id, 'agent', agent, 'client', client, 'host', host, 'repo', repo, ",
            "'track', track, 'issue_number', issue_number, 'branch', branch, 'created_at', created_at, ",
            "'last_heartbeat_at', last_heartbeat_at, 'presence', json(presence_json), 'groups', json(groups_json), ",
            "'take_over_reason', take_over_reason) order by same_issue desc, same_branch desc, same_repo desc, last_heartbeat_at desc, id) ",
            "filter (where is_other) as items, count(*) filter (where is_other and same_issue) as same_issue, ",
            "count(*) filter (where is_other and same_branch) as same_branch, ",
            "count(*) filter (where is_other and same_repo) as same_repo, ",
            "count(*) filter (where is_other and (same_issue or same_branch)) as near, count(*) > ",
            others_limit!(),
            " + 1 as more from (select o.*, o.last_heartbeat_at >= ?1 and o.agent <> s.agent as is_other, ",
            "o.repo = s.repo as same_repo, (o.repo = s.repo and o.issue_number = s.issue_number) is true as same_issue, ",
            "(o.repo = s.repo and o.branch = s.branch) is true as same_branch ",
            "from sessions o indexed by sessions_by_venture where o.venture = s.venture and o.status = 'active' ",
            "order by o.id desc limit ",
            others_limit!(),
            " + 2)"
        )
    };
}

/// `sessions` and `counts` of the other sessions. 20 are shown. If more are on the same issue or branch, all are shown. So the
/// response has a limited size and still shows collisions.
macro_rules! others_json {
    () => {
        concat!(
            "(select json_object('sessions', json_insert(json_object('total', min(n, ",
            others_limit!(),
            "), 'shown', iif(near > 20, n, min(n, 20)), ",
            "'items', json(iif(n <= 20 or near > 20, items, ",
            first_items!(20 of "items"),
            "))), iif(more, '$.total_is_minimum', '$.total'), json('true')), ",
            "'counts', json_object('same_issue', same_issue, 'same_branch', same_branch, 'same_repo', same_repo)) ",
            "from (",
            others!(),
            "))"
        )
    };
}

/// The smallest id of a handoff that no ended session of the agent of session `s` has shown yet. Sessions and handoffs share
/// one order by the time in their ids. The ended session is one of the agent's newest 20.
macro_rules! unseen_since {
    () => {
        "ifnull((select 'ho_' || substr(e.id, 6, 10) from ( \
           select id, venture, status from sessions indexed by sessions_by_agent where agent = s.agent \
           order by id desc limit 20) e \
         where e.status = 'ended' and e.venture = s.venture limit 1), '')"
    };
}

/// The handoffs addressed to the agent of session `s` on its venture, newest first. Each is shown until the agent ends a
/// session that began after the handoff, because that session has already shown it, or until its delivery is acknowledged or
/// refused. A handoff of an older version has no delivery. A new owner of the name sees none. The newest 30 are considered, each once. The first 5 are shown, with
/// payloads of up to 8 KiB, so that the response has a limited size.
macro_rules! handoffs_to_you_json {
    () => {
        concat!(
            "(select json_insert(json_object('total', min(n, ", excerpt_limit!(), "), 'shown', min(n, 5), 'items', json((",
            "select json_group_array(json(",
            handoff_json!("case when h.payload_size_bytes <= 8192 then json(h.payload_json) end"),
            ")) from json_each(json_extract(ids, '$[0]', '$[1]', '$[2]', '$[3]', '$[4]')) j cross join handoffs h on h.id = j.value))), ",
            "iif(more, '$.total_is_minimum', '$.total'), json('true')) from (",
            "select count(*) filter (where is_open) as n, json_group_array(id) filter (where is_open) as ids, count(*) > ",
            excerpt_limit!(), " as more from (select h.id, not exists (select 1 from deliveries d ",
            "where d.id = 'dlv_' || substr(h.id, 4, 24) || '01' and d.status in ('acknowledged', 'refused')) as is_open ",
            "from handoffs h where h.to_agent = s.agent and h.venture = s.venture and h.id >= s.unseen_since ",
            "order by h.id desc limit iif(", has_new_owner!("?7", "?6", "?10"), ", 0, ", excerpt_limit!(), " + 1))))"
        )
    };
}

/// Whether this batch created session `s`. Its id may have another time than `?2`, but it has the same random part.
macro_rules! is_new {
    () => {
        "substr(s.id, 16) = substr(?2, 16)"
    };
}

/// The newest handoff for session `s`: the newest of its track, or if there is none, the newest without a track. For
/// a session without a track, the newest of all. There is no age limit.
macro_rules! last_handoff_id {
    () => {
        "case when s.track is null \
         then (select id from handoffs where venture = s.venture and repo = s.repo order by id desc limit 1) \
         else ifnull( \
           (select id from handoffs where venture = s.venture and repo = s.repo and track = s.track order by id desc limit 1), \
           (select id from handoffs where venture = s.venture and repo = s.repo and track is null order by id desc limit 1)) \
         end"
    };
}

responses! {
    /// `?1` is the stale limit, `?2` the id of a new session, `?3` and `?4` the next heartbeat, `?5` the correlation
    /// id, `?6` to `?9` the owner of the session, `?10` the current time.
    STARTED = concat!(
        "with day as materialized (select s.*, ", others_json!(), " as others, ", unseen_since!(), " as unseen_since from sessions s ",
        "where s.agent = ?6 and s.venture = ?7 and s.repo = ?8 and ifnull(s.track, -1) = ifnull(?9, -1) ",
        "and s.status = 'active') ",
        "select case when ", is_new!(), " then 201 else 200 end, json_object(",
        "'outcome', case when ", is_new!(), " then 'created' else 'resumed' end, ",
        "'session', ", session_json!(), ", ",
        "'next_heartbeat_at', ?3, 'heartbeat_interval_seconds', cast(?4 as integer), ",
        "'venture', json(", venture_json!(), "), ",
        "'last_handoff', json(case when h.id is not null then ", handoff_json!(stored_payload!()), " end), ",
        "'handoffs_to_you', json(", handoffs_to_you_json!(), "), ",
        "'active_sessions', json(s.others -> '$.sessions'), 'active_counts', json(s.others -> '$.counts'), ",
        "'claims', json(", claims_json!(), "), ",
        "'executive_summaries', json(", executive_summaries_json!(), "), ",
        "'doc_index', json(", doc_index_json!(), "), ",
        "'doc_audit', json(", doc_audit_json!(), "), ",
        "'correlation_id', ?5), ",
        omitted_payload!("$.last_handoff.payload"),
        " from day s join (select *, ?10 as now from ventures) v on v.code = s.venture left join handoffs h on h.id = ", last_handoff_id!()
    );

    /// `?1` is the stale limit, `?2` the session, `?3` whether the request keeps the session open, `?4` the
    /// correlation id, `?5` the epoch of the caller, or null. The result is the handoff that ended the session, also for every later request. Otherwise it
    /// is the newest handoff of the session, which this batch created.
    ENDED = concat!(
        "select 200, json_object('session', ", session_json!(), ", 'handoff', ", handoff_json!(stored_payload!()),
        ", 'correlation_id', ?4), ", omitted_payload!("$.handoff.payload"),
        " from sessions s join handoffs h on h.id = ifnull(iif(?3 or ?5 <> s.epoch, null, s.final_handoff_id), ",
        "(select max(id) from handoffs where session_id = s.id)) where s.id = ?2"
    );
}

/// The time values and the correlation id of a request that starts or ends a day.
pub(crate) struct DayContext<'a> {
    pub(crate) now: Timestamp,
    pub(crate) stale_before: Timestamp,
    pub(crate) correlation_id: &'a str,
}

/// Selects the context of the agent's active session as the response.
pub(crate) fn started(day: &StartDay, new_id: &SessionId, next: NextHeartbeat, context: &DayContext) -> SelectResponse {
    STARTED
        .select()
        .bind(context.stale_before)
        .bind(new_id)
        .bind(next.at)
        .bind(next.interval_seconds)
        .bind(context.correlation_id)
        .bind(&day.agent)
        .bind(&day.venture)
        .bind(&day.repo)
        .bind(day.track)
        .bind(context.now)
}

/// Selects the session and its handoff as the response.
pub(crate) fn ended(
    session: &SessionId,
    keep_open: bool,
    epoch: Option<Epoch>,
    context: &DayContext,
) -> SelectResponse {
    ENDED
        .select()
        .bind(context.stale_before)
        .bind(session)
        .bind(keep_open)
        .bind(context.correlation_id)
        .bind(epoch.map(Epoch::get))
}
