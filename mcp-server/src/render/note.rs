//! Notes: lists of them, and a piece of one.

use std::borrow::Cow;

use deckwatch_client::outbox::{NoteChange, UnsentNote};
use deckwatch_machine::clock::ago;
use deckwatch_protocol::{Change, FoundNote, Note, NoteContent, NoteTag, NoteTitle, Timestamp, VentureCode};

use super::budget::{clip, cost, line_cost};
use super::fence::Fence;
use super::part::{Cut, Group, Part, Total};
use super::piece::{Piece, StoredText};

const TITLE_COST: usize = 120;
const TAGS_COST: usize = 90;
/// The label of a text that is only a part of the note.
const EXCERPT: &str = "Excerpt: ";
/// The limit for the text of a queued note in a list.
const UNSENT_COST: usize = 300;

/// A list in which each note costs at most `room`, so that a whole page fits. `more` is the note about the next page.
pub(crate) fn list_part(
    notes: &[FoundNote],
    total: Total,
    now: Timestamp,
    fence: &Fence,
    room: usize,
    more: Cow<'static, str>,
) -> Part {
    // The share of each note in the cost of heading and fence.
    const FRAME: usize = 40;
    let items = notes.iter().map(|note| item(note, now, fence, room.saturating_sub(FRAME))).collect();
    Part {
        heading: format!("## Notes: {total}"),
        remark: Some("Call `notes` with an id to read all of one.".to_owned()),
        holds: "notes",
        groups: vec![Group::of("notes", items, total, Cut::Never)],
        more,
    }
}

fn item(note: &FoundNote, now: Timestamp, fence: &Fence, room: usize) -> Vec<String> {
    let title = clip(&fence.line(note.title.as_str()), TITLE_COST);
    let by = clip(&fence.line(&note.actor_key_id), 16);
    let archived = note.archived_at.map_or(String::new(), |at| format!(", archived {}", ago(at, now)));
    let in_part = if note.indexed_in_part { ", only its first part is searched" } else { "" };
    let about = format!(
        "  {}, {}, version {}, {} bytes, by key {by}, changed {}{archived}{in_part}{}",
        note.id,
        scope(note.venture.as_ref()),
        note.version,
        note.size_bytes,
        ago(note.updated_at, now),
        tags(&note.tags, fence)
    );
    let head = format!("- {title}");
    let bars = 3 * line_cost(&Fence::bar(" "));
    let left = room.saturating_sub(cost(&head) + cost(&about) + bars);
    let text = fence.line(&note.excerpt);
    let label = if is_whole(note, &text, left) { "" } else { EXCERPT };
    let excerpt = clip(&text, left.saturating_sub(2 + label.len()));
    let excerpt = (!excerpt.is_empty()).then(|| format!("  {label}{excerpt}"));
    [Some(head), Some(about), excerpt].into_iter().flatten().collect()
}

/// Whether the excerpt is the whole text of the note, and fits.
fn is_whole(note: &FoundNote, text: &str, room: usize) -> bool {
    usize::try_from(note.size_bytes).is_ok_and(|size| note.excerpt.replace("**", "").len() >= size)
        && cost(text) + 2 <= room
}

/// New notes and changes of notes that are queued on this machine, newest first. `files` says where all of them are.
pub(crate) fn unsent_part(notes: &[UnsentNote], files: String, now: Timestamp, fence: &Fence) -> Part {
    let items = notes.iter().map(|note| unsent_item(note, now, fence)).collect();
    let total = Total::exactly(notes.len());
    Part {
        heading: format!("## New and changed notes on this machine that are NOT SAVED YET: {total}"),
        remark: Some("The API does not have them, so searches and other machines don't find them.".to_owned()),
        holds: "writes to notes that are not saved yet",
        groups: vec![Group::of("writes", items, total, Cut::Never)],
        more: files.into(),
    }
}

fn unsent_item(note: &UnsentNote, now: Timestamp, fence: &Fence) -> Vec<String> {
    let written = ago(note.queued_at, now);
    let title_of = |title: &NoteTitle| clip(&fence.line(title.as_str()), TITLE_COST);
    let text = |content: &NoteContent| clip(&fence.line(content.as_str()), UNSENT_COST);
    match &note.change {
        NoteChange::Create { title, content, tags: words, .. } => {
            let head = format!("- {} (new, written {written}{})", title_of(title), tags(words, fence));
            vec![head, format!("  {}", text(content))]
        }
        NoteChange::Update { id, title, content, tags: words, venture } => {
            let scope = match venture {
                Change::Keep => None,
                Change::Clear => Some("  new scope: global".to_owned()),
                Change::Set(code) => Some(format!("  new scope: {}", scope(Some(code)))),
            };
            let words = words.as_ref().map(|words| match tags(words, fence).strip_prefix(", tags: ") {
                Some(words) => format!("  new tags: {words}"),
                None => "  new tags: none".to_owned(),
            });
            let mut lines = vec![format!("- {id}: changed (written {written})")];
            lines.extend(title.as_ref().map(|title| format!("  new title: {}", title_of(title))));
            lines.extend([scope, words].into_iter().flatten());
            lines.extend(content.as_ref().map(|content| format!("  new text: {}", text(content))));
            lines
        }
        NoteChange::Archive(id) => vec![format!("- {id}: archived (written {written})")],
        NoteChange::Restore(id) => vec![format!("- {id}: restored (written {written})")],
    }
}

fn scope(venture: Option<&VentureCode>) -> String {
    venture.map_or("global".to_owned(), |code| format!("venture {code}"))
}

fn tags(tags: &[NoteTag], fence: &Fence) -> String {
    if tags.is_empty() {
        return String::new();
    }
    let words: Vec<String> = tags.iter().map(|tag| fence.line(tag.as_str())).collect();
    format!(", tags: {}", clip(&words.join(", "), TAGS_COST))
}

/// The note from character `offset`, as much as fits into `limit`.
pub(crate) fn piece(note: &Note, offset: usize, now: Timestamp, fence: &Fence, limit: usize) -> Piece {
    let mut above = vec![format!("# {}", clip(&fence.line(note.title.as_str()), 2 * TITLE_COST))];
    above.extend(tags(&note.tags, fence).strip_prefix(", ").map(str::to_owned));
    let text = note.content.as_ref().map_or("", |content| content.as_str());
    let again = format!("notes with id {} and", note.id);
    let stored_text = StoredText { holds: "note", above, text, again };
    stored_text.piece(|characters| about(note, characters, now, fence), offset, fence, limit)
}

fn about(note: &Note, characters: usize, now: Timestamp, fence: &Fence) -> String {
    let by = clip(&fence.line(&note.actor_key_id), 16);
    let archived = note.archived_at.map_or(String::new(), |at| format!(", archived {}", ago(at, now)));
    let in_part = if note.indexed_in_part {
        "\nA search finds only the words in the first part of this note, because the note is too long to index."
    } else {
        ""
    };
    format!(
        "Note {}, {}, version {}, {characters} characters, by key {by} at {}, changed {}{archived}{in_part}",
        note.id,
        scope(note.venture.as_ref()),
        note.version,
        note.created_at,
        ago(note.updated_at, now)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::render::samples::{NOW, id};

    fn note(content: &str) -> Note {
        serde_json::from_value(json!({"id": id("note_", 1), "title": "Pricing", "content": content,
            "size_bytes": content.len(), "tags": ["strategy", "a\u{202e}b"], "venture": "alpha", "version": 3,
            "archived_at": null, "created_at": NOW, "updated_at": NOW, "actor_key_id": "0123456789abcdef",
            "creation_correlation_id": "corr_x"}))
        .unwrap()
    }

    fn found(text: &str) -> FoundNote {
        serde_json::from_value(
            json!({"id": id("note_", 1), "title": "t".repeat(200), "excerpt": text, "size_bytes": 512_000,
            "tags": vec!["w".repeat(50); 20], "venture": "v".repeat(32), "version": 4_000_000_000_u32,
            "archived_at": NOW, "created_at": NOW, "updated_at": "2024-01-01T00:00:00.000Z",
            "actor_key_id": "0123456789abcdef"}),
        )
        .unwrap()
    }

    #[test]
    fn the_pieces_together_are_the_whole_note() {
        let now = NOW.parse().unwrap();
        for text in ["one line of words\n\nand more\n".repeat(900), "\"😀\\".repeat(3_000), "x".repeat(20_000)] {
            let stored = note(&text);
            let (mut offset, mut read, mut calls) = (0, String::new(), 0);
            loop {
                let fence = Fence::new(calls);
                let piece = piece(&stored, offset, now, &fence, 4_000);
                let rendered = piece.lines.join("\n");
                assert!(cost(&rendered) <= 4_000, "{}", cost(&rendered));
                let inside = piece.lines.iter().skip_while(|line| !line.starts_with("| # ")).skip(2);
                let body: Vec<&str> =
                    inside.take_while(|line| **line != fence.close()).map(|line| &line[1..]).collect();
                let body: Vec<&str> = body.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
                read.push_str(&body.join("\n"));
                calls += 1;
                let Some(next) = piece.next_offset else { break };
                assert!(next > offset, "the offset grows");
                read.push_str(if text.chars().nth(next - 1) == Some('\n') { "\n" } else { "" });
                offset = next;
            }
            assert!(calls > 3);
            assert_eq!(read, text.trim_end());
        }
    }

    #[test]
    fn a_note_that_is_searched_in_part_says_so_in_a_list_and_alone() {
        let (now, fence) = (NOW.parse().unwrap(), Fence::new(1));
        for in_part in [false, true] {
            let listed = FoundNote { indexed_in_part: in_part, ..found("text") };
            let part = list_part(&[listed], Total::exactly(1), now, &fence, 900, "".into()).fit(&fence, 2_000);
            let text = part.lines.join("\n");
            assert_eq!(text.contains(", only its first part is searched"), in_part, "{text}");
            let stored = Note { indexed_in_part: in_part, ..note("text") };
            let text = piece(&stored, 0, now, &fence, 4_000).lines.join("\n");
            assert_eq!(
                text.contains("A search finds only the words in the first part of this note"),
                in_part,
                "{text}"
            );
        }
    }

    #[test]
    fn an_offset_after_the_end_is_reported() {
        let piece = piece(&note("short"), 70, NOW.parse().unwrap(), &Fence::new(1), 4_000);
        assert_eq!(piece.next_offset, None);
        assert!(piece.lines.last().unwrap().contains("because offset is 70 and the text has 5 characters"));
    }

    #[test]
    fn a_whole_page_fits_with_any_notes() {
        let now = NOW.parse().unwrap();
        let fence = Fence::new(1);
        for text in ["x".repeat(500), "\"\\".repeat(250), "😀".repeat(500), "a\n".repeat(250)] {
            let notes = vec![found(&text); 15];
            // The second value is the space that remains with the longest cursor.
            for room in [10_000, 7_300] {
                let more = "Next page: call `notes` with the same arguments and `cursor` set to next_cursor.";
                let part = list_part(&notes, Total::exactly(40), now, &fence, room / 15, more.into());
                let shown = part.fit(&fence, room - 150);
                assert_eq!(shown.count, 15);
                assert_eq!(
                    shown.lines.last().unwrap(),
                    "Not all is shown: notes 15 of 40. Next page: call `notes` with the same arguments and `cursor` set to \
                     next_cursor."
                );
            }
        }
    }
}
