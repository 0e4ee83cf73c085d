//! Writes Markdown of limited size. Text from files can't break its structure.
//!
//! All text from a file goes through [`code`], [`plain`] or [`fenced`]. They escape what could end a table, a fence or
//! a heading, and remove invisible characters. A part that exceeds the limit is left out, and its name is listed at the
//! end.

use std::fmt::Write as _;

use deckwatch_protocol::cut;
use deckwatch_secrets::clean::{clean, clean_line};

use super::skipped::Skip;

/// The maximum size of a document in bytes.
pub(crate) const LIMIT: usize = 256 * 1024;
/// The part of the limit that is reserved for the lists at the end, in bytes.
const TAIL: usize = 12 * 1024;
/// The maximum length of a text in a table or list, in characters.
const CELL: usize = 240;
/// The maximum length of a name in the lists at the end, in characters.
const NAME: usize = 80;
/// The maximum number of left-out parts that are listed by name.
const LISTED_PARTS: usize = 12;

/// A document that is being written.
pub(crate) struct Document {
    title: String,
    text: String,
    left_out: Vec<String>,
}

impl Document {
    /// Starts a document with a title and an introduction. Both must be fixed texts, because they are not escaped.
    pub(crate) fn new(title: &str, about: &str) -> Self {
        Self { title: title.to_owned(), text: format!("# {title}\n\n{about}\n"), left_out: Vec::new() }
    }

    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// Adds a block after an empty line. If it does not fit, `label` is listed as left out.
    pub(crate) fn add(&mut self, label: &str, block: &str) {
        if self.room() > block.len() {
            let _ = write!(self.text, "\n{}\n", block.trim_end());
        } else {
            self.left_out.push(label.to_owned());
        }
    }

    /// Adds a table below `head`, with as many rows as fit. The cells must be valid Markdown.
    pub(crate) fn table(&mut self, label: &str, head: &str, columns: &[&str], rows: &[Vec<String>]) {
        let rule = vec!["---"; columns.len()].join(" | ");
        let mut block = format!("{head}\n\n| {} |\n| {rule} |\n", columns.join(" | "));
        let mut fitting = 0;
        for row in rows {
            let line = format!("| {} |\n", row.join(" | "));
            if self.room() <= block.len() + line.len() {
                break;
            }
            block.push_str(&line);
            fitting += 1;
        }
        if fitting > 0 {
            self.add(label, &block);
        }
        if fitting < rows.len() {
            self.left_out.push(format!("{label} ({} of {} rows)", rows.len() - fitting, rows.len()));
        }
    }

    /// The number of bytes that are free.
    pub(crate) fn room(&self) -> usize {
        (LIMIT - TAIL).saturating_sub(self.text.len())
    }

    /// Returns the text, with the lists of what was left out and what was not read.
    pub(crate) fn finish(mut self, skipped: &[Skip]) -> String {
        if !self.left_out.is_empty() {
            let _ = write!(self.text, "\n## Left out for length\n\n");
            for label in self.left_out.iter().take(LISTED_PARTS) {
                let _ = writeln!(self.text, "- {}", plain(&cut::with_ellipsis(label, NAME)));
            }
            if let Some(more) = self.left_out.len().checked_sub(LISTED_PARTS).filter(|more| *more > 0) {
                let _ = writeln!(self.text, "- and {more} more");
            }
        }
        if !skipped.is_empty() {
            let _ = write!(
                self.text,
                "\n## Not read\n\nThese files and folders were not read. Those that git ignores are not listed.\n\n"
            );
        }
        for skip in skipped {
            let names: Vec<String> = skip.first.iter().map(|path| code(&cut::with_ellipsis(path, NAME))).collect();
            let more = if skip.count > names.len() { ", …" } else { "" };
            let _ = writeln!(self.text, "- {} {}: {}{more}", skip.count, skip.reason.as_str(), names.join(", "));
        }
        self.text
    }
}

/// The text as inline code that is safe in a table.
pub(crate) fn code(text: &str) -> String {
    let text = clean_line(text);
    let text = cut::with_ellipsis(&text, CELL);
    if text.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(&text, '`') + 1);
    let edge = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{edge}{}{edge}{ticks}", text.replace('|', "\\|"))
}

/// The text as prose on one line, with the special characters of Markdown escaped.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in cut::with_ellipsis(&clean_line(text), CELL).chars() {
        if matches!(c, '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '#' | '~') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The text as a fenced block. The fence is longer than every run of backticks in the text.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let text = clean(text);
    let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{fence}{language}\n{}\n{fence}", lines.join("\n").trim_matches('\n'))
}

fn longest_run(text: &str, character: char) -> usize {
    text.split(|c| c != character).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skipped::Reason;

    #[test]
    fn text_can_not_end_its_inline_code() {
        assert_eq!(code("/a/{id}"), "`/a/{id}`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`x"), "`` `x ``");
        assert_eq!(code("a|b\n\n# c\u{202e}"), "`a\\|b # c`");
    }

    #[test]
    fn special_characters_of_markdown_are_escaped_in_prose() {
        assert_eq!(plain("# <b>*x*</b> [a](b) | `c`"), "\\# \\<b\\>\\*x\\*\\</b\\> \\[a\\](b) \\| \\`c\\`");
        assert_eq!(plain(&"x".repeat(1_000)).chars().count(), CELL);
    }

    #[test]
    fn a_fence_is_longer_than_the_fences_in_its_text() {
        assert_eq!(fenced("sql", "a\n````\nb\n"), "`````sql\na\n````\nb\n`````");
        assert_eq!(fenced("", "\u{1b}[31mred\u{1b}[0m  \r\nx"), "```\nred\nx\n```");
    }

    #[test]
    fn parts_that_do_not_fit_are_listed_and_the_limit_holds() {
        let mut document = Document::new("API", "About.");
        let rows: Vec<Vec<String>> = (0..20_000).map(|n| vec![format!("row {n}"), "x".repeat(90)]).collect();
        document.table("routes", "## Routes", &["a", "b"], &rows);
        document.add("the rest", &"y".repeat(10_000));
        for n in 0..100 {
            document.add(&format!("part {n}"), &"z".repeat(LIMIT));
        }
        let skipped: Vec<Skip> =
            (0..11).map(|_| Skip { reason: Reason::Binary, count: 9, first: vec!["ü".repeat(300); 5] }).collect();
        let text = document.finish(&skipped);
        assert!(text.len() <= LIMIT, "{}", text.len());
        assert!(text.contains("## Left out for length\n\n- routes (17"), "{}", &text[text.len() - 3_000..]);
        assert!(text.contains("- the rest\n") && text.contains("- and 90 more\n"));
    }
}
