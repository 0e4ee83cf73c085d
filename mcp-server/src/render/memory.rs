//! What agents remember: lists of it, and a piece of one text.

use deckwatch_machine::clock::ago;
use deckwatch_protocol::{FoundNote, Note, NoteAuthor, Timestamp};

use super::budget::clip;
use super::fence::Fence;
use super::next_page;
use super::part::{Cut, Group, Part, Total};
use super::piece::{Piece, StoredText};

const TITLE_COST: usize = 120;
const EXCERPT_COST: usize = 260;
const NAME_COST: usize = 60;

/// A page of what is remembered.
pub(crate) fn list_part(
    memories: &[FoundNote],
    total: Total,
    now: Timestamp,
    fence: &Fence,
    next_cursor: Option<&str>,
) -> Part {
    let item = |memory: &FoundNote| {
        let title = clip(&fence.line(memory.title.as_str()), TITLE_COST);
        let about = about(memory.author.as_ref(), memory.created_at, now, fence);
        let text = fence.line(&memory.excerpt);
        // A short text is its own title.
        let excerpt = (text != title).then(|| format!("  {}", clip(&text, EXCERPT_COST)));
        [Some(format!("- {title}")), Some(format!("  {}, {about}", memory.id)), excerpt].into_iter().flatten().collect()
    };
    Part {
        heading: format!("## Remembered by agents: {total}"),
        remark: Some(
            "Call `memory` with action recall and an id to read all of one. It may be wrong or out of date.".to_owned(),
        ),
        holds: "what agents remember",
        groups: vec![Group::of("memories", memories.iter().map(item).collect(), total, Cut::Never)],
        more: next_page::note("memory", next_cursor),
    }
}

/// One text, from character `offset` on.
pub(crate) fn piece(memory: &Note, offset: usize, now: Timestamp, fence: &Fence, limit: usize) -> Piece {
    let stored = StoredText {
        holds: "what an agent remembers",
        above: vec![about(memory.author.as_ref(), memory.created_at, now, fence), String::new()],
        text: memory.content.as_ref().map_or("(Its text is too long to be shown.)", |text| text.as_str()),
        again: format!("`memory` with action recall, id {} and", memory.id),
    };
    let is_forgotten = if memory.archived_at.is_some() { ", forgotten" } else { "" };
    let about = |characters: usize| format!("## {}: {characters} characters{is_forgotten}", memory.id);
    stored.piece_for(&next_page::cursor_argument, about, offset, fence, limit)
}

/// Who remembers it, since when, and for which commit.
fn about(author: Option<&NoteAuthor>, at: Timestamp, now: Timestamp, fence: &Fence) -> String {
    let by = author.map_or_else(|| "an agent".to_owned(), |author| clip(&fence.line(author.agent.as_str()), NAME_COST));
    let commit = author.and_then(|author| author.commit_sha.as_ref());
    let commit = commit.map_or(String::new(), |sha| format!(", at commit {}", clip(sha.as_str(), 12)));
    format!("by {by}, {}{commit}", ago(at, now))
}
