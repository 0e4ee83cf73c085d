//! Renames the repository of records. `?1` and `?2` are the old venture and repository, `?3` and `?4` the new ones.

use deckwatch_protocol::{MoveRecords, Timestamp, VentureCode};

use super::statements;
use crate::database::Statement;

statements! {
    /// An agent can have one active session in the new repository. This abandons its session in the old one, which
    /// would be a second.
    ABANDON_SECOND = "
        update sessions set status = 'abandoned', ended_at = ?5, end_reason = 'stale'
        where venture = ?1 and repo = ?2 and status = 'active' and exists (
          select 1 from sessions o where o.agent = sessions.agent and o.venture = ?3 and o.repo = ?4
            and ifnull(o.track, -1) = ifnull(sessions.track, -1) and o.status = 'active' and o.id <> sessions.id)";

    MOVE_SESSIONS = "
        update sessions set venture = ?3, repo = ?4
        where id in (
          select id from sessions indexed by sessions_by_venture_and_repo where venture = ?1 and repo = ?2 order by id desc limit 500)";

    MOVE_HANDOFFS = "
        update handoffs set venture = ?3, repo = ?4
        where id in (
          select id from handoffs indexed by handoffs_by_venture_and_repo where venture = ?1 and repo = ?2 order by id desc limit 500)";

    SELECT_MOVED = "
        select json_object('more', json(iif((?1, ?2) is not (?3, ?4) and (
          exists (select 1 from sessions where venture = ?1 and repo = ?2)
          or exists (select 1 from handoffs where venture = ?1 and repo = ?2)), 'true', 'false'))) as body";
}

/// Changes the newest 500 sessions and handoffs.
pub(crate) fn move_records(from: &VentureCode, records: &MoveRecords, now: Timestamp) -> Vec<Statement> {
    vec![
        names(ABANDON_SECOND, from, records).bind(now),
        names(MOVE_SESSIONS, from, records),
        names(MOVE_HANDOFFS, from, records),
    ]
}

/// Selects the response: whether more records are left.
pub(crate) fn select_moved(from: &VentureCode, records: &MoveRecords) -> Statement {
    names(SELECT_MOVED, from, records)
}

fn names(sql: &'static str, from: &VentureCode, records: &MoveRecords) -> Statement {
    Statement::new(sql).bind(from).bind(&records.repo).bind(&records.to_venture).bind(&records.to_repo)
}
