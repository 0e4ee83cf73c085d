//! Shows a long stored text in pieces.
//!
//! Offsets count characters of the cleaned text. It is the same in every call, so the pieces together are the whole
//! text.

use deckwatch_protocol::cut;

use super::budget::line_cost;
use super::fence::Fence;
use super::page;

/// A stored text.
pub(crate) struct StoredText<'a> {
    /// The description in the fence.
    pub(crate) holds: &'static str,
    /// Stored lines above every piece, cleaned by the fence.
    pub(crate) above: Vec<String>,
    /// The stored text.
    pub(crate) text: &'a str,
    /// The call that reads the text, without the place at its end, such as `offset N`.
    pub(crate) again: String,
}

/// A piece of a stored text.
pub(crate) struct Piece {
    pub(crate) lines: Vec<String>,
    /// The number of characters of the whole cleaned text.
    pub(crate) characters: usize,
    /// The offset of the next piece, if there is one.
    pub(crate) next_offset: Option<usize>,
}

impl StoredText<'_> {
    /// The text from character `offset`, as much as fits into `limit`. `about` writes the line above it from the number
    /// of characters.
    pub(crate) fn piece(&self, about: impl Fn(usize) -> String, offset: usize, fence: &Fence, limit: usize) -> Piece {
        self.piece_for(&|end| format!("offset {end}"), about, offset, fence, limit)
    }

    /// The same, if the call that reads on has the place in another argument, which `place` writes.
    pub(crate) fn piece_for(
        &self,
        place: &dyn Fn(usize) -> String,
        about: impl Fn(usize) -> String,
        offset: usize,
        fence: &Fence,
        limit: usize,
    ) -> Piece {
        // The space for the two lines after the piece.
        const TAIL: usize = 300;
        let text = fence.lines(self.text).join("\n");
        let characters = text.chars().count();
        let mut lines = vec![about(characters), fence.open(self.holds)];
        lines.extend(self.above.iter().map(|line| Fence::bar(line)));
        let spent: usize = lines.iter().map(|line| line_cost(line)).sum();
        let rest: String = text.chars().skip(offset).collect();
        let shown = fitting(&rest, limit.saturating_sub(spent + TAIL));
        let end = offset.saturating_add(shown.chars().count());
        lines.extend(shown.lines().map(Fence::bar));
        lines.push(fence.close());
        let next_offset = (end < characters).then_some(end);
        lines.extend(self.position_note(place, offset, end, characters));
        Piece { lines, characters, next_offset }
    }

    fn position_note(
        &self,
        place: &dyn Fn(usize) -> String,
        offset: usize,
        end: usize,
        characters: usize,
    ) -> Option<String> {
        if offset >= characters && offset > 0 {
            return Some(format!(
                "Nothing is shown, because offset is {offset} and the text has {characters} characters."
            ));
        }
        if offset == 0 && end >= characters {
            return None;
        }
        let first = offset + 1;
        let more = if end < characters {
            format!("Call {} {} to continue.", self.again, place(end))
        } else {
            "This is the end.".to_owned()
        };
        Some(format!("Characters {first} to {end} of {characters} are shown. {more}"))
    }
}

/// The beginning of `text` that fits, up to the end of a line if that loses less than half.
fn fitting(text: &str, room: usize) -> &str {
    let part = page::fitting(text, room);
    if part.len() == text.len() { part } else { cut::at_line(part) }
}
