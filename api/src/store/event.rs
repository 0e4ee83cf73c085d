//! Events. The batch of a write appends its events, under the condition of the write itself.
//!
//! A statement whose condition is `changes()` stands directly behind the statement of its write: SQLite's `changes()` is the
//! number of rows that the statement before it has changed. A batch that has changed the full text index can't use it,
//! because a later statement writes the index to its tables first. A statement that compares old values with new ones
//! stands before the write. Each statement returns the number of each new event as `event_seq`.

use deckwatch_protocol::{
    EventFilter, EventKind, Host, Limit, MachineId, MoveRecords, NoteId, SessionId, StartDay, Timestamp, UpdateNote,
    UpdateSession, VentureCode,
};

use super::claim::own_claims_released;
use super::doc::DocLocation;
use super::forms::{every_form, filters};
use super::next_id::{newest_of_days, next_id};
use super::note::{bind_change, newest_number, note_kind, note_to_change};
use super::records::{names, session_in_new_repo, sessions_to_move};
use super::session::{live_session, of_stale_sessions, reactivated, stale_sessions};
use super::statements;
use super::sweep::stale_to_sweep;
use crate::database::{Param, Statement};

/// How many events a page reads at most, whatever it shows.
macro_rules! scanned_events {
    () => {
        900
    };
}

/// The number of events that a page reads at most.
pub(crate) const SCANNED_EVENTS: u64 = scanned_events!();

/// Appends the events that `$select` selects.
macro_rules! append {
    ($select:expr) => {
        concat!($crate::store::event::append_quietly!($select), " returning seq as event_seq")
    };
}

/// The same without the numbers of the events, because D1 counts two more rows for each event that returns one. Another
/// statement of the batch returns the newest number.
macro_rules! append_quietly {
    ($select:expr) => {
        concat!("insert into events (venture, kind, subject, agent, session_id, at, data_json) ", $select)
    };
}
pub(super) use {append, append_quietly};

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

    /// The active sessions among those that move. If its agent has an active session `o` in the new repository, a session is
    /// abandoned first, so it is lost. `?5` is the current time. One statement, because each one reads all of these sessions.
    LOST_OR_MOVED_BY_MOVE = append!(concat!(
        "select iif(o.id is null, ?3, s.venture), iif(o.id is null, 'session_moved', 'session_lost'), s.id, s.agent, s.id, ?5, ",
        session_data!(
            "iif(o.id is null, ?4, s.repo)",
            "s.track",
            "s.issue_number",
            "s.branch",
            "iif(o.id is null, s.end_reason, 'stale')"
        ),
        " from sessions s left join sessions o on ", session_in_new_repo!("s"),
        " where s.id in (", sessions_to_move!(), ") and s.status = 'active'"));

    /// The newest handoff of session `?1`, if the statement before has inserted it.
    HANDOFF = append!("
        select h.venture, kind.value, h.id, h.from_agent, h.session_id, h.created_at,
          json_object('status', h.status_label, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number,
            'to_agent', h.to_agent)
        from handoffs h cross join json_each(case h.status_label when 'done' then '[\"handoff_recorded\",\"work_done\"]'
          when 'blocked' then '[\"handoff_recorded\",\"agent_blocked\"]' else '[\"handoff_recorded\"]' end) kind
        where changes() > 0 and h.id = (select max(id) from handoffs where session_id = ?1)");

    /// The note that this batch has created, which is the newest one. `?1` is the current time.
    NOTE_CREATED = append!(concat!("
        select n.venture, 'note_saved', n.id, n.agent, n.session_id, ?1,
          json_object('outcome', 'created', 'version', n.version, ", note_kind!(), ")
        from notes n where n.number = ", newest_number!()));

    /// The note `?1`, if it is archived (`?3`) or not. The next statement archives or restores it, which is `?4`.
    NOTE_ARCHIVED_OR_RESTORED = append!(concat!("
        select n.venture, 'note_saved', n.id, null, null, ?2,
          json_object('outcome', ?4, 'version', n.version + 1, ", note_kind!(), ")
        from notes n where n.id = ?1 and (n.archived_at is not null) = ?3"));

    /// The note that the next statement changes. The parameters are those of the change.
    NOTE_UPDATED = append!(concat!("
        select iif(?6, ?7, n.venture), 'note_saved', n.id, null, null, ?2,
          json_object('outcome', 'updated', 'version', n.version + 1, ", note_kind!(), ")
        from notes n where ", note_to_change!("n.")));

    /// The newest version of a document, if this batch has created it: it has the change id `?3`, which is empty for a
    /// deletion.
    DOC = append!("
        select iif(d.scope = 'global', null, d.scope), 'doc_changed', d.scope || '/' || d.name, null, null, ?4,
          json_object('version', d.version, 'deleted', json(iif(d.deleted_at is null, 'false', 'true')))
        from context_docs d cross join doc_versions w on w.scope = d.scope and w.name = d.name and w.version = d.version
        where d.scope = ?1 and d.name = ?2 and w.change_id = ?3");

    /// The machine `?1`, which the statement before may have changed. `?3` is the id of a new machine.
    MACHINE = append!("
        select null, 'machine_registered', m.hostname, null, null, ?2,
          json_object('outcome', iif(m.id = ?3, 'created', 'changed'))
        from machines m where m.hostname = ?1 limit changes()");

    /// The number of the newest and of the oldest event.
    ENDS = "select (select max(seq) from events) as head, (select min(seq) from events) as first";

    /// The newest events after `?1`.
    NEWEST_AFTER = "select ev.seq, ev.venture from events ev where ev.seq > ?1 order by ev.seq desc limit 100";

    /// Deletes the events before `?1`, at most 1,000. If the clock was wrong for some events, it deletes those before them
    /// too, so that no gap stays. The newest event stays, so that no number is used again. If none of the oldest 100 is
    /// old, the others are not read.
    FORGET = "
        delete from events where seq <= (
            select max(seq) from (
              select seq, at from events order by seq limit iif(exists (
                select 1 from (select at from events order by seq limit 100) where at < ?1), 1000, 0))
            where at < ?1)
          and seq < (select max(seq) from events)
        returning 1 as one";
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
pub(crate) fn sessions_lost(day: &StartDay, stale_before: Timestamp, now: Timestamp) -> Statement {
    of_stale_sessions(LOST_AFTER_START, day, stale_before, now)
}

/// Appends an event if the patch is about to change the branch, issue or track of an active session.
pub(crate) fn session_moved_by_update(id: &SessionId, patch: &UpdateSession, now: Timestamp) -> Statement {
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
pub(crate) fn sessions_lost_in_sweep(stale_before: Timestamp, now: Timestamp) -> Statement {
    Statement::new(LOST_IN_SWEEP).bind(stale_before).bind(now)
}

/// Appends an event for each active session that a move of records is about to abandon or to move.
pub(super) fn sessions_lost_or_moved(from: &VentureCode, records: &MoveRecords, now: Timestamp) -> Statement {
    names(LOST_OR_MOVED_BY_MOVE, from, records).bind(now)
}

/// Appends the events of the handoff of a session, if the statement before has inserted one.
pub(crate) fn of_handoff(session: &SessionId) -> Statement {
    Statement::new(HANDOFF).bind(session)
}

/// Appends an event about the note that this batch has created.
pub(crate) fn note_created(now: Timestamp) -> Statement {
    Statement::new(NOTE_CREATED).bind(now)
}

/// Appends an event if the next statement changes the note.
pub(crate) fn note_updated(id: &NoteId, patch: &UpdateNote, now: Timestamp) -> Statement {
    bind_change(NOTE_UPDATED, id, patch, now)
}

/// Appends an event if the next statement archives the note.
pub(crate) fn note_archived(id: &NoteId, now: Timestamp) -> Statement {
    Statement::new(NOTE_ARCHIVED_OR_RESTORED).bind(id).bind(now).bind(false).bind("archived")
}

/// Appends an event if the next statement restores the note.
pub(crate) fn note_restored(id: &NoteId, now: Timestamp) -> Statement {
    Statement::new(NOTE_ARCHIVED_OR_RESTORED).bind(id).bind(now).bind(true).bind("restored")
}

/// Appends an event if this batch has created a version of a document with this change id.
pub(crate) fn of_doc(place: &DocLocation, change_id: &str, now: Timestamp) -> Statement {
    place.bind(DOC).bind(change_id).bind(now)
}

/// Appends an event if the statement before has created or changed the machine.
pub(crate) fn of_machine(hostname: &Host, new_id: &MachineId, now: Timestamp) -> Statement {
    Statement::new(MACHINE).bind(hostname).bind(now).bind(new_id)
}

/// Selects the numbers of the newest and of the oldest event.
pub(crate) fn ends() -> Statement {
    Statement::new(ENDS)
}

/// Selects the number and the venture of the newest 100 events after `last`, newest first.
pub(crate) fn newest_after(last: u64) -> Statement {
    Statement::new(NEWEST_AFTER).bind(i64::try_from(last).unwrap_or(i64::MAX))
}

/// Deletes events before `before`.
pub(crate) fn forget(before: Timestamp) -> Statement {
    Statement::new(FORGET).bind(before)
}

/// The event `ev` as JSON.
macro_rules! event_json {
    () => {
        "json_object('seq', ev.seq, 'venture', ev.venture, 'kind', ev.kind, 'subject', ev.subject, 'agent', ev.agent, \
         'session_id', ev.session_id, 'at', ev.at, 'data', json(ev.data_json))"
    };
}

filters! {
    /// The filters of `list_events`.
    EventFilters {
        venture: Option<Param>,
        kinds: Option<Param>,
        after: Option<Param>,
    }
}

/// Selects the events of a page: `seq` and `item`.
pub(crate) fn list(filter: &EventFilter) -> Statement {
    let filters = EventFilters {
        venture: filter.venture.as_ref().map(Param::from),
        kinds: filter.kinds.as_ref().map(|kinds| Param::from(format!(",{},", kinds.as_str()))),
        after: filter.after.map(|after| Param::from(i64::try_from(after.get()).unwrap_or(i64::MAX))),
    };
    page(&filters, filter.limit.unwrap_or_default())
}

fn page(filters: &EventFilters, limit: Limit) -> Statement {
    let mut params = vec![Param::from(limit.get())];
    let mut conditions = Vec::new();
    let mut when = |condition: &str, param: &Option<Param>| {
        let Some(param) = param else { return };
        params.push(param.clone());
        conditions.push(condition.replace('?', &format!("?{}", params.len())));
    };
    when(concat!("ev.seq > ? and ev.seq <= ? + ", scanned_events!()), &filters.after);
    when("ev.venture = ?", &filters.venture);
    // No table of kinds, because D1 counts each row that is looked up in it.
    when("instr(?, ',' || ev.kind || ',') > 0", &filters.kinds);
    if filters.after.is_none() {
        conditions.push(concat!("ev.seq < (select min(seq) from events) + ", scanned_events!()).to_owned());
    }
    let sql = format!(
        concat!("select ev.seq, ", event_json!(), " as item from events ev where {} order by ev.seq limit ?1"),
        conditions.join(" and ")
    );
    Statement::with(sql, params)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("event::list", |filters| [page(filters, Limit::default())])
}
