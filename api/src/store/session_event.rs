//! The events of sessions: they start, move, end and are lost, and their agents tell their presence.

use deckwatch_protocol::{EventKind, SessionId, StartDay, Timestamp, UpdateSession};

use super::claim::own_claims_released;
use super::event::{append, append_quietly};
use super::next_id::{newest_of_days, next_id};
use super::session::{live_session, of_stale_sessions, reactivated, stale_sessions};
use super::statements;
use super::sweep::stale_to_sweep;
use crate::database::Statement;

/// Facts about the session `s`. A branch is shown only if it has the characters of an ordinary name, because others read
/// the event. D1 binds a number as a double, which would be `87.0` in JSON.
macro_rules! session_data {
    ($repo:literal, $track:literal, $issue_number:literal, $branch:literal, $end_reason:literal) => {
        concat!(
            "json_object('repo', ",
            $repo,
            ", 'track', cast(",
            $track,
            " as integer), 'issue_number', cast(",
            $issue_number,
            " as integer), 'branch', iif(",
            $branch,
            " glob '*[^A-Za-z0-9._/+#@-]*', null, ",
            $branch,
            "), 'end_reason', ",
            $end_reason,
            ")"
        )
    };
    () => {
        session_data!("s.repo", "s.track", "s.issue_number", "s.branch", "s.end_reason")
    };
}
pub(super) use session_data;

/// The `$sessions` that the next statement abandons. `$now` is the current time.
macro_rules! becoming_lost {
    ($now:literal, $sessions:expr) => {
        append!(concat!(
            "select s.venture, 'session_lost', s.id, s.agent, s.id, ",
            $now,
            ", ",
            session_data!("s.repo", "s.track", "s.issue_number", "s.branch", "'stale'"),
            " from (",
            $sessions,
            ") s"
        ))
    };
}

/// Whether this batch has taken the name `?1` in the venture `?2` from another owner or machine.
macro_rules! is_taken_over {
    () => {
        "exists (select 1 from agents where venture = ?2 and agent = ?1 and taken_at = ?5 and taken_from is not null)"
    };
}

/// All events of the start of a day, for one statement, because each statement takes time: the agent's active session is
/// lost, because its last heartbeat is before `?8`, or moves to another branch or issue; claims of lost sessions are
/// released; a session starts, which is a new one, with the id that follows the newest one, or the one that is
/// reactivated. The next statements read from these events which claims to delete and which id a new session has.
///
/// The parameters are those of `live_session`, the current time, the branch and the issue of the request, or null, the stale
/// limit, and the id of a new session. `$also` selects more events, `$data` are more members of the last one.
macro_rules! at_start {
    ($also:expr, $data:expr) => {
        concat!(
            "select s.venture, iif(s.last_heartbeat_at < ?8, 'session_lost', 'session_moved'), s.id, s.agent, s.id, ?5, ",
            session_data!(
                "s.repo",
                "s.track",
                "iif(s.last_heartbeat_at < ?8, s.issue_number, ifnull(?7, s.issue_number))",
                "iif(s.last_heartbeat_at < ?8, s.branch, ifnull(?6, s.branch))",
                "iif(s.last_heartbeat_at < ?8, 'stale', s.end_reason)"
            ),
            " from sessions s where ",
            live_session!("s"),
            " and (s.last_heartbeat_at < ?8 or ",
            "(s.branch, s.issue_number) is not (ifnull(?6, s.branch), ifnull(?7, s.issue_number))) ",
            "union all select * from (",
            own_claims_released!(),
            ") ",
            $also,
            "union all select ?2, 'session_started', id, ?1, id, ?5, json_set(",
            session_data!("?3", "?4", "ifnull(?7, issue_number)", "ifnull(?6, branch)", "null"),
            $data,
            ") from (select ifnull(r.id, ",
            next_id!("sess_", 6, 16, newest_of_days!(), "?9"),
            ") as id, r.issue_number, r.branch from (select 1) left join sessions r on r.id = ",
            reactivated!(),
            " where not exists (select 1 from sessions s where ",
            live_session!("s"),
            " and s.last_heartbeat_at >= ?8))"
        )
    };
}

statements! {
    /// The session `?1`, which the statement before may have changed. `?2` is the current time, `?3` the kind.
    SESSION = append!(concat!(
        "select s.venture, ?3, s.id, s.agent, s.id, ?2, ", session_data!(), " from sessions s where s.id = ?1 limit changes()"));

    /// What a start of day is about to do. The statement that takes the name of the agent returns the newest number.
    AT_START = append_quietly!(at_start!("", ""));

    /// The same with a request to take over the name, which this batch may just have taken from another owner or machine. Then
    /// an active session starts again under its new owner.
    AT_START_WITH_TAKE_OVER = append!(at_start!(
        concat!("union all select s.venture, 'session_started', s.id, s.agent, s.id, ?5, json_set(",
          session_data!("s.repo", "s.track", "ifnull(?7, s.issue_number)", "ifnull(?6, s.branch)", "s.end_reason"),
          ", '$.taken_over', json('true')) from sessions s where ", live_session!("s"), " and s.last_heartbeat_at >= ?8 and ",
          is_taken_over!(), " "),
        concat!(", '$.taken_over', json(iif(", is_taken_over!(), ", 'true', 'false'))")));

    /// `?3` to `?8` are a flag and a value for the branch, the issue and the track.
    MOVED_BY_UPDATE = append!(concat!(
        "select s.venture, 'session_moved', s.id, s.agent, s.id, ?2, ",
        session_data!("s.repo", "iif(?7, ?8, s.track)", "iif(?5, ?6, s.issue_number)", "iif(?3, ?4, s.branch)", "s.end_reason"),
        " from sessions s where s.id = ?1 and s.status = 'active' and (s.branch, s.issue_number, s.track) is not ",
        "(iif(?3, ?4, s.branch), iif(?5, ?6, s.issue_number), iif(?7, ?8, s.track))"));

    /// The presence of a session gets the state `?3`, whose event has the kind `?4`. An abandoned session has no presence.
    PRESENCE_CHANGED = append!(concat!(
        "select s.venture, ?4, s.id, s.agent, s.id, ?2, ", session_data!(), " from sessions s where s.id = ?1 ",
        "and iif(s.status = 'active', s.presence_json ->> '$.state', null) is not ?3"));

    LOST_AFTER_START = becoming_lost!("?2", stale_sessions!());

    LOST_IN_SWEEP = becoming_lost!("?2", concat!("select * from sessions where id in (", stale_to_sweep!("1000"), ")"));
}

/// Appends an event about a session, if the statement before has changed the session.
pub(crate) fn of_session(kind: EventKind, id: &SessionId, now: Timestamp) -> Statement {
    Statement::new(SESSION).bind(id).bind(now).bind(kind.as_str())
}

/// Appends the events of the start of a day, which the next statements carry out.
pub(crate) fn at_start(day: &StartDay, new_id: &SessionId, stale_before: Timestamp, now: Timestamp) -> Statement {
    let sql = if day.take_over.is_some() { AT_START_WITH_TAKE_OVER } else { AT_START };
    Statement::new(sql)
        .bind(&day.agent)
        .bind(&day.venture)
        .bind(&day.repo)
        .bind(day.track)
        .bind(now)
        .bind(day.branch.as_ref())
        .bind(day.issue_number)
        .bind(stale_before)
        .bind(new_id)
}

/// Appends an event for each session that the next statement abandons, after the answer to the start of a day.
pub(crate) fn lost_after_start(day: &StartDay, stale_before: Timestamp, now: Timestamp) -> Statement {
    of_stale_sessions(LOST_AFTER_START, day, stale_before, now)
}

/// Appends an event if the patch is about to change the branch, issue or track of an active session.
pub(crate) fn moved_by_update(id: &SessionId, patch: &UpdateSession, now: Timestamp) -> Statement {
    Statement::new(MOVED_BY_UPDATE)
        .bind(id)
        .bind(now)
        .bind(!patch.branch.is_keep())
        .bind(patch.branch.value())
        .bind(!patch.issue_number.is_keep())
        .bind(patch.issue_number.value().copied())
        .bind(!patch.track.is_keep())
        .bind(patch.track.value().copied())
}

/// Appends an event if the patch is about to change the state of the presence.
pub(crate) fn presence_changed(id: &SessionId, patch: &UpdateSession, now: Timestamp) -> Option<Statement> {
    let state = patch.presence.value()?.state;
    let kind = state.event()?;
    Some(Statement::new(PRESENCE_CHANGED).bind(id).bind(now).bind(state.as_str()).bind(kind.as_str()))
}

/// Appends an event for each session that the sweep is about to abandon.
pub(crate) fn lost_in_sweep(stale_before: Timestamp, now: Timestamp) -> Statement {
    Statement::new(LOST_IN_SWEEP).bind(stale_before).bind(now)
}
