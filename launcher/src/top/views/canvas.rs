//! Puts texts into a buffer: cleaned, and cut by columns.

use deckwatch_client::clean::clean;
use deckwatch_protocol::cut::{self, ELLIPSIS};
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Modifier, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::top) enum Palette {
    Colours,
    /// `NO_COLOR` is set.
    Plain,
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    Dim,
    Bold,
    /// Needs a person.
    Urgent,
    /// Works.
    Good,
    /// May not be true.
    Doubtful,
}

/// A line of a view that is a text.
pub(super) type Line = (String, Look);

/// A buffer, and the part of it between the header and the footer.
pub(super) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    palette: Palette,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, palette: Palette) -> Self {
        buffer.reset();
        Self { buffer, palette }
    }

    pub(super) fn width(&self) -> u16 {
        self.buffer.area.width
    }

    pub(super) fn height(&self) -> u16 {
        self.buffer.area.height
    }

    /// Whether a line has columns.
    pub(super) fn is_wide(&self) -> bool {
        is_wide(self.width())
    }

    /// The lines between the header and the footer.
    pub(super) fn lines(&self) -> u16 {
        self.height().saturating_sub(super::frame::HEADER + super::frame::FOOTER)
    }

    /// Puts a text into a line, from a column on, in at most `width` columns. Returns the column after it.
    pub(super) fn put(&mut self, (x, y): (u16, u16), width: u16, text: &str, look: Look) -> u16 {
        if y >= self.height() || x >= self.width() {
            return x;
        }
        let room = width.min(self.width() - x);
        // Not `clean_line`, which would remove the spaces between columns.
        let text = clean(text).replace(['\n', '\t'], " ");
        let text = cut_to(&text, usize::from(room));
        self.buffer.set_stringn(x, y, &text, usize::from(room), self.style(look)).0
    }

    /// Puts these lines, from the one with this number on, between the header and the footer. The screen stays full.
    pub(super) fn list(&mut self, lines: &[Line], first: usize) {
        let room = usize::from(self.lines());
        let first = first.min(lines.len().saturating_sub(room));
        for ((text, look), y) in lines.iter().skip(first).take(room).zip(super::frame::HEADER..) {
            self.put((0, y), self.width(), text, *look);
        }
    }

    /// Marks a line as selected.
    pub(super) fn select(&mut self, y: u16) {
        let area = Rect::new(0, y, self.width(), 1).intersection(self.buffer.area);
        self.buffer.set_style(area, Style::new().add_modifier(Modifier::REVERSED));
    }

    fn style(&self, look: Look) -> Style {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let colour = |style: Style, colour| if self.palette == Palette::Colours { style.fg(colour) } else { style };
        match look {
            Look::Plain => Style::new(),
            Look::Dim => Style::new().add_modifier(Modifier::DIM),
            Look::Bold => bold,
            Look::Urgent => colour(bold, Color::Red),
            Look::Good => colour(Style::new(), Color::Green),
            Look::Doubtful => colour(Style::new(), Color::Yellow),
        }
    }
}

/// Whether a line of so many columns has columns of texts.
pub(super) fn is_wide(width: u16) -> bool {
    width >= super::WIDE
}

/// The text in at most `room` columns, with an ellipsis if it was cut.
pub(super) fn cut_to(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let Some(room) = room.checked_sub(1) else { return String::new() };
    let part = cut::to_cost(text, room, |c| c.width().unwrap_or_default());
    format!("{}{ELLIPSIS}", part.trim_end())
}

/// The lines of a text in so many columns.
pub(super) fn wrapped(text: &str, columns: u16) -> Vec<String> {
    let options = textwrap::Options::new(usize::from(columns.max(1))).break_words(true);
    let lines = clean(text);
    lines
        .lines()
        .flat_map(|line| textwrap::wrap(line, &options).into_iter().map(std::borrow::Cow::into_owned))
        .collect()
}
