//! Sessions. In statements that render a session or check whether one is active, a heartbeat before `?1` is stale.

use deckwatch_protocol::{
    Epoch, Groups, Limit, SessionFilter, SessionId, SessionStatus, StartDay, Timestamp, UpdateSession,
};

use serde_json::json;

use super::forms::{Forms, every_form, filters};
use super::indexed_list::{Filters, Index, PageStatements, StatusRows};
use super::list::{List, Order};
use super::responses::{SelectResponse, responses};
use super::statements;
use crate::database::{Param, Statement};

/// A heartbeat may be this many seconds ahead of the clock that reads it.
pub(super) const MAX_CLOCK_SKEW_SECONDS: i64 = 5 * 60;

/// The status of a session. A silent session counts as abandoned, also before a sweep marks it.
macro_rules! session_status {
    () => {
        "case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end"
    };
}

/// The presence of the session `s`: no presence outlives its session.
macro_rules! presence_json {
    () => {
        "iif(s.status = 'active' and s.last_heartbeat_at >= ?1, s.presence_json, null)"
    };
}

/// The session `s` as JSON, in two parts because a function of D1 takes 32 arguments.
macro_rules! session_json {
    () => {
        concat!(
            "json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, ",
            "'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, ",
            "'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, ",
            "'status', ", $crate::store::session::session_status!(), ", 'created_at', s.created_at), ",
            "'$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, ",
            "'$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, ",
            "'$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json), '$.epoch', s.epoch, ",
            "'$.mode', s.mode, '$.dnd_until', s.dnd_until, '$.presence', json(",
            $crate::store::session::presence_json!(),
            "), '$.groups', json(s.groups_json), '$.public_key', s.public_key, '$.take_over_reason', s.take_over_reason)"
        )
    };
}
pub(super) use {presence_json, session_json, session_status};

/// The condition for the active session `$s` of an agent. `?1` to `?4` are its agent, venture, repository and track.
macro_rules! live_session {
    ($s:literal) => {
        concat!(
            $s,
            ".agent = ?1 and ",
            $s,
            ".venture = ?2 and ",
            $s,
            ".repo = ?3 and ifnull(",
            $s,
            ".track, -1) = ifnull(?4, -1) and ",
            $s,
            ".status = 'active'"
        )
    };
}

/// The stale sessions that the start of a day abandons after its answer: those among the 5 oldest active ones of the venture
/// `?3`. The sweep abandons the others. A heartbeat before `?1` is stale.
macro_rules! stale_sessions {
    () => {
        "select * from (select * from sessions indexed by sessions_by_venture \
           where venture = ?3 and status = 'active' order by id limit 5) where last_heartbeat_at < ?1"
    };
}

/// The id of the session that the start of a day reactivates if the agent has no active one: the one that the agent left
/// before it was stale, among its newest 20. The parameters are those of `live_session`; a heartbeat before `?8` is stale.
macro_rules! reactivated {
    () => {
        "(select id from (select id, venture, repo, track, status, end_reason, last_heartbeat_at \
         from sessions indexed by sessions_by_agent where agent = ?1 order by id desc limit 20) \
         where status = 'abandoned' and last_heartbeat_at >= ?8 and venture = ?2 and repo = ?3 \
         and ifnull(track, -1) = ifnull(?4, -1) and end_reason = 'process_exit' order by last_heartbeat_at desc limit 1)"
    };
}
pub(super) use {live_session, reactivated, stale_sessions};

/// The fields of a patch and the heartbeat that it records.
macro_rules! patched {
    () => {
        "last_heartbeat_at = ?2, branch = iif(?3, ?4, branch), commit_sha = iif(?5, ?6, commit_sha), \
         issue_number = iif(?7, ?8, issue_number), meta_json = iif(?9, ifnull(json_patch(meta_json, ?10), '{}'), meta_json), groups_json = iif(?13, ifnull(?14, '{}'), groups_json), \
         mode = iif(?15, ifnull(?16, 'push'), mode), dnd_until = iif(?17, ?18, dnd_until)"
    };
}

/// Whether another process goes on with the session. A process that gives no id can't be told from the one before.
macro_rules! is_other_process {
    () => {
        "excluded.start_id is not null and start_id is not excluded.start_id"
    };
}

/// The answer to a heartbeat. `?2` and `?3` are the next one's time and interval.
macro_rules! heartbeat_json {
    () => {
        "json_object('session_id', id, 'status', status, 'last_heartbeat_at', last_heartbeat_at, \
         'next_heartbeat_at', ?2, 'heartbeat_interval_seconds', cast(?3 as integer))"
    };
}

statements! {
    /// Abandons the agent's own active session if it is stale. Then the new day gets a new session. If the agent has no
    /// active session, reactivates the one in the event about its start, which this batch has appended. A new session does not
    /// exist yet. One statement, because each statement of a batch takes time.
    SETTLE_OWN = "
        update sessions set
          (status, ended_at, end_reason) = (select iif(status = 'active', 'abandoned', 'active'),
            iif(status = 'active', ?2, null), iif(status = 'active', 'stale', null)), presence_json = null
        where id = (
          select case when a.id is null then (
            select subject from events where seq = (select max(seq) from events) and kind = 'session_started')
          when a.last_heartbeat_at < ?1 then a.id end
          from (select 1) left join sessions a on a.agent = ?3 and a.venture = ?4 and a.repo = ?5
            and ifnull(a.track, -1) = ifnull(?6, -1) and a.status = 'active')";

    /// The sessions about which the statement before has appended events.
    ABANDON_STALE = "
        update sessions set status = 'abandoned', ended_at = ?2, end_reason = 'stale'
        where id in (select subject from events order by seq desc limit changes()) and last_heartbeat_at < ?1";

    /// A clock that was ahead recorded a heartbeat in the future. This sets it to the current time, so that the
    /// session becomes stale in time. It checks the 5 newest active sessions of the venture; the sweep corrects the
    /// others. `?3` allows a small difference between clocks.
    CORRECT_AHEAD = "
        update sessions set last_heartbeat_at = ?1
        where id in (
          select id from (
            select id, last_heartbeat_at from sessions indexed by sessions_by_venture
            where venture = ?2 and status = 'active' order by id desc limit 5)
          where last_heartbeat_at > ?3)";

    /// Creates the session, or updates the active one with the agent's current values. A new session has the id in the event
    /// about its start, which this batch has appended. It returns nothing: with `returning`, SQLite looks for all rows that refer
    /// to a new session. `?21` is the reason to take the name over, which this batch may just have done: then the agent has it.
    START = concat!("
        insert into sessions (id, agent, client, client_version, client_session_id, host, venture, repo, track,
          issue_number, branch, commit_sha, status, created_at, last_heartbeat_at, actor_key_id,
          creation_correlation_id, meta_json, start_id, machine_id, public_key, groups_json, take_over_reason)
        values (ifnull((select subject from events where seq = (select max(seq) from events) and kind = 'session_started'
            and substr(subject, 16) = substr(?1, 16)), ?1),
          ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'active', ?13, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ifnull(?20, '{}'),
          iif(?21 is null, null, (select take_over_reason from agents where venture = ?7 and agent = ?2 and taken_at = ?13
            and taken_from is not null)))
        on conflict (agent, venture, repo, ifnull(track, -1)) where status = 'active' do update set
          last_heartbeat_at = excluded.last_heartbeat_at,
          client = excluded.client,
          client_version = ifnull(excluded.client_version, client_version),
          client_session_id = ifnull(excluded.client_session_id, client_session_id),
          host = excluded.host,
          issue_number = ifnull(excluded.issue_number, issue_number),
          branch = ifnull(excluded.branch, branch),
          commit_sha = ifnull(excluded.commit_sha, commit_sha),
          meta_json = json_patch(meta_json, excluded.meta_json),
          epoch = epoch + (", is_other_process!(), "),
          presence_json = iif(", is_other_process!(), ", null, presence_json),
          start_id = ifnull(excluded.start_id, start_id),
          machine_id = ifnull(excluded.machine_id, machine_id),
          public_key = ifnull(excluded.public_key, public_key),
          groups_json = ifnull(?20, groups_json),
          take_over_reason = ifnull(excluded.take_over_reason, take_over_reason)");

    SELECT = concat!("select ", session_json!(), " as body from sessions s where s.id = ?2");

    /// An update writes an entry of each index that has one of its columns. So an active session, an abandoned one and a
    /// session that moves to another track have separate statements. Each session is written by one of them.
    ///
    /// `?1` is the id, `?2` the current time. Then a flag and a value follow for each field of the patch. The session stays
    /// on its track.
    UPDATE = concat!("update sessions set presence_json = iif(?19, ?20, presence_json), ", patched!(), " where id = ?1 and status = 'active' and (not ?11 or track is ?12)");

    /// The session moves to the track `?12`.
    UPDATE_TRACK = concat!(
        "update sessions set track = ?12, presence_json = iif(?19, ?20, presence_json), ", patched!(), " where id = ?1 and status = 'active' and ?11 and track is not ?12");

    /// An abandoned session becomes active again, without its presence.
    UPDATE_ABANDONED = concat!(
        "update sessions set status = 'active', ended_at = null, end_reason = null, presence_json = iif(?19, ?20, null), track = iif(?11, ?12, track), ",
        patched!(), " where id = ?1 and status = 'abandoned'");

    /// An abandoned session becomes active again, without its presence.
    REVIVE = "
        update sessions set status = 'active', ended_at = null, end_reason = null, presence_json = null, last_heartbeat_at = ?2
        where id = ?1 and status = 'abandoned'";

    /// Records a heartbeat of an active session and returns the answer.
    RECORD_HEARTBEAT = concat!(
        "update sessions set last_heartbeat_at = ?4 where id = ?1 and status = 'active' returning ", heartbeat_json!(), " as body");

    /// The answer to the heartbeat of a session that was not active. A session that has ended has no heartbeat.
    SELECT_HEARTBEAT = concat!(
        "select iif(status = 'ended', null, ", heartbeat_json!(), ") as body,
          iif(status = 'ended', 'session_ended', null) as refused from sessions where id = ?1");

    /// Has no effect if the session had a heartbeat since.
    LEAVE = "
        update sessions set status = 'abandoned', ended_at = ?2, end_reason = 'process_exit'
        where id = ?1 and status = 'active' and last_heartbeat_at <= ?3";

    /// Ends the session with the handoff of the same batch, which is its newest one, unless an earlier handoff ended
    /// it, or the session has another epoch than `?4`.
    END = "
        update sessions set status = 'ended', ended_at = ?2, end_reason = ?3,
          final_handoff_id = (select max(id) from handoffs where session_id = ?1)
        where id = ?1 and status <> 'ended' and epoch = ifnull(?4, epoch)";
}

responses! {
    SELECT_RESPONSE = concat!("select 200, ", session_json!(), ", null, null from sessions s where s.id = ?2");
}

pub(crate) fn settle_own(day: &StartDay, stale_before: Timestamp, now: Timestamp) -> Statement {
    Statement::new(SETTLE_OWN)
        .bind(stale_before)
        .bind(now)
        .bind(&day.agent)
        .bind(&day.venture)
        .bind(&day.repo)
        .bind(day.track)
}

/// A statement with the parameters of `stale_sessions`, and the current time as `?2`. The sweep does the same work, so it
/// may be lost.
pub(super) fn of_stale_sessions(
    sql: &'static str,
    day: &StartDay,
    stale_before: Timestamp,
    now: Timestamp,
) -> Statement {
    Statement::new(sql).bind(stale_before).bind(now).bind(&day.venture).non_durable()
}

/// Abandons the sessions for which the statement before has appended events.
pub(crate) fn abandon_stale(stale_before: Timestamp, now: Timestamp) -> Statement {
    Statement::new(ABANDON_STALE).bind(stale_before).bind(now).non_durable()
}

pub(crate) fn correct_ahead(day: &StartDay, now: Timestamp) -> Statement {
    let latest = now.plus_seconds(MAX_CLOCK_SKEW_SECONDS);
    Statement::new(CORRECT_AHEAD).bind(now).bind(&day.venture).bind(latest).non_durable()
}

/// The fields of a new session that its agent does not set.
pub(crate) struct NewSession<'a> {
    pub(crate) id: &'a SessionId,
    pub(crate) now: Timestamp,
    pub(crate) actor: &'a str,
    pub(crate) correlation_id: &'a str,
}

pub(crate) fn start(day: &StartDay, new: &NewSession) -> Statement {
    Statement::new(START)
        .bind(new.id)
        .bind(&day.agent)
        .bind(&day.client)
        .bind(day.client_version.as_ref())
        .bind(day.client_session_id.as_ref())
        .bind(&day.host)
        .bind(&day.venture)
        .bind(&day.repo)
        .bind(day.track)
        .bind(day.issue_number)
        .bind(day.branch.as_ref())
        .bind(day.commit_sha.as_ref())
        .bind(new.now)
        .bind(new.actor)
        .bind(new.correlation_id)
        .bind(serde_json::Value::from(day.meta.0.clone()).to_string())
        .bind(day.start_id.as_ref())
        .bind(day.machine_id.as_ref())
        .bind(day.public_key.as_ref())
        .bind(day.groups.as_ref().map(groups_json))
        .bind(day.take_over.as_ref())
}

fn groups_json(groups: &Groups) -> String {
    let roles = groups.0.iter().map(|(name, role)| (name.as_str().to_owned(), role.as_str().into()));
    serde_json::Value::Object(roles.collect()).to_string()
}

/// Reads one session as `body`.
pub(crate) fn select(id: &SessionId, stale_before: Timestamp) -> Statement {
    Statement::new(SELECT).bind(stale_before).bind(id)
}

/// Selects one session as the response of a write.
pub(crate) fn select_response(id: &SessionId, stale_before: Timestamp) -> SelectResponse {
    SELECT_RESPONSE.select().bind(stale_before).bind(id)
}

/// Updates the fields that the patch has. This also counts as a heartbeat.
pub(crate) fn update(id: &SessionId, patch: &UpdateSession, now: Timestamp) -> [Statement; 3] {
    let meta = patch.meta.value().map(|meta| serde_json::Value::from(meta.0.clone()).to_string());
    let presence = patch.presence.value().map(|reported| json!(reported.at(now)).to_string());
    // A session that `UPDATE_TRACK` has moved is on its track already, so `UPDATE` would write it again. It runs first.
    [UPDATE, UPDATE_TRACK, UPDATE_ABANDONED].map(|sql| {
        Statement::new(sql)
            .bind(id)
            .bind(now)
            .bind(!patch.branch.is_keep())
            .bind(patch.branch.value())
            .bind(!patch.commit_sha.is_keep())
            .bind(patch.commit_sha.value())
            .bind(!patch.issue_number.is_keep())
            .bind(patch.issue_number.value().copied())
            .bind(!patch.meta.is_keep())
            .bind(meta.clone())
            .bind(!patch.track.is_keep())
            .bind(patch.track.value().copied())
            .bind(!patch.groups.is_keep())
            .bind(patch.groups.value().map(groups_json))
            .bind(!patch.mode.is_keep())
            .bind(patch.mode.value().map(|mode| mode.as_str()))
            .bind(!patch.dnd_until.is_keep())
            .bind(patch.dnd_until.value().copied())
            .bind(!patch.presence.is_keep())
            .bind(presence.clone())
    })
}

/// When the next heartbeat is due.
#[derive(Clone, Copy)]
pub(crate) struct NextHeartbeat {
    pub(crate) at: Timestamp,
    pub(crate) interval_seconds: u32,
}

/// Records a heartbeat of an active session and returns the answer as `body`. No row if the session is not active.
pub(crate) fn record_heartbeat(id: &SessionId, next: NextHeartbeat, now: Timestamp) -> Statement {
    Statement::new(RECORD_HEARTBEAT).bind(id).bind(next.at).bind(next.interval_seconds).bind(now).non_durable()
}

/// Makes an abandoned session active again.
pub(crate) fn revive(id: &SessionId, now: Timestamp) -> Statement {
    Statement::new(REVIVE).bind(id).bind(now).non_durable()
}

/// The answer to the heartbeat of a session that was not active.
pub(crate) fn select_heartbeat(id: &SessionId, next: NextHeartbeat) -> Statement {
    Statement::new(SELECT_HEARTBEAT).bind(id).bind(next.at).bind(next.interval_seconds)
}

pub(crate) fn leave(id: &SessionId, last_heartbeat_at: Timestamp, now: Timestamp) -> Statement {
    Statement::new(LEAVE).bind(id).bind(now).bind(last_heartbeat_at)
}

pub(crate) fn end(id: &SessionId, now: Timestamp, reason: &'static str, epoch: Option<Epoch>) -> Statement {
    Statement::new(END).bind(id).bind(now).bind(reason).bind(epoch.map(Epoch::get))
}

const LIST: List = List { from: "sessions s", item: session_json!(), key: "s.id", order: Order::Descending };

/// At most 76 active sessions.
macro_rules! active {
    () => {
        "select id from sessions indexed by sessions_one_live where status = 'active' limit 76"
    };
}

/// The first index whose filters are all given serves a list.
const INDEXES: &[Index] = &[
    Index { name: Some("sessions_by_agent"), serves: &["agent"], by_status: false },
    Index { name: Some("sessions_by_venture_and_repo"), serves: &["venture", "repo"], by_status: false },
    Index { name: Some("sessions_by_repo"), serves: &["repo"], by_status: false },
    Index { name: Some("sessions_by_venture"), serves: &["venture"], by_status: true },
    Index { name: None, serves: &[], by_status: false },
];

/// The smallest id of the active sessions, if they are few. So a list of active sessions ends where no more can follow. If
/// they are many, it is the smallest text.
const FLOOR_OF_ACTIVE: &str = concat!("select iif(count(*) <= 75, ifnull(min(id), '~'), '') from (", active!(), ")");

/// The smallest id of the sessions that can have a heartbeat since `?2`, in the same way: those that are active, and those
/// that have ended since. The clock that recorded a heartbeat may be ahead of the clock that recorded the end.
const FLOOR_OF_RECENT: &str = concat!(
    "select iif(max(n) <= 75, ifnull(min(first), '~'), '') from (select count(*) as n, min(id) as first from (",
    active!(),
    ") union all select count(*), min(id) from (select id from sessions indexed by sessions_by_end \
     where ended_at >= strftime('%Y-%m-%dT%H:%M:%fZ', ?2, '-5 minutes') limit 76))"
);

// The statement has the difference between clocks as a number of minutes.
const _: () = assert!(MAX_CLOCK_SKEW_SECONDS == 5 * 60);

filters! {
    /// The filters of `list_sessions`.
    SessionFilters {
        venture: Option<Param>,
        repo: Option<Param>,
        agent: Option<Param>,
        track: Option<Param>,
        active_since: Option<Param>,
        status: Option<SessionStatus>,
        cursor: Option<Param>,
    }
}

impl Forms for SessionStatus {
    fn forms() -> Vec<Self> {
        vec![Self::Active, Self::Ended, Self::Abandoned]
    }
}

/// The page of `list_sessions`.
pub(crate) fn list(filter: &SessionFilter, stale_before: Timestamp) -> (PageStatements, Limit) {
    let filters = SessionFilters {
        venture: filter.venture.as_ref().map(Param::from),
        repo: filter.repo.as_ref().map(Param::from),
        agent: filter.agent.as_ref().map(Param::from),
        track: filter.track.map(Param::from),
        active_since: filter.active_since.map(Param::from),
        status: filter.status,
        cursor: filter.cursor.as_ref().map(Param::from),
    };
    let limit = filter.limit.unwrap_or_default();
    (page(&filters, stale_before, limit), limit)
}

fn page(filters: &SessionFilters, stale_before: Timestamp, limit: Limit) -> PageStatements {
    let rows = |status: SessionStatus, rest| StatusRows { status: status.as_str(), rest };
    let fresh = "s.last_heartbeat_at >= ?1";
    let statuses = match filters.status {
        None => Vec::new(),
        Some(SessionStatus::Active) => vec![rows(SessionStatus::Active, Some(fresh))],
        Some(SessionStatus::Ended) => vec![rows(SessionStatus::Ended, None)],
        // Those that are marked as abandoned, and stale ones that are not marked yet.
        Some(SessionStatus::Abandoned) => {
            vec![rows(SessionStatus::Abandoned, None), rows(SessionStatus::Active, Some("s.last_heartbeat_at < ?1"))]
        }
    };
    let named = Filters::new(("s.status", &["active", "ended", "abandoned"]), vec![stale_before.into()])
        .when("active_since", "s.last_heartbeat_at >= ?", filters.active_since.clone())
        .when("venture", "s.venture = ?", filters.venture.clone())
        .when("repo", "s.repo = ?", filters.repo.clone())
        .when("agent", "s.agent = ?", filters.agent.clone())
        .when("track", "s.track = ?", filters.track.clone())
        .with_statuses(statuses);
    let floor = match (&filters.active_since, filters.status) {
        (_, Some(SessionStatus::Active)) => Some(FLOOR_OF_ACTIVE.to_owned()),
        (Some(_), _) => Some(FLOOR_OF_RECENT.to_owned()),
        (None, _) => None,
    };
    LIST.filtered_page((INDEXES, "s.rowid"), &named.with_floor(floor), filters.cursor.as_ref(), limit)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("session::list", |filters| page(filters, Timestamp::from_millis(0), Limit::default()).statements())
}
