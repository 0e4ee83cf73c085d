//! Formats one record as text: removes control characters from texts of other users, and wraps lines.

use deckwatch_client::clean::{clean, clean_line};
use deckwatch_machine::clock::ago;
use deckwatch_protocol::Timestamp;

/// A text for the terminal, built line by line.
pub(crate) struct Text {
    text: String,
    width: Option<usize>,
}

impl Text {
    pub(crate) fn new(width: Option<usize>) -> Self {
        Self { text: String::new(), width }
    }

    /// Adds a bold heading.
    pub(crate) fn heading(&mut self, heading: &str) {
        let bold = anstyle::Style::new().bold();
        let blank = if self.text.is_empty() { "" } else { "\n" };
        let heading = clean_line(heading);
        self.text.extend([blank, &format!("{bold}{heading}{bold:#}\n")]);
    }

    /// Adds a field with its name.
    pub(crate) fn field(&mut self, name: &str, value: &str) {
        self.wrapped(&format!("{name:<11} "), &" ".repeat(12), &clean_line(value));
    }

    /// Adds a text of one or more lines.
    pub(crate) fn paragraphs(&mut self, text: &str) {
        for line in clean(text).lines() {
            self.wrapped("  ", "  ", line);
        }
    }

    /// Adds an item of a list.
    pub(crate) fn item(&mut self, text: &str) {
        for (number, line) in clean(text).lines().enumerate() {
            self.wrapped(if number == 0 { "  - " } else { "    " }, "    ", line);
        }
    }

    /// Adds a text without wrapping it, because it is Markdown.
    pub(crate) fn verbatim(&mut self, text: &str) {
        self.text.push_str(&clean(text));
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Adds a line without indentation. The text must contain no control characters.
    pub(crate) fn line(&mut self, line: &str) {
        self.wrapped("", "", line);
    }

    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Adds a formatted table.
    pub(crate) fn drawn(&mut self, table: &str) {
        self.text.push_str(table);
    }

    pub(crate) fn into_string(self) -> String {
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

/// A time with its age.
pub(crate) fn when(time: Timestamp, now: Timestamp) -> String {
    format!("{} ({time})", ago(time, now))
}
