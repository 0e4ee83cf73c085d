//! Moves the records of a repository to another venture, another name, or both. `?1` and `?2` are the old venture and
//! repository, `?3` and `?4` the new ones.
//!
//! Sessions and handoffs belong to the repository. [`venture_records`] moves what belongs to the venture.

use deckwatch_protocol::{MoveRecords, Timestamp, VentureCode};

use super::statements;
use super::venture_records::{self, doc_to_move, may_move};
use crate::database::Statement;

/// Whether sessions or handoffs are left under the old names.
macro_rules! repo_has_records {
    () => {
        "(exists (select 1 from sessions where venture = ?1 and repo = ?2) \
          or exists (select 1 from handoffs where venture = ?1 and repo = ?2))"
    };
}
pub(super) use repo_has_records;

/// Whether notes, documents or requirements are left in the old venture.
macro_rules! venture_has_records {
    () => {
        "((exists (select 1 from notes where venture = ?1 and archived_at is null) or exists (select 1 from notes where venture = ?1 and archived_at is not null)) or exists (select 1 from context_docs where scope = ?1) \
          or exists (select 1 from doc_requirements where venture = ?1))"
    };
}

statements! {
    /// An agent can have one active session in the new repository. This abandons its session in the old one, which
    /// would be a second.
    ABANDON_SECOND = "
        update sessions indexed by sessions_by_venture set status = 'abandoned', ended_at = ?5, end_reason = 'stale'
        where venture = ?1 and repo = ?2 and status = 'active' and exists (
          select 1 from sessions o where o.agent = sessions.agent and o.venture = ?3 and o.repo = ?4
            and ifnull(o.track, -1) = ifnull(sessions.track, -1) and o.status = 'active' and o.id <> sessions.id)";

    MOVE_SESSIONS = "
        update sessions set venture = ?3, repo = ?4
        where id in (
          select id from sessions indexed by sessions_by_venture_and_repo where venture = ?1 and repo = ?2
          order by id desc limit 500)";

    MOVE_HANDOFFS = "
        update handoffs set venture = ?3, repo = ?4
        where id in (
          select id from handoffs indexed by handoffs_by_venture_and_repo where venture = ?1 and repo = ?2 order by id desc limit 500)";

    /// A renamed document has the code of its old venture and a dot before its name.
    SELECT_MOVED = concat!("
        select json_object(
          'more', json(iif((?1, ?2) is not (?3, ?4) and ", repo_has_records!(), " or ", may_move!(), " and (
            (exists (select 1 from notes where venture = ?1 and archived_at is null) or exists (select 1 from notes where venture = ?1 and archived_at is not null)) or exists (", doc_to_move!(), ")), 'true', 'false')),
          'venture_in_use', json(iif(?1 <> ?3 and ", venture_has_records!(), " and not ", repo_has_records!(),
            " and not ", may_move!(), ", 'true', 'false')),
          'left', json(iif(?1 <> ?3 and ", venture_has_records!(), ", 'true', 'false')),
          'docs_renamed', json(iif(?1 <> ?3 and exists (
            select 1 from context_docs d where d.scope = ?3 and d.name > ?1 || '.' and d.name < ?1 || '/'), 'true', 'false'))
        ) as body");
}

/// Moves the newest 500 sessions and handoffs. If none are left, moves some of the records of the venture.
pub(crate) fn move_records(from: &VentureCode, records: &MoveRecords, now: Timestamp) -> Vec<Statement> {
    let mut steps = vec![
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

/// A statement with the old and the new names as its first four parameters.
pub(super) fn names(sql: &'static str, from: &VentureCode, records: &MoveRecords) -> Statement {
    Statement::new(sql).bind(from).bind(&records.repo).bind(&records.to_venture).bind(&records.to_repo)
}
