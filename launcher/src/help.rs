//! Wraps the text below the options of `--help` to the width of the terminal, and keeps the columns of its tables.
//!
//! An indented line is a row of a table. The text after two or more spaces is its second column, which is wrapped within
//! that column. Lines without indentation are paragraphs.

use clap::Command;
use textwrap::Options;

/// A line longer than this is hard to read, however wide the terminal is.
const MAX_WIDTH: usize = 100;
/// A second column narrower than this is wrapped below the first column instead.
const MIN_COLUMN_WIDTH: usize = 20;

/// A part of the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// An empty line.
    Blank,
    /// A paragraph.
    Paragraph(String),
    /// A row with one column.
    Line(&'a str),
    /// A row with two columns: the first with its indentation, the second, and where that one begins.
    Row(&'a str, &'a str, usize),
}

/// Splits a text into its parts.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    for line in text.lines() {
        let is_heading = line.ends_with(':');
        match (pieces.last_mut(), line) {
            (_, "") => pieces.push(Piece::Blank),
            (Some(last @ &mut Piece::Line(first)), second) if is_second_column(second) => {
                let begins = second.len() - second.trim_start().len();
                *last = Piece::Row(first, second.trim_start(), begins);
            }
            (_, row) if row.starts_with(' ') => pieces.push(row_of(row)),
            (Some(Piece::Paragraph(words)), more) if !is_heading && !words.ends_with(':') => {
                words.push(' ');
                words.push_str(more);
            }
            (_, first) => pieces.push(Piece::Paragraph(first.to_owned())),
        }
    }
    pieces
}

/// Whether the line is only a second column, below a first column that is too long.
fn is_second_column(line: &str) -> bool {
    line.starts_with("        ")
}

fn row_of(row: &str) -> Piece<'_> {
    let indentation = row.len() - row.trim_start().len();
    let columns = row.get(indentation..).and_then(|text| text.split_once("  "));
    match columns {
        Some((first, second)) => {
            let second = second.trim_start();
            let (begins, ends) = (row.len() - second.len(), indentation + first.len());
            Piece::Row(row.get(..ends).unwrap_or(row), second, begins)
        }
        None => Piece::Line(row),
    }
}

/// The command with its texts wrapped to the terminal.
pub(crate) fn with_wrapped_help(command: Command) -> Command {
    let width = terminal_width();
    with_width(command.max_term_width(MAX_WIDTH), width)
}

fn with_width(mut command: Command, width: usize) -> Command {
    if let Some(text) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(wrapped(&text, width));
    }
    if let Some(text) = command.get_after_long_help().map(ToString::to_string) {
        command = command.after_long_help(wrapped(&text, width));
    }
    command.mut_subcommands(|command| with_width(command, width))
}

/// The width of the terminal, determined in the same way as clap does.
fn terminal_width() -> usize {
    let of_terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let named = || std::env::var("COLUMNS").ok()?.parse().ok();
    of_terminal.or_else(named).filter(|width| *width > 0).unwrap_or(MAX_WIDTH).min(MAX_WIDTH)
}

fn wrapped(text: &str, width: usize) -> String {
    let lines: Vec<String> = pieces(text).iter().map(|piece| piece.wrapped(width)).collect();
    lines.join("\n")
}

impl Piece<'_> {
    fn wrapped(&self, width: usize) -> String {
        match self {
            Self::Blank => String::new(),
            Self::Paragraph(words) => textwrap::fill(words, width),
            Self::Line(line) => textwrap::fill(line, Options::new(width).subsequent_indent("        ")),
            Self::Row(first, second, begins) => {
                let begins = if begins + MIN_COLUMN_WIDTH > width { 8 } else { *begins };
                let indent = " ".repeat(begins);
                let options = Options::new(width).initial_indent(&indent).subsequent_indent(&indent);
                let column = textwrap::fill(second, options);
                let fits = first.len() + 2 <= begins;
                match column.get(first.len()..).filter(|_| fits) {
                    Some(rest) => format!("{first}{rest}"),
                    None => format!("{first}\n{column}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn a_second_column_is_wrapped_below_itself() {
        let text = "Examples:\n  launcher alpha    start the default agent on the venture alpha\n  launcher x\n\nWords of\na paragraph.";
        assert_eq!(
            wrapped(text, 45),
            "Examples:\n  launcher alpha    start the default agent\n                    on the venture alpha\n  launcher x\n\n\
             Words of a paragraph."
        );
        assert!(wrapped(text, 30).contains("  launcher alpha\n        start the default"), "{}", wrapped(text, 30));
    }

    /// Checks the help of every command at each width.
    #[test]
    fn no_line_of_any_help_is_wider_than_the_terminal() {
        fn walk(command: &Command, width: usize) {
            for text in [command.get_after_help(), command.get_after_long_help()].into_iter().flatten() {
                for line in text.to_string().lines() {
                    assert!(line.chars().count() <= width, "{}, {width} columns: {line}", command.get_name());
                }
            }
            command.get_subcommands().for_each(|command| walk(command, width));
        }
        for width in [80, 100] {
            walk(&with_width(Cli::command(), width), width);
        }
    }
}
