//! `notes`: finds, lists and reads notes. `note` writes them.

use std::path::PathBuf;

use deckwatch_client::api::ClientError;
use deckwatch_client::outbox::Unsent;
use deckwatch_machine::clock::ago;
use deckwatch_protocol::{
    Cursor, ExecutiveSummaries, FoundNote, Limit, Note, NoteFilter, NoteId, NoteScope, NoteTag, Page, SearchText,
    Timestamp, Violations,
};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::scope::Scope;
use super::{fence, now};
use crate::render::budget::line_cost;
use crate::render::clean::clean_line;
use crate::render::fence::{Fence, WARNING};
use crate::render::outbox::not_read_line;
use crate::render::part::{Part, Total};
use crate::render::{self, next_page, note};
use crate::session::Keeper;
use crate::trouble::{Trouble, sentence};

/// The size limit of the report. The other fields need less than 500 characters.
const LIMIT: usize = 10_000;
/// The part of those 500 characters for a cursor. The cursor of a search grows with each page; a longer one shortens
/// the report.
const CURSOR: usize = 300;
/// The size limit of the queued notes above a list.
const UNSENT: usize = 2_000;
/// The page size. A whole page fits into the report, so that the cursor skips nothing.
const PAGE: u32 = 15;

#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    #[deserr(default)]
    #[schemars(example = &"note_01JDZK3V8Q6T5W2Y4A7B9C0DEF")]
    id: Option<NoteId>,
    #[deserr(default)]
    offset: Option<u32>,
    /// Words that must all occur.
    #[deserr(default)]
    q: Option<SearchText>,
    #[deserr(default)]
    tag: Option<NoteTag>,
    /// A venture's code or `global`.
    #[deserr(default)]
    scope: Option<Scope>,
    #[deserr(default)]
    #[schemars(default)]
    archived: bool,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// The result, as text.
    pub(super) report: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<List>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<One>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct List {
    #[schemars(skip)]
    shown: usize,
    total: u32,
    total_is_minimum: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Cursor>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct One {
    #[schemars(skip)]
    id: NoteId,
    version: u32,
    #[schemars(skip)]
    archived: bool,
    #[schemars(skip)]
    characters: usize,
    /// Absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
}

pub(super) async fn call(keeper: &Keeper, arguments: Arguments) -> Result<Facts, Trouble> {
    let api = keeper.identity.api().await?;
    let facts = match arguments.request()? {
        NotesRequest::One { id, offset } => {
            let mut queued = QueuedNotes::of(keeper).await?;
            queued.unsent.notes.retain(|note| note.change.id() == Some(&id));
            match api.get_note(&id).await {
                Err(error) if error.is_outage() => without_api(keeper, &queued, Some(&id), error).await?,
                note => one(&note?, &queued, offset, now(), &fence()),
            }
        }
        NotesRequest::List(filter) => {
            let is_first_page = filter.cursor.is_none();
            let queued = if is_first_page { QueuedNotes::of(keeper).await? } else { QueuedNotes::default() };
            match api.list_notes(&filter).await {
                Err(error) if error.is_outage() => without_api(keeper, &queued, None, error).await?,
                page => list(&filter, page?, &queued, now(), &fence()),
            }
        }
    };
    Ok(facts)
}

enum NotesRequest {
    One { id: NoteId, offset: usize },
    List(NoteFilter),
}

impl Arguments {
    fn request(self) -> Result<NotesRequest, Trouble> {
        let filters = self.q.is_some() || self.tag.is_some() || self.scope.is_some() || self.cursor.is_some();
        match (self.id, self.offset) {
            (Some(_), _) if filters || self.archived => {
                Err(Trouble::Arguments(Violations::at("/id", "reads one note and can be combined only with offset")))
            }
            (Some(id), offset) => {
                Ok(NotesRequest::One { id, offset: offset.map_or(0, |at| usize::try_from(at).unwrap_or(usize::MAX)) })
            }
            (None, Some(_)) => Err(Trouble::Arguments(Violations::at("/offset", "needs id"))),
            (None, None) => Ok(NotesRequest::List(NoteFilter {
                venture: match &self.scope {
                    Some(Scope::Venture(code)) => Some(code.clone()),
                    _ => None,
                },
                scope: (self.scope == Some(Scope::Global)).then_some(NoteScope::Global),
                tag: self.tag,
                archived: self.archived.then_some(true),
                q: self.q,
                limit: Limit::try_from(u64::from(PAGE)).ok(),
                cursor: self.cursor,
                ..NoteFilter::default()
            })),
        }
    }
}

/// The writes to notes that are queued on this machine, and their folder.
#[derive(Default)]
struct QueuedNotes {
    unsent: Unsent,
    folder: PathBuf,
}

impl QueuedNotes {
    async fn of(keeper: &Keeper) -> Result<Self, Trouble> {
        Ok(Self { unsent: keeper.unsent().await?, folder: keeper.waiting().await.path })
    }

    /// Whether the queue was read and contains no writes to notes.
    fn is_empty(&self) -> bool {
        self.unsent.notes.is_empty() && self.unsent.not_read.is_none()
    }

    /// A line if some writes could not be read, and the writes with the warning above. Each ends with an empty line.
    fn lines(&self, limit: usize, now: Timestamp, fence: &Fence) -> Vec<String> {
        let not_read = self.unsent.not_read.as_ref().map(|not_read| vec![not_read_line(not_read), String::new()]);
        let mut lines = not_read.unwrap_or_default();
        if !self.unsent.notes.is_empty() {
            let files = format!("Their files are in {}.", clean_line(&self.folder.display().to_string()));
            let part = note::unsent_part(&self.unsent.notes, files, now, fence).fit(fence, limit).lines;
            lines.extend([vec![WARNING.to_owned(), String::new()], part, vec![String::new()]].concat());
        }
        lines
    }
}

fn list(filter: &NoteFilter, page: Page<FoundNote>, queued: &QueuedNotes, now: Timestamp, fence: &Fence) -> Facts {
    let count = usize::try_from(page.total).unwrap_or(usize::MAX);
    let total = Total { count, at_least: page.total_is_minimum };
    let mut lines = queued.lines(UNSENT, now, fence);
    let mut shown = 0;
    if page.items.is_empty() {
        lines.push(nothing(filter, total));
    } else {
        if queued.unsent.notes.is_empty() {
            lines.extend([WARNING.to_owned(), String::new()]);
        }
        let spent: usize = lines.iter().map(|line| line_cost(line)).sum();
        let cursor = page.next_cursor.as_ref().map(Cursor::as_str);
        let length = cursor.map_or(0, str::len);
        let in_text = if length <= next_page::LONGEST_IN_TEXT { length } else { 0 };
        let room = LIMIT
            .saturating_sub(in_text + length.saturating_sub(CURSOR) + spent.saturating_sub(line_cost(WARNING) + 2));
        let more = next_page::note("notes", cursor);
        let part = note::list_part(&page.items, total, now, fence, room / PAGE as usize, more);
        let part = part.fit(fence, room.saturating_sub(line_cost(WARNING) + 2));
        shown = part.count;
        lines.extend(part.lines);
    }
    let list =
        List { shown, total: page.total, total_is_minimum: page.total_is_minimum, next_cursor: page.next_cursor };
    Facts { report: lines.join("\n"), list: Some(list), ..Facts::default() }
}

/// The notes on this machine, while the API does not answer: the queued writes, and the executive summaries of the
/// last answer to `sod`. With an id, only those of that note.
async fn without_api(
    keeper: &Keeper,
    queued: &QueuedNotes,
    id: Option<&NoteId>,
    error: ClientError,
) -> Result<Facts, Trouble> {
    let last = keeper.identity.last_snapshot().await?;
    let kept = last.map(|last| (last.taken_at, summaries_of(last.day.executive_summaries, id)));
    let kept = kept.filter(|(_, summaries)| !summaries.excerpt.items.is_empty());
    if queued.is_empty() && kept.is_none() {
        return Err(error.into());
    }
    let (now, fence) = (now(), fence());
    let mut lines = vec![format!("The API did not send its notes. {}", sentence(&error)), String::new()];
    lines.extend(queued.lines(LIMIT / 2, now, &fence));
    if let Some((taken_at, summaries)) = kept {
        let age = ago(taken_at, now);
        lines.push(format!(
            "STALE: the executive summaries below are from the API's last answer, {age} ({taken_at}). This machine has no \
             other notes of the API."
        ));
        if queued.unsent.notes.is_empty() {
            lines.push(WARNING.to_owned());
        }
        lines.push(String::new());
        let spent: usize = lines.iter().map(|line| line_cost(line)).sum();
        let part = summaries_part(&summaries, now, &fence);
        lines.extend(part.fit(&fence, LIMIT.saturating_sub(spent)).lines);
    }
    Ok(Facts { report: lines.join("\n").trim_end().to_owned(), ..Facts::default() })
}

/// The summaries, or only the one with this id.
fn summaries_of(mut all: ExecutiveSummaries, id: Option<&NoteId>) -> ExecutiveSummaries {
    if let Some(id) = id {
        all.excerpt.items.retain(|note| note.id == *id);
        all.left_out.clear();
        all.excerpt.total = 1;
    }
    all
}

fn summaries_part(summaries: &ExecutiveSummaries, now: Timestamp, fence: &Fence) -> Part {
    Part { more: "Call `notes` again when the API answers.".into(), ..render::sod::summaries(summaries, now, fence) }
}

/// The text for an empty page: there are no notes, no note matches, or the pages have ended.
fn nothing(filter: &NoteFilter, total: Total) -> String {
    let narrowed = filter.q.is_some() || filter.tag.is_some() || filter.venture.is_some() || filter.scope.is_some();
    match (total.count, narrowed) {
        (0, true) => "No note matches. Use fewer words, or leave out tag and scope.".to_owned(),
        (0, false) if filter.archived == Some(true) => "There are no archived notes.".to_owned(),
        (0, false) => "There are no notes yet. Save one with `note` when a human asks for it.".to_owned(),
        _ => format!("There are no more notes: this page is after the last of {total}."),
    }
}

fn one(stored: &Note, queued: &QueuedNotes, offset: usize, now: Timestamp, fence: &Fence) -> Facts {
    let mut lines = queued.lines(UNSENT, now, fence);
    if queued.unsent.notes.is_empty() {
        lines.extend([WARNING.to_owned(), String::new()]);
    }
    let room = LIMIT.saturating_sub(lines.iter().map(|line| line_cost(line)).sum());
    let piece = note::piece(stored, offset, now, fence, room);
    let one = One {
        id: stored.id.clone(),
        version: stored.version,
        archived: stored.archived_at.is_some(),
        characters: piece.characters,
        next_offset: piece.next_offset,
    };
    lines.extend(piece.lines);
    Facts { report: lines.join("\n"), list: None, note: Some(one) }
}
