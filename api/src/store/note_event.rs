//! The events of notes.

use deckwatch_protocol::{NoteId, Timestamp, UpdateNote};

use super::event::append;
use super::note::{bind_change, newest_number, note_kind, note_to_change};
use super::statements;
use crate::database::Statement;

statements! {
    /// The note that this batch has created, which is the newest one. `?1` is the current time.
    CREATED = append!(concat!("
        select n.venture, 'note_saved', n.id, n.agent, n.session_id, ?1,
          json_object('outcome', 'created', 'version', n.version, ", note_kind!(), ")
        from notes n where n.number = ", newest_number!()));

    /// The note `?1`, if it is archived (`?3`) or not. The next statement archives or restores it, which is `?4`.
    ARCHIVED_OR_RESTORED = append!(concat!("
        select n.venture, 'note_saved', n.id, null, null, ?2,
          json_object('outcome', ?4, 'version', n.version + 1, ", note_kind!(), ")
        from notes n where n.id = ?1 and (n.archived_at is not null) = ?3"));

    /// The note that the next statement changes. The parameters are those of the change.
    UPDATED = append!(concat!("
        select iif(?6, ?7, n.venture), 'note_saved', n.id, null, null, ?2,
          json_object('outcome', 'updated', 'version', n.version + 1, ", note_kind!(), ")
        from notes n where ", note_to_change!("n.")));
}

/// Appends an event about the note that this batch has created.
pub(crate) fn created(now: Timestamp) -> Statement {
    Statement::new(CREATED).bind(now)
}

/// Appends an event if the next statement changes the note.
pub(crate) fn updated(id: &NoteId, patch: &UpdateNote, now: Timestamp) -> Statement {
    bind_change(UPDATED, id, patch, now)
}

/// Appends an event if the next statement archives the note.
pub(crate) fn archived(id: &NoteId, now: Timestamp) -> Statement {
    Statement::new(ARCHIVED_OR_RESTORED).bind(id).bind(now).bind(false).bind("archived")
}

/// Appends an event if the next statement restores the note.
pub(crate) fn restored(id: &NoteId, now: Timestamp) -> Statement {
    Statement::new(ARCHIVED_OR_RESTORED).bind(id).bind(now).bind(true).bind("restored")
}
