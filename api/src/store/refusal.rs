//! Rules that a batch checks. A rule inserts a reason, the insert fails, and the name of the constraint gives the
//! reason.

use deckwatch_protocol::{NoteId, RequirementId, SessionId, VentureCode};

use super::statements;
use crate::database::Statement;

statements! {
    UNLESS_SESSION = "
        insert into refusals (reason) select 'session_not_found' where not exists (select 1 from sessions where id = ?1)";

    /// One statement, because each statement of a batch takes time.
    UNLESS_SESSION_ALIVE = "
        insert into refusals (reason) select case when status is null then 'session_not_found' else 'session_ended' end
        from (select 1) left join sessions on id = ?1 where status is null or status = 'ended'";

    UNLESS_VENTURE = "
        insert into refusals (reason) select 'venture_not_registered'
        where not exists (select 1 from ventures where code = ?1 and deleted_at is null)";

    /// A deleted venture is known.
    UNLESS_VENTURE_KNOWN = "
        insert into refusals (reason) select 'venture_not_found' where not exists (select 1 from ventures where code = ?1)";

    UNLESS_NOTE = "
        insert into refusals (reason) select 'note_not_found' where not exists (select 1 from notes where id = ?1)";

    UNLESS_REQUIREMENT = "
        insert into refusals (reason) select 'requirement_not_found'
        where not exists (select 1 from doc_requirements where id = ?1)";

    /// `?2` is a JSON array of versions.
    UNLESS_NOTE_VERSION = "
        insert into refusals (reason) select 'note_changed'
        where not exists (select 1 from notes where id = ?1 and version in (select value from json_each(?2)))";
}

/// Fails the batch unless the session exists.
pub(crate) fn unless_session(id: &SessionId) -> Statement {
    refusing(UNLESS_SESSION).bind(id)
}

/// Fails the batch unless the session exists and has not ended.
pub(crate) fn unless_session_alive(id: &SessionId) -> Statement {
    refusing(UNLESS_SESSION_ALIVE).bind(id)
}

/// Fails the batch unless the venture is registered.
pub(crate) fn unless_venture(code: &VentureCode) -> Statement {
    refusing(UNLESS_VENTURE).bind(code)
}

/// Fails the batch unless the venture is registered or was deleted.
pub(crate) fn unless_venture_known(code: &VentureCode) -> Statement {
    refusing(UNLESS_VENTURE_KNOWN).bind(code)
}

/// Fails the batch unless the note exists.
pub(crate) fn unless_note(id: &NoteId) -> Statement {
    refusing(UNLESS_NOTE).bind(id)
}

/// Fails the batch unless the requirement exists.
pub(crate) fn unless_requirement(id: &RequirementId) -> Statement {
    Statement::new(UNLESS_REQUIREMENT).bind(id)
}

/// Fails the batch unless the note has one of these versions.
pub(crate) fn unless_note_version(id: &NoteId, versions: &[u32]) -> Statement {
    refusing(UNLESS_NOTE_VERSION).bind(id).bind(serde_json::Value::from(versions).to_string())
}

/// Such a statement changes nothing, so it needs no wait for the disk.
fn refusing(sql: &'static str) -> Statement {
    Statement::new(sql).non_durable()
}
