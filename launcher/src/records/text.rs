//! Text of one record for people: what others wrote, made harmless and wrapped.

use deckwatch_client::clean::{clean, clean_line};
use deckwatch_protocol::Timestamp;

use crate::list::ago;

/// Text for the terminal, line by line.
pub(super) struct Text {
    text: String,
    width: Option<usize>,
}

impl Text {
    pub(super) fn new(width: Option<usize>) -> Self {
        Self { text: String::new(), width }
    }

    /// A line in bold: what follows is about this.
    pub(super) fn heading(&mut self, heading: &str) {
        let bold = anstyle::Style::new().bold();
        let blank = if self.text.is_empty() { "" } else { "\n" };
        let heading = clean_line(heading);
        self.text.extend([blank, &format!("{bold}{heading}{bold:#}\n")]);
    }

    /// A fact under its name.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.wrapped(&format!("{name:<11} "), &" ".repeat(12), &clean_line(value));
    }

    /// A text of one or more lines.
    pub(super) fn paragraphs(&mut self, text: &str) {
        for line in clean(text).lines() {
            self.wrapped("  ", "  ", line);
        }
    }

    /// An entry of a list.
    pub(super) fn item(&mut self, text: &str) {
        for (number, line) in clean(text).lines().enumerate() {
            self.wrapped(if number == 0 { "  - " } else { "    " }, "    ", line);
        }
    }

    /// A text as it was written, line breaks and all: Markdown is not wrapped.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.text.push_str(&clean(text));
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// A line of our own.
    pub(super) fn line(&mut self, line: &str) {
        self.wrapped("", "", line);
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A drawn table.
    pub(super) fn drawn(&mut self, table: &str) {
        self.text.push_str(table);
    }

    pub(super) fn into_string(self) -> String {
        self.text
    }

    fn wrapped(&mut self, first: &str, others: &str, text: &str) {
        let line = match self.width {
            Some(width) => {
                let options = textwrap::Options::new(width).initial_indent(first).subsequent_indent(others);
                textwrap::fill(text, options)
            }
            None => format!("{first}{text}").trim_end().to_owned(),
        };
        self.text.push_str(&line);
        self.text.push('\n');
    }
}

/// A time as people read it: its age and itself.
pub(super) fn when(time: Timestamp, now: Timestamp) -> String {
    format!("{} ({time})", ago(time, now))
}
