//! A long stored text, a piece at a time.
//!
//! Characters are counted in the cleaned text, which is the same at every call, so that the pieces put
//! together are the text.

use super::budget::{cost, line_cost};
use super::fence::Fence;

/// A stored text, whole.
pub(crate) struct StoredText<'a> {
    /// What the fence says it holds.
    pub(crate) holds: &'static str,
    /// Lines of others that stand above every piece, cleaned by the fence.
    pub(crate) above: Vec<String>,
    /// The text as it is stored.
    pub(crate) text: &'a str,
    /// The call that reads it, up to the words `offset N`.
    pub(crate) again: String,
}

/// A piece of it.
pub(crate) struct Piece {
    pub(crate) lines: Vec<String>,
    /// How many the whole text has, cleaned.
    pub(crate) characters: usize,
    /// The first character that is not shown, if there is one.
    pub(crate) next_offset: Option<usize>,
}

impl StoredText<'_> {
    /// The text from the character `offset` on, as much as fits into `limit`, below a line of ours that `about`
    /// writes from the number of characters.
    pub(crate) fn piece(&self, about: impl Fn(usize) -> String, offset: usize, fence: &Fence, limit: usize) -> Piece {
        // What the two lines after the piece can cost.
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
        lines.extend(self.position_note(offset, end, characters));
        Piece { lines, characters, next_offset }
    }

    fn position_note(&self, offset: usize, end: usize, characters: usize) -> Option<String> {
        if offset >= characters && offset > 0 {
            return Some(format!("Nothing is shown: the text has {characters} characters, and offset is {offset}."));
        }
        if offset == 0 && end >= characters {
            return None;
        }
        let first = offset + 1;
        let more = if end < characters {
            format!("Call {} offset {end} to read on.", self.again)
        } else {
            "This is the end.".to_owned()
        };
        Some(format!("Characters {first} to {end} of {characters} are shown. {more}"))
    }
}

/// The beginning of `text` that costs at most `room` once every line has its bar; it ends with a line
/// where one ends late enough.
fn fitting(text: &str, room: usize) -> &str {
    let bar = line_cost(&Fence::bar(" ")) - 1;
    let mut spent = bar;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        spent += if c == '\n' { bar } else { cost(c.encode_utf8(&mut [0; 4])) };
        if spent > room {
            end = at;
            break;
        }
    }
    let head = text.get(..end).unwrap_or(text);
    if end == text.len() {
        return head;
    }
    let line_end = head.rfind('\n').filter(|at| *at * 2 > head.len());
    line_end.and_then(|at| head.get(..=at)).unwrap_or(head)
}
