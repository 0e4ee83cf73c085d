//! `notes`: finds, lists and reads notes. `note` writes them.

use deckwatch_client::api::ClientError;
use deckwatch_client::outbox::UnsentNote;
use deckwatch_protocol::{
    Cursor, FoundNote, Limit, Note, NoteFilter, NoteId, NoteScope, NoteTag, Page, SearchText, Timestamp, Violations,
};
use deserr::Deserr;
use rmcp::model::{CallToolResult, JsonObject, Tool};
use schemars::JsonSchema;
use serde::Serialize;

use super::scope::Scope;
use super::{answer, decode, fence, hints, now};
use crate::render::budget::line_cost;
use crate::render::fence::{Fence, WARNING};
use crate::render::note;
use crate::render::part::Total;
use crate::schema;
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
#[schemars(deny_unknown_fields)]
struct Arguments {
    /// Read this note instead of the list.
    #[deserr(default)]
    id: Option<NoteId>,
    /// With `id`: where to continue, from the previous answer.
    #[deserr(default)]
    offset: Option<u32>,
    /// Words that must all be in the title or text; best match first. Without it, newest first.
    #[deserr(default)]
    q: Option<SearchText>,
    /// Only notes with this tag.
    #[deserr(default)]
    tag: Option<NoteTag>,
    /// Only notes about this venture, or `global` ones.
    #[deserr(default)]
    scope: Option<Scope>,
    /// List archived notes instead of the current ones.
    #[deserr(default)]
    #[schemars(default)]
    archived: bool,
    /// The next page: `next_cursor` of the previous answer.
    #[deserr(default)]
    cursor: Option<Cursor>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
struct Facts {
    /// The result, as text.
    report: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<List>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<One>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct List {
    shown: usize,
    total: u32,
    total_is_minimum: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Cursor>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct One {
    id: NoteId,
    version: u32,
    archived: bool,
    characters: usize,
    /// Absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
}

pub(super) fn definition() -> Tool {
    let text = "Find notes by words, tag or scope, list them, or read one by its id. A long text comes in pieces; the \
                answer says how to continue.";
    Tool::new("notes", text, schema::of_arguments::<Arguments>())
        .with_title("Find and read notes")
        .with_raw_output_schema(schema::of_result::<Facts>().into())
        .with_annotations(hints().read_only(true).idempotent(true))
}

pub(super) async fn call(keeper: &Keeper, arguments: JsonObject) -> Result<CallToolResult, Trouble> {
    let arguments: Arguments = decode(arguments)?;
    let api = keeper.identity.api().await?;
    let facts = match arguments.request()? {
        NotesRequest::One { id, offset } => one(&api.get_note(&id).await?, offset, now(), &fence()),
        NotesRequest::List(filter) => {
            let unsent = if filter.cursor.is_none() { api.unsent().await?.notes } else { Vec::new() };
            match api.list_notes(&filter).await {
                Err(error) if error.is_outage() && !unsent.is_empty() => without_api(&unsent, &error, now(), &fence()),
                page => list(&filter, page?, &unsent, now(), &fence()),
            }
        }
    };
    Ok(answer(&facts, &facts.report))
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
            })),
        }
    }
}

fn list(filter: &NoteFilter, page: Page<FoundNote>, unsent: &[UnsentNote], now: Timestamp, fence: &Fence) -> Facts {
    let count = usize::try_from(page.total).unwrap_or(usize::MAX);
    let total = Total { count, at_least: page.total_is_minimum };
    let mut lines = unsent_lines(unsent, now, fence);
    let mut shown = 0;
    if page.items.is_empty() {
        lines.push(nothing(filter, total));
    } else {
        if lines.is_empty() {
            lines.extend([WARNING.to_owned(), String::new()]);
        }
        let spent: usize = lines.iter().map(|line| line_cost(line)).sum();
        let cursor = page.next_cursor.as_ref().map_or(0, |cursor| cursor.as_str().len());
        let room = LIMIT.saturating_sub(cursor.saturating_sub(CURSOR) + spent.saturating_sub(line_cost(WARNING) + 2));
        let part = note::list_part(&page.items, total, now, fence, room / PAGE as usize, cursor > 0);
        let part = part.fit(fence, room.saturating_sub(line_cost(WARNING) + 2));
        shown = part.count;
        lines.extend(part.lines);
    }
    let list =
        List { shown, total: page.total, total_is_minimum: page.total_is_minimum, next_cursor: page.next_cursor };
    Facts { report: lines.join("\n"), list: Some(list), ..Facts::default() }
}

/// The queued notes, while the API does not answer.
fn without_api(unsent: &[UnsentNote], error: &ClientError, now: Timestamp, fence: &Fence) -> Facts {
    let mut lines = vec![format!("The API did not list its notes. {}", sentence(error)), String::new()];
    lines.extend(unsent_lines(unsent, now, fence));
    Facts { report: lines.join("\n").trim_end().to_owned(), ..Facts::default() }
}

/// The queued notes, with the warning above and an empty line below; empty when there are none.
fn unsent_lines(unsent: &[UnsentNote], now: Timestamp, fence: &Fence) -> Vec<String> {
    if unsent.is_empty() {
        return Vec::new();
    }
    let part = note::unsent_part(unsent, now, fence).fit(fence, UNSENT).lines;
    [vec![WARNING.to_owned(), String::new()], part, vec![String::new()]].concat()
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

fn one(stored: &Note, offset: usize, now: Timestamp, fence: &Fence) -> Facts {
    let room = LIMIT.saturating_sub(line_cost(WARNING) + 2);
    let piece = note::piece(stored, offset, now, fence, room);
    let one = One {
        id: stored.id.clone(),
        version: stored.version,
        archived: stored.archived_at.is_some(),
        characters: piece.characters,
        next_offset: piece.next_offset,
    };
    Facts { report: format!("{WARNING}\n\n{}", piece.lines.join("\n")), list: None, note: Some(one) }
}
