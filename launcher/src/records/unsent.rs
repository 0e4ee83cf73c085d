//! The writes that are only on this machine, because the API did not answer: handoffs, new notes, changes of notes.

use deckwatch_client::ContextClient;
use deckwatch_client::clean::clean_line;
use deckwatch_client::outbox::{NoteChange, Unsent, UnsentHandoff, UnsentNote};
use deckwatch_machine::clock::{ago, now};
use deckwatch_protocol::{Change, VentureCode};
use serde_json::{Value, json};

use super::source::Subject;
use super::text::Text;
use crate::output;
use crate::table;

const NOTE_HEADS: [&str; 5] = ["WRITTEN", "CHANGE", "ABOUT", "TITLE", "NOTE"];
const HANDOFF_HEADS: [&str; 5] = ["WRITTEN", "AGENT", "TO", "REPOSITORY", "SUMMARY"];
/// The columns that get the remaining width.
const TITLE: usize = 3;
const SUMMARY: usize = 4;

/// The queued writes of this machine. If they can't be read, a warning says that some may be missing.
pub(super) async fn all(client: &ContextClient) -> Unsent {
    let unsent = client.unsent().await;
    if let Some(not_read) = &unsent.not_read {
        output::warn(&clean_line(&not_read.to_string()));
    }
    unsent
}

/// Whether a queued write to a note is about the subject. The venture of a change is not known here.
pub(super) fn is_note_about(note: &UnsentNote, subject: &Subject) -> bool {
    match (&note.change, &subject.venture) {
        (NoteChange::Create { venture: Some(venture), .. }, Some(wanted)) => venture == wanted,
        _ => true,
    }
}

/// Whether a queued handoff is about the subject.
pub(super) fn is_handoff_about(handoff: &UnsentHandoff, subject: &Subject) -> bool {
    let of_venture = subject.venture.is_some() && handoff.venture == subject.venture;
    let of_repo = subject.repo.as_ref().is_some_and(|repo| handoff.repo.as_str().eq_ignore_ascii_case(repo.as_str()));
    of_venture || of_repo || (subject.venture.is_none() && subject.repo.is_none())
}

/// Adds a table of the writes to notes, the newest first.
pub(super) fn write_notes(text: &mut Text, notes: &[&UnsentNote], width: Option<usize>) {
    let rows: Vec<[String; 5]> = notes.iter().map(|note| note_row(note)).collect();
    write_table(text, "New and changed notes", NOTE_HEADS, &rows, TITLE, width);
}

/// Adds a table of the handoffs, the newest first.
pub(super) fn write_handoffs(text: &mut Text, handoffs: &[&UnsentHandoff], width: Option<usize>) {
    let row = |handoff: &&UnsentHandoff| {
        let to = handoff.to_agent.as_ref().map_or("-", |agent| agent.as_str()).to_owned();
        let cells = [
            ago(handoff.queued_at, now()),
            handoff.from_agent.to_string(),
            to,
            handoff.repo.to_string(),
            handoff.summary.to_string(),
        ];
        cells.map(|cell| clean_line(&cell))
    };
    let rows: Vec<[String; 5]> = handoffs.iter().map(row).collect();
    write_table(text, "Handoffs", HANDOFF_HEADS, &rows, SUMMARY, width);
}

fn write_table(text: &mut Text, what: &str, heads: [&str; 5], rows: &[[String; 5]], wide: usize, width: Option<usize>) {
    if rows.is_empty() {
        return;
    }
    text.line(&format!("{what} that are only on this machine and NOT SENT YET:"));
    text.drawn(&table::draw(heads, rows, wide, width));
    text.blank();
}

fn note_row(note: &UnsentNote) -> [String; 5] {
    let (change, about, title) = match &note.change {
        NoteChange::Create { title, venture, .. } => ("new", about(venture.as_ref()), title.to_string()),
        NoteChange::Update { title, content, tags, venture, .. } => {
            let about = match venture {
                Change::Keep => "-".to_owned(),
                Change::Clear => "all".to_owned(),
                Change::Set(code) => code.to_string(),
            };
            let fields = [("text", content.is_some()), ("tags", tags.is_some()), ("venture", !venture.is_keep())];
            let fields: Vec<&str> = fields.iter().filter(|(_, is_new)| *is_new).map(|(field, _)| *field).collect();
            let title = title.as_ref().map_or_else(|| format!("new {}", fields.join(", ")), ToString::to_string);
            ("changed", about, title)
        }
        NoteChange::Archive(_) => ("archived", "-".to_owned(), "-".to_owned()),
        NoteChange::Restore(_) => ("restored", "-".to_owned(), "-".to_owned()),
    };
    let id = note.change.id().map_or("-".to_owned(), ToString::to_string);
    [ago(note.queued_at, now()), change.to_owned(), about, title, id].map(|cell| clean_line(&cell))
}

fn about(venture: Option<&VentureCode>) -> String {
    venture.map_or_else(|| "all".to_owned(), ToString::to_string)
}

/// A write to a note as JSON. `null` is a field that does not change.
pub(super) fn note_json(note: &UnsentNote) -> Value {
    let (change, id) = (&note.change, note.change.id());
    let mut json = match change {
        NoteChange::Create { title, content, tags: words, venture } => {
            json!({"change": "create", "title": title, "content": content, "tags": words, "venture": venture})
        }
        NoteChange::Update { title, content, tags: words, venture, .. } => {
            let scope = match venture {
                Change::Keep => None,
                Change::Clear => Some("global"),
                Change::Set(code) => Some(code.as_str()),
            };
            json!({"change": "update", "title": title, "content": content, "tags": words, "scope": scope})
        }
        NoteChange::Archive(_) => json!({"change": "archive"}),
        NoteChange::Restore(_) => json!({"change": "restore"}),
    };
    if let Some(fields) = json.as_object_mut() {
        fields.insert("queued_at".to_owned(), json!(note.queued_at));
        fields.insert("id".to_owned(), json!(id));
    }
    json
}

/// A handoff as JSON.
pub(super) fn handoff_json(handoff: &UnsentHandoff) -> Value {
    json!({
        "queued_at": handoff.queued_at, "from_agent": handoff.from_agent, "to_agent": handoff.to_agent,
        "venture": handoff.venture, "repo": handoff.repo, "status": handoff.status, "summary": handoff.summary,
        "payload": handoff.payload,
    })
}
