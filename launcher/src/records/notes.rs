//! `launcher notes`: lists or searches notes, or shows one note in full.

use deckwatch_client::clean::clean_line;
use deckwatch_client::outbox::UnsentNote;
use deckwatch_client::{Api, ClientError};
use deckwatch_machine::clock::ago;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{
    ErrorCode, FoundNote, Note, NoteFilter, NoteId, NoteKind, NoteScope, NoteTag, Page, SearchText,
};
use serde_json::{Value, json};

use super::log::pages;
use super::offline::Offline;
use super::source::{Answer, Source, Subject};
use super::text::{Text, when};
use super::{Notes, NotesCommand, unsent};
use crate::context_api;
use crate::error::LaunchError;
use crate::output;
use crate::pager;
use crate::process_env::ProcessEnv;
use crate::{json_output, table};

const HEADS: [&str; 5] = ["CHANGED", "ABOUT", "TITLE", "TAGS", "NOTE"];
const HEADS_OF_MEMORY: [&str; 5] = ["SAVED", "ABOUT", "TITLE", "AGENT", "MEMORY"];
/// The column that gets the remaining width.
const TITLE: usize = 2;

/// Shows the notes.
pub(crate) fn show(notes: &Notes, env: &ProcessEnv) -> Result<(), LaunchError> {
    if let Some(NotesCommand::Show { id, local, json }) = &notes.command {
        return show_one(id, *local, *json, env);
    }
    let named = notes.selection.venture.as_ref();
    let source = Source::open(notes.selection.local, named, env)?;
    let subject = source.subject(named, notes.all)?;
    let query = match notes.query.join(" ").trim() {
        "" => None,
        query => Some(query.parse::<SearchText>().map_err(|invalid| LaunchError::Query(invalid.to_string()))?),
    };
    let Some(client) = &source.client else {
        source.must_exist(named)?;
        return print(notes, &source, &subject, &no_notes(), &[]);
    };
    match source.ask(&subject, client, list(client.api(), notes, query, &subject))? {
        Answer::Current(found) => {
            if found.items.is_empty() {
                source.must_exist(named)?;
            }
            let mut unsent = context_api::runtime()?.block_on(unsent::all(client)).notes;
            unsent.retain(|note| notes.kind.is_note() && unsent::is_note_about(note, &subject));
            print(notes, &source, &subject, &found, &unsent)
        }
        Answer::Offline(offline) => {
            print_kept(notes, &offline, env)?;
            Err(offline.error())
        }
    }
}

/// The notes of the venture, then the global notes; no memory is global. In a search, the best matches of each come first.
async fn list(
    api: &Api,
    notes: &Notes,
    q: Option<SearchText>,
    subject: &Subject,
) -> Result<Page<FoundNote>, ClientError> {
    let archived = notes.archived.then_some(true);
    let kind = (notes.kind == NoteKind::Memory).then_some(notes.kind);
    let filter = NoteFilter { kind, tag: notes.tag.clone(), archived, q, ..NoteFilter::default() };
    let Some(venture) = &subject.venture else { return read(api, filter, notes.limit).await };
    let of_venture = NoteFilter { venture: Some(venture.clone()), ..filter.clone() };
    if notes.kind == NoteKind::Memory {
        return read(api, of_venture, notes.limit).await;
    }
    let global = NoteFilter { scope: Some(NoteScope::Global), ..filter };
    let (of_venture, global) = tokio::join!(read(api, of_venture, notes.limit), read(api, global, notes.limit));
    let (mut found, global) = (of_venture?, global?);
    found.items.extend(global.items);
    found.items.truncate(usize::from(notes.limit));
    Ok(Page {
        total: found.total.saturating_add(global.total),
        total_is_minimum: found.total_is_minimum || global.total_is_minimum,
        // No cursor can continue two lists.
        next_cursor: None,
        items: found.items,
    })
}

async fn read(api: &Api, mut filter: NoteFilter, limit: u16) -> Result<Page<FoundNote>, ClientError> {
    let mut last = no_notes();
    let (items, _) = pages(usize::from(limit), async |limit, cursor| {
        (filter.limit, filter.cursor) = (limit, cursor);
        let page = api.list_notes(&filter).await?;
        last = Page { items: Vec::new(), ..page.clone() };
        Ok(page)
    })
    .await?;
    Ok(Page { items, ..last })
}

fn no_notes() -> Page<FoundNote> {
    Page { items: Vec::new(), total: 0, total_is_minimum: false, next_cursor: None }
}

fn print(
    notes: &Notes,
    source: &Source,
    subject: &Subject,
    found: &Page<FoundNote>,
    unsent: &[UnsentNote],
) -> Result<(), LaunchError> {
    if notes.selection.json {
        return json_output::print(found);
    }
    let (now, width) = (now(), table::terminal_width());
    let row = |note: &FoundNote| {
        let about = note.venture.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string);
        let tags = || note.tags.iter().map(NoteTag::as_str).collect::<Vec<_>>().join(", ");
        let tags_or_author = note.author.as_ref().map_or_else(tags, |author| author.agent.to_string());
        let cells = [ago(note.updated_at, now), about, note.title.to_string(), tags_or_author, note.id.to_string()];
        cells.map(|cell| clean_line(&cell))
    };
    let rows: Vec<[String; 5]> = found.items.iter().map(row).collect();
    let mut text = Text::new(width);
    unsent::write_notes(&mut text, &unsent.iter().collect::<Vec<_>>(), width);
    if !rows.is_empty() {
        let heads = if notes.kind.is_note() { HEADS } else { HEADS_OF_MEMORY };
        text.drawn(&table::draw(heads, &rows, TITLE, width));
    }
    text.line(&summary(notes, source, subject, found));
    pager::show(&text.into_string(), source.env)
}

/// One sentence: how many notes are shown, of how many, and where they are stored.
fn summary(notes: &Notes, source: &Source, subject: &Subject, found: &Page<FoundNote>) -> String {
    let place = source.describe();
    if source.client.is_none() {
        return format!("There are no notes yet: {place} does not exist. The first launch creates it.");
    }
    let matching = if notes.query.is_empty() && notes.tag.is_none() { "" } else { "matching " };
    let about = match &subject.venture {
        Some(venture) => format!("venture {venture}"),
        None => "all ventures".to_owned(),
    };
    let total = if found.total_is_minimum { format!("at least {}", found.total) } else { found.total.to_string() };
    match (notes.kind, found.items.len()) {
        (NoteKind::Note, 0) => {
            format!("There are no {matching}notes of {about} and no {matching}global notes in {place}.")
        }
        (NoteKind::Note, shown) => {
            format!("{shown} of {total} {matching}notes of {about} and global notes, from {place}.")
        }
        (NoteKind::Memory, 0) => format!("Agents remember nothing {matching}about {about} in {place}."),
        (NoteKind::Memory, shown) => {
            format!("{shown} of {total} {matching}memories of agents about {about}, from {place}.")
        }
    }
}

/// Shows the notes that this machine keeps: the executive summaries, and what is not sent yet. They are not searched.
fn print_kept(notes: &Notes, offline: &Offline, env: &ProcessEnv) -> Result<(), LaunchError> {
    let kept = offline.notes();
    if notes.selection.json {
        return json_output::print(&json!({ "items": kept, "offline": offline.json() }));
    }
    let (now, width) = (now(), table::terminal_width());
    let rows: Vec<[String; 4]> = kept
        .iter()
        .map(|note| {
            let about = note.venture.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string);
            let cells = [ago(note.updated_at, now), about, note.title.clone(), note.id.to_string()];
            cells.map(|cell| clean_line(&cell))
        })
        .collect();
    let mut text = Text::new(width);
    offline.introduce(&mut text, "the executive summaries");
    unsent::write_notes(&mut text, &offline.unsent_notes(None), width);
    if !rows.is_empty() {
        text.drawn(&table::draw(["CHANGED", "ABOUT", "TITLE", "NOTE"], &rows, 2, width));
    }
    pager::show(&text.into_string(), env)
}

fn show_one(id: &NoteId, local: bool, json: bool, env: &ProcessEnv) -> Result<(), LaunchError> {
    let source = Source::open(local, None, env)?;
    let missing = || LaunchError::NoSuchRecord { what: format!("note {id} in {}", source.describe()) };
    let Some(client) = &source.client else { return Err(missing()) };
    let read = async {
        match client.api().get_note(id).await {
            Err(error) if error.code() == Some(ErrorCode::NoteNotFound) => Ok(None),
            read => read.map(Some),
        }
    };
    match source.ask(&Subject::default(), client, read)? {
        Answer::Current(Some(note)) if json => json_output::print(&note),
        Answer::Current(Some(note)) => {
            let mut text = Text::new(table::terminal_width());
            write(&mut text, &note);
            pager::show(&text.into_string(), env)
        }
        Answer::Current(None) => Err(missing()),
        Answer::Offline(offline) => {
            show_kept(id, &offline, json, env)?;
            Err(offline.error())
        }
    }
}

fn show_kept(id: &NoteId, offline: &Offline, json: bool, env: &ProcessEnv) -> Result<(), LaunchError> {
    let note = offline.notes().into_iter().find(|note| note.id == *id);
    let unsent = offline.unsent_notes(Some(id));
    if note.is_none() && unsent.is_empty() {
        output::say("this machine does not keep that note");
        return Ok(());
    }
    if json {
        let mut shown = json!(note);
        let unsent: Vec<Value> = unsent.into_iter().map(unsent::note_json).collect();
        match shown.as_object_mut() {
            Some(fields) => drop(fields.insert("unsent_changes".to_owned(), json!(unsent))),
            None => shown = json!({ "id": id, "unsent_changes": unsent }),
        }
        return json_output::print(&shown);
    }
    let width = table::terminal_width();
    let mut text = Text::new(width);
    offline.introduce(&mut text, "the executive summaries");
    unsent::write_notes(&mut text, &unsent, width);
    let Some(note) = note else { return pager::show(&text.into_string(), env) };
    text.heading(&note.title);
    text.blank();
    text.verbatim(&note.content);
    if note.truncated {
        text.line("(This machine keeps only the beginning of this note.)");
    }
    pager::show(&text.into_string(), env)
}

fn write(text: &mut Text, note: &Note) {
    let now = now();
    text.heading(note.title.as_str());
    text.field("note", note.id.as_str());
    if let Some(author) = &note.author {
        text.field("agent", author.agent.as_str());
        text.field("session", author.session_id.as_str());
        text.field("commit", author.commit_sha.as_ref().map_or("unknown", |commit| commit.as_str()));
    }
    text.field("about", note.venture.as_ref().map_or("all ventures", |venture| venture.as_str()));
    if !note.tags.is_empty() {
        text.field("tags", &note.tags.iter().map(NoteTag::as_str).collect::<Vec<_>>().join(", "));
    }
    text.field("changed", &format!("{}, version {}", when(note.updated_at, now), note.version));
    if let Some(time) = note.archived_at {
        text.field("archived", &when(time, now));
    }
    if let Some(content) = &note.content {
        text.blank();
        text.verbatim(content.as_str());
    }
}
