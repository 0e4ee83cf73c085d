//! `memory`: what agents remember about their venture: remember, recall, forget. Nothing of it is shown unasked. `note` and
//! `notes` are for what a human wants to keep.

use deckwatch_client::outbox::{Delivery, NoteWrite, Queued};
use deckwatch_protocol::{
    CreateNote, Cursor, Invalid, Limit, Note, NoteContent, NoteFilter, NoteId, NoteKind, NoteTitle, SearchText,
    Violation, Violations, cut,
};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::{fence, now, offset_of, sent_later};
use crate::render::budget::line_cost;
use crate::render::clean::clean_line;
use crate::render::fence::WARNING;
use crate::render::memory;
use crate::render::part::Total;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The size limit of the report.
const LIMIT: usize = 8_000;
/// The page size. A whole page fits into the report, so that the cursor skips nothing.
const PAGE: u64 = 15;
/// The longest title that is made from a text.
const TITLE: usize = 100;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    action: Action,
    #[deserr(default)]
    content: Option<NoteContent>,
    #[deserr(default)]
    q: Option<SearchText>,
    #[deserr(default)]
    #[schemars(example = &"mem_01JDZK3V8Q6T5W2Y4A7B9C0DEF")]
    id: Option<NoteId>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserr, JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[deserr(rename_all = lowercase, error = Violations)]
enum Action {
    Remember,
    Recall,
    Forget,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// What is remembered, or what happened, as text.
    pub(super) report: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_id: Option<NoteId>,
    /// Absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn call(keeper: &Keeper, arguments: Arguments) -> Result<Facts, Trouble> {
    match arguments.request()? {
        MemoryRequest::Remember(content) => remember(keeper, content).await,
        MemoryRequest::One { id, offset } => one(keeper, &id, offset).await,
        MemoryRequest::List { q, cursor } => list(keeper, q, cursor).await,
        MemoryRequest::Forget(id) => forget(keeper, id).await,
    }
}

enum MemoryRequest {
    Remember(NoteContent),
    One { id: NoteId, offset: usize },
    List { q: Option<SearchText>, cursor: Option<Cursor> },
    Forget(NoteId),
}

impl Arguments {
    /// Checks the arguments of the action. The error names every missing and every extra argument.
    fn request(self) -> Result<MemoryRequest, Trouble> {
        let wrong = self.argument_errors();
        if !wrong.is_empty() {
            return Err(Trouble::Arguments(Violations(wrong)));
        }
        let Self { action, content, q, id, cursor } = self;
        Ok(match (action, content, id) {
            (Action::Remember, Some(content), _) => MemoryRequest::Remember(content),
            (Action::Forget, _, Some(id)) => MemoryRequest::Forget(id),
            (_, _, Some(id)) => MemoryRequest::One { id, offset: offset_of(cursor.as_ref())? },
            _ => MemoryRequest::List { q, cursor },
        })
    }

    fn argument_errors(&self) -> Vec<Violation> {
        use Action::{Forget, Recall, Remember};
        let action = self.action;
        let is_list = action == Recall && self.id.is_none();
        let fields = [
            ("/content", self.content.is_some(), action == Remember, action == Remember),
            ("/q", self.q.is_some(), false, is_list),
            ("/id", self.id.is_some(), action == Forget, action != Remember),
            ("/cursor", self.cursor.is_some(), false, action == Recall),
        ];
        let violation = |field: &str, detail: &str| Violation { pointer: field.to_owned(), detail: detail.to_owned() };
        let mut wrong: Vec<Violation> = fields
            .into_iter()
            .filter_map(|(field, given, needed, allowed)| match (given, needed, allowed) {
                (false, true, _) => Some(violation(field, "is required for this action")),
                (true, _, false) => Some(violation(field, "is not allowed for this call")),
                _ => None,
            })
            .collect();
        if self.id.as_ref().is_some_and(|id| id.kind() != NoteKind::Memory) {
            wrong.push(violation("/id", "must be the id of a memory, which begins with mem_; `notes` reads notes"));
        }
        let is_long = |content: &NoteContent| content.as_str().len() > Note::MAX_MEMORY_BYTES;
        if self.content.as_ref().is_some_and(is_long) {
            wrong.push(violation("/content", "must have at most 8 KiB as UTF-8"));
        }
        wrong
    }
}

async fn remember(keeper: &Keeper, content: NoteContent) -> Result<Facts, Trouble> {
    let session = keeper.fence().await?.session_id;
    let title =
        title_of(content.as_str()).map_err(|invalid| Trouble::Arguments(Violations::at("/content", invalid.0)))?;
    let commit_sha = keeper.identity.checkout().await?.commit_sha;
    let memory = CreateNote { commit_sha, ..CreateNote::memory(session, title, content) };
    Ok(match keeper.identity.client().await?.deliver_note(&NoteWrite::Create(memory)).await? {
        Delivery::Delivered(note) => {
            let report = format!(
                "Remembered as {}, {} bytes. `memory` with action recall finds it; nothing shows it unasked.",
                note.id, note.size_bytes
            );
            Facts { report, memory_id: Some(note.id), ..Facts::default() }
        }
        Delivery::ResponseLost(lost) => {
            let cause = clean_line(&lost.cause);
            let report = format!(
                "It is remembered. Do not repeat it. `memory` with action recall finds it.\nIts id is not known: {cause}."
            );
            Facts { report, ..Facts::default() }
        }
        Delivery::Queued(queued) => queued_facts(keeper, "memory", &queued),
    })
}

/// The first line of a text, as the title of the memory.
fn title_of(text: &str) -> Result<NoteTitle, Invalid> {
    let line = text.lines().map(clean_line).find(|line| !line.trim().is_empty()).unwrap_or_default();
    let line = line.trim();
    let short = cut::to_chars(line, TITLE);
    let title = if short.len() == line.len() { short } else { cut::at_word(short).trim_end() };
    title.parse()
}

fn queued_facts(keeper: &Keeper, what: &str, queued: &Queued) -> Facts {
    keeper.pending.notify();
    let (cause, later) = (clean_line(&queued.cause), sent_later(queued));
    let report = format!("The {what} is QUEUED on this machine and not saved yet: {cause}.\n{later}");
    Facts { report, ..Facts::default() }
}

async fn forget(keeper: &Keeper, id: NoteId) -> Result<Facts, Trouble> {
    let client = keeper.identity.client().await?;
    Ok(match client.deliver_note(&NoteWrite::Archive(id.clone())).await? {
        Delivery::Delivered(_) | Delivery::ResponseLost(_) => {
            let report = format!("{id} is forgotten: nothing finds it any more. A human can restore it.");
            Facts { report, memory_id: Some(id), ..Facts::default() }
        }
        Delivery::Queued(queued) => queued_facts(keeper, "change", &queued),
    })
}

async fn one(keeper: &Keeper, id: &NoteId, offset: usize) -> Result<Facts, Trouble> {
    let note = keeper.identity.api().await?.get_note(id).await?;
    let fence = fence();
    let piece = memory::piece(&note, offset, now(), &fence, LIMIT.saturating_sub(line_cost(WARNING) + 2));
    let report = format!("{WARNING}\n\n{}", piece.lines.join("\n"));
    Ok(Facts { report, memory_id: Some(note.id), next_cursor: piece.next_offset.map(|offset| offset.to_string()) })
}

async fn list(keeper: &Keeper, q: Option<SearchText>, cursor: Option<Cursor>) -> Result<Facts, Trouble> {
    let (api, place) = (keeper.identity.api().await?, keeper.identity.place().await?);
    let is_narrowed = q.is_some();
    let filter = NoteFilter {
        kind: Some(NoteKind::Memory),
        venture: Some(place.venture.code.clone()),
        q,
        limit: Limit::try_from(PAGE).ok(),
        cursor,
        ..NoteFilter::default()
    };
    let page = api.list_notes(&filter).await?;
    if page.items.is_empty() {
        let report = if is_narrowed {
            "Nothing that is remembered matches. Use fewer words.".to_owned()
        } else {
            format!("The agents of venture {} remember nothing here.", place.venture.code)
        };
        return Ok(Facts { report, ..Facts::default() });
    }
    let count = usize::try_from(page.total).unwrap_or(usize::MAX);
    let total = Total { count, at_least: page.total_is_minimum };
    let (fence, next) = (fence(), page.next_cursor.as_ref().map(Cursor::as_str));
    let part = memory::list_part(&page.items, total, now(), &fence, next).fit(&fence, LIMIT);
    let report = format!("{WARNING}\n\n{}", part.lines.join("\n"));
    Ok(Facts { report, next_cursor: page.next_cursor.map(|cursor| cursor.to_string()), ..Facts::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_line_of_a_text() {
        let title = |text: &str| title_of(text).unwrap().to_string();
        assert_eq!(title("\n  The build needs node 20.\nnpm ci first."), "The build needs node 20.");
        let long = title(&"word ".repeat(60));
        assert!(long.len() <= TITLE && long.ends_with("word"), "{long}");
        assert!(title_of(" \n ").is_err());
    }
}
