//! Lines inside a fence, within a size limit.

use deckwatch_protocol::cut;

use super::budget::{clip, cost_of, line_cost};
use super::fence::Fence;
use super::part::Cut;

/// Lines with a bar, and the remaining space.
pub(super) struct Page {
    pub(super) lines: Vec<String>,
    pub(super) room: usize,
}

impl Page {
    pub(super) fn push(&mut self, line: &str) -> bool {
        let line = Fence::bar(line);
        let cost = line_cost(&line);
        if cost > self.room {
            return false;
        }
        self.room -= cost;
        self.lines.push(line);
        true
    }

    /// Adds the beginning of an item: whole paragraphs if they use at least half of the space, or else whole lines and
    /// a part of the next line. False when the space is too small for a line.
    pub(super) fn push_cut(&mut self, item: &[String], cut: Cut) -> bool {
        const WORTH_A_LINE: usize = 24;
        match cut {
            Cut::Never => return false,
            Cut::AtParagraph if self.push_paragraphs(item) => return true,
            Cut::AtParagraph | Cut::AtWord | Cut::Oversized => {}
        }
        let before = self.lines.len();
        let left = item.iter().find(|line| !self.push(line));
        if let Some(line) = left
            && self.room >= WORTH_A_LINE
        {
            let bar_and_break = line_cost(&Fence::bar("")) + 1;
            let piece = clip(line, self.room - bar_and_break);
            self.push(&piece);
        }
        self.lines.len() > before
    }
}

impl Page {
    /// Adds as many whole paragraphs as fit. False when they would leave more than half of the space unused.
    fn push_paragraphs(&mut self, item: &[String]) -> bool {
        let text = item.join("\n");
        let part = fitting(&text, self.room);
        let kept = if part.len() == text.len() { Some(part) } else { cut::whole_paragraphs(&text, part.len()) };
        let Some(kept) = kept.filter(|kept| !kept.is_empty()) else { return false };
        kept.lines().for_each(|line| {
            self.push(line);
        });
        true
    }
}

/// The longest beginning of `text` that costs at most `room`, including a bar on every line.
pub(super) fn fitting(text: &str, room: usize) -> &str {
    let bar_and_break = line_cost(&Fence::bar(" ")) - 1;
    let cost = |c| if c == '\n' { bar_and_break } else { cost_of(c) };
    cut::to_cost(text, room.saturating_sub(bar_and_break), cost)
}
