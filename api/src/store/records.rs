//! Moves the records of a repository to another venture, another name, or both. `?1` and `?2` are the old venture and
//! repository, `?3` and `?4` the new ones.
//!
//! A request moves some records of one kind, so that it reads and writes a limited number of rows, whatever is stored. The
//! client repeats it while the answer says that there are more. Claims, sessions and handoffs belong to the repository.
//! [`venture_records`] moves what belongs to the venture.

use deckwatch_protocol::{MoveRecords, Timestamp, VentureCode};

use super::event::append;
use super::record_move::{if_stage, names, repo_has_records};
use super::session_event::session_data;
use super::statements;
use super::venture_records::{
    self, doc_to_move, may_move, movable_name, movable_pattern, state_to_move, venture_has_notes,
};
use crate::database::Statement;

/// Whether notes, documents or requirements are left in the old venture.
macro_rules! venture_has_records {
    () => {
        concat!(
            "(",
            venture_has_notes!(),
            " or exists (select 1 from messages where venture = ?1) or exists (select 1 from context_docs where scope = ?1) \
              or exists (select 1 from doc_requirements where venture = ?1) \
              or exists (select 1 from state_entries where venture = ?1))"
        )
    };
}

/// The kind of records that a request moves next.
macro_rules! next_stage {
    () => {
        concat!(
            "case when (?1, ?2) is (?3, ?4) then 'nothing' \
              when exists (select 1 from claims where venture = ?1 and repo = ?2) then 'claims' \
              when exists (select 1 from sessions where venture = ?1 and repo = ?2) then 'sessions' \
              when exists (select 1 from handoffs where venture = ?1 and repo = ?2) then 'handoffs' \
              when not ",
            may_move!(),
            " then 'nothing' \
              when ",
            venture_has_notes!(),
            " then 'notes' \
              when exists (",
            doc_to_move!(),
            ") then 'docs' \
              when exists (",
            movable_name!(),
            ") or exists (",
            movable_pattern!(),
            ") then 'requirements' \
              when exists (select 1 from messages where venture = ?1) then 'messages' \
              when exists (",
            state_to_move!(),
            ") then 'state' \
              else 'nothing' end"
        )
    };
}

/// The claims of the repository that this request moves.
macro_rules! claims_to_move {
    () => {
        concat!(
            "select id from claims indexed by claims_by_place where venture = ?1 and repo = ?2 order by place, subject limit ",
            $crate::store::record_move::if_stage!("claims", "100")
        )
    };
}

/// The newest sessions of the repository, of which each is read by three statements. `$if` is a factor of their number.
macro_rules! sessions_to_move {
    () => {
        sessions_to_move!("")
    };
    ($if:literal) => {
        concat!(
            "select id from sessions indexed by sessions_by_venture_and_repo where venture = ?1 and repo = ?2 \
             order by id desc limit ",
            $crate::store::record_move::if_stage!("sessions", "50"),
            $if
        )
    };
}

/// The condition for the active session `o` that the agent of the session `$s` has in the new repository.
macro_rules! session_in_new_repo {
    ($s:literal) => {
        concat!(
            "o.agent = ",
            $s,
            ".agent and o.venture = ?3 and o.repo = ?4 and ifnull(o.track, -1) = ifnull(",
            $s,
            ".track, -1) and o.status = 'active' and o.id <> ",
            $s,
            ".id"
        )
    };
}

statements! {
    BEGIN_STAGE = concat!("insert or replace into record_moves (id, stage) values (1, ", next_stage!(), ")");

    /// The new repository has a claim on the same subject, which stays.
    DROP_CLAIMS = concat!("
        delete from claims where id in (", claims_to_move!(), ") and exists (
          select 1 from claims c where c.venture = ?3 and c.repo = ?4 and c.place = claims.place and c.subject = claims.subject)");

    MOVE_CLAIMS = concat!("update claims set venture = ?3, repo = ?4 where id in (", claims_to_move!(), ")");

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

    /// An agent can have one active session in the new repository. This abandons its session in the old one, which
    /// would be a second. The statement before has appended an event for each active session. If it appended none, the
    /// sessions are not read again.
    ABANDON_SECOND = concat!("
        update sessions set status = 'abandoned', ended_at = ?5, end_reason = 'stale'
        where id in (", sessions_to_move!(" * (changes() > 0)"), ") and status = 'active' and exists (
          select 1 from sessions o where ", session_in_new_repo!("sessions"), ")");

    MOVE_SESSIONS = concat!("update sessions set venture = ?3, repo = ?4 where id in (", sessions_to_move!(), ")");

    MOVE_HANDOFFS = concat!("
        update handoffs set venture = ?3, repo = ?4
        where id in (
          select id from handoffs indexed by handoffs_by_venture_and_repo where venture = ?1 and repo = ?2
          order by id desc limit ", if_stage!("handoffs", "150"), ")");

    /// A renamed document has the code of its old venture and a dot before its name.
    SELECT_MOVED = concat!("
        select json_object(
          'more', json(iif(stage <> 'nothing', 'true', 'false')),
          'venture_in_use', json(iif(?1 <> ?3 and ", venture_has_records!(), " and not ", repo_has_records!(),
            " and not ", may_move!(), ", 'true', 'false')),
          'left', json(iif(?1 <> ?3 and ", venture_has_records!(), ", 'true', 'false')),
          'docs_renamed', json(iif(?1 <> ?3 and exists (
            select 1 from context_docs d where d.scope = ?3 and d.name > ?1 || '.' and d.name < ?1 || '/'), 'true', 'false'))
        ) as body from (select ", next_stage!(), " as stage)");
}

/// Moves some records of the first kind that is left.
pub(crate) fn move_records(from: &VentureCode, records: &MoveRecords, now: Timestamp) -> Vec<Statement> {
    let mut steps = vec![
        names(BEGIN_STAGE, from, records),
        names(DROP_CLAIMS, from, records),
        names(MOVE_CLAIMS, from, records),
        names(LOST_OR_MOVED_BY_MOVE, from, records).bind(now),
        names(ABANDON_SECOND, from, records).bind(now),
        names(MOVE_SESSIONS, from, records),
        names(MOVE_HANDOFFS, from, records),
    ];
    steps.extend(venture_records::move_records(from, records));
    steps
}

/// Selects the response: whether more records are left.
pub(crate) fn select_moved(from: &VentureCode, records: &MoveRecords) -> Statement {
    names(SELECT_MOVED, from, records)
}
