//! `notes`: finds notes, lists them, reads one whole. Writing is `note`.

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
use crate::render::clean::clean_line;
use crate::render::fence::{Fence, WARNING};
use crate::render::note;
use crate::render::part::Total;
use crate::schema;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The report's limit; the facts beside it stay below another 500.
const LIMIT: usize = 10_000;
/// Of these, what a cursor may have. A search's grows with what it has shown, and a longer one is at the report's cost.
const CURSOR: usize = 300;
/// What notes that are not saved yet get beside a list.
const UNSENT: usize = 2_000;
/// As many as fit into the report whole: a page that were cut would lose what its cursor skips.
const PAGE: u32 = 15;

#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
#[schemars(deny_unknown_fields)]
struct Arguments {
    /// Read this note whole, instead of a list.
    #[deserr(default)]
    id: Option<NoteId>,
    /// With `id`: where to go on, as the answer before said.
    #[deserr(default)]
    offset: Option<u32>,
    /// Words that all stand in title or text; best match first. Without it, newest first.
    #[deserr(default)]
    q: Option<SearchText>,
    /// Only notes with this tag.
    #[deserr(default)]
    tag: Option<NoteTag>,
    /// Only notes about this venture, or `global` ones.
    #[deserr(default)]
    scope: Option<Scope>,
    /// Those that are archived, in place of those that are live.
    #[deserr(default)]
    #[schemars(default)]
    archived: bool,
    /// The next page: `next_cursor` of the answer before.
    #[deserr(default)]
    cursor: Option<Cursor>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
struct Facts {
    /// What was found, as text.
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
    let text = "Find notes by words, tag or scope, list them, or read one whole by its id. A long text comes in pieces; \
                the answer says how to go on.";
    Tool::new("notes", text, schema::of_arguments::<Arguments>())
        .with_title("Find and read notes")
        .with_raw_output_schema(schema::of_result::<Facts>().into())
        .with_annotations(hints().read_only(true).idempotent(true))
}

pub(super) async fn call(keeper: &Keeper, arguments: JsonObject) -> Result<CallToolResult, Trouble> {
    let arguments: Arguments = decode(arguments)?;
    let api = keeper.identity.api().await?;
    let facts = match arguments.wanted()? {
        Wanted::One { id, offset } => one(&api.get_note(&id).await?, offset, now(), &fence()),
        Wanted::List(filter) => {
            let unsent = if filter.cursor.is_none() { api.unsent().await?.notes } else { Vec::new() };
            match api.list_notes(&filter).await {
                Err(error) if error.is_outage() && !unsent.is_empty() => without_api(&unsent, &error, now(), &fence()),
                page => list(&filter, page?, &unsent, now(), &fence()),
            }
        }
    };
    Ok(answer(&facts, &facts.report))
}

enum Wanted {
    One { id: NoteId, offset: usize },
    List(NoteFilter),
}

impl Arguments {
    fn wanted(self) -> Result<Wanted, Trouble> {
        let filters = self.q.is_some() || self.tag.is_some() || self.scope.is_some() || self.cursor.is_some();
        match (self.id, self.offset) {
            (Some(_), _) if filters || self.archived => {
                Err(Trouble::Arguments(Violations::at("/id", "reads one note and goes with offset alone")))
            }
            (Some(id), offset) => {
                Ok(Wanted::One { id, offset: offset.map_or(0, |at| usize::try_from(at).unwrap_or(usize::MAX)) })
            }
            (None, Some(_)) => Err(Trouble::Arguments(Violations::at("/offset", "goes with id alone"))),
            (None, None) => Ok(Wanted::List(NoteFilter {
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
        shown = part.counts.iter().sum();
        lines.extend(part.lines);
    }
    let list =
        List { shown, total: page.total, total_is_minimum: page.total_is_minimum, next_cursor: page.next_cursor };
    Facts { report: lines.join("\n"), list: Some(list), ..Facts::default() }
}

/// What waits on this machine, while the API does not answer.
fn without_api(unsent: &[UnsentNote], error: &ClientError, now: Timestamp, fence: &Fence) -> Facts {
    let mut lines = vec![format!("The notes at the API are not known now: {}", clean_line(&error.to_string()))];
    lines.extend(unsent_lines(unsent, now, fence));
    Facts { report: lines.join("\n").trim_end().to_owned(), ..Facts::default() }
}

/// With the warning above and an empty line below; nothing where nothing waits.
fn unsent_lines(unsent: &[UnsentNote], now: Timestamp, fence: &Fence) -> Vec<String> {
    if unsent.is_empty() {
        return Vec::new();
    }
    let part = note::unsent_part(unsent, now, fence).fit(fence, UNSENT).lines;
    [vec![WARNING.to_owned(), String::new()], part, vec![String::new()]].concat()
}

/// Which emptiness it is: none at all, none that fits, or the end of the pages.
fn nothing(filter: &NoteFilter, total: Total) -> String {
    let narrowed = filter.q.is_some() || filter.tag.is_some() || filter.venture.is_some() || filter.scope.is_some();
    match (total.count, narrowed) {
        (0, true) => "No note fits. Fewer words, or no tag and scope, find more.".to_owned(),
        (0, false) if filter.archived == Some(true) => "No note is archived.".to_owned(),
        (0, false) => "There are no notes yet. `note` saves one, when a human asks for it.".to_owned(),
        _ => format!("There are no more: this page lies behind the last of {total} notes."),
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
