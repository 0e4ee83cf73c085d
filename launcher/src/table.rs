//! Formats records as a table within the width of the terminal. On a narrow terminal, prints one block for each record.

use std::io::IsTerminal as _;

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Row, Table};
use unicode_width::UnicodeWidthStr as _;

/// The smallest width of the text column.
const MIN_TEXT_WIDTH: usize = 24;
/// The largest number of lines of a record on a terminal.
const LINES: usize = 2;
const GAP: u16 = 2;

/// The width of the terminal. `None` if standard output is not a terminal; then nothing is cut.
pub(crate) fn terminal_width() -> Option<usize> {
    let size = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    size.map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
}

/// Formats rows below their headings. The column `flexible` gets the remaining width. The cells must contain no control
/// characters.
pub(crate) fn draw<const COLUMNS: usize>(
    heads: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
    flexible: usize,
    width: Option<usize>,
) -> String {
    let bold = anstyle::Style::new().bold();
    let Some(width) = width else { return table(heads, rows, flexible, None) };
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        cells.chain(heads.get(column).map(|head| head.width())).max().unwrap_or_default()
    };
    let fixed: usize = (0..COLUMNS).filter(|column| *column != flexible).map(widest).sum();
    if fixed + MIN_TEXT_WIDTH + usize::from(GAP) * COLUMNS > width {
        return stacked(heads, rows, width);
    }
    let drawn = table(heads, rows, flexible, Some(width));
    match drawn.split_once('\n') {
        Some((head, rest)) => format!("{bold}{head}{bold:#}\n{rest}"),
        None => format!("{bold}{drawn}{bold:#}"),
    }
}

fn table<const COLUMNS: usize>(
    heads: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
    flexible: usize,
    width: Option<usize>,
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(heads).set_truncation_indicator("…");
    for cells in rows {
        let mut row = Row::from(cells);
        if width.is_some() {
            row.max_height(LINES);
        }
        table.add_row(row);
    }
    match width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        None => drop(table.set_content_arrangement(ContentArrangement::Disabled)),
    }
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if number + 1 == COLUMNS { 0 } else { GAP }));
        if number != flexible {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.trim_fmt() + "\n"
}

fn stacked<const COLUMNS: usize>(heads: [&str; COLUMNS], rows: &[[String; COLUMNS]], width: usize) -> String {
    let longest = heads.iter().map(|head| head.len()).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        for (number, (head, cell)) in heads.iter().zip(row).enumerate().filter(|(_, (_, cell))| !cell.is_empty()) {
            let name = if number == 0 { String::new() } else { format!("  {:<longest$}  ", head.to_lowercase()) };
            let indentation = " ".repeat(name.len());
            let options = textwrap::Options::new(width).initial_indent(&name).subsequent_indent(&indentation);
            text.push_str(&textwrap::fill(cell, options));
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: [&str; 4] = ["WHEN", "AGENT", "ABOUT", "HANDOFF"];

    fn rows() -> Vec<[String; 4]> {
        let about =
            "The login page asks for a passkey first, アルファ計画, and falls back to a password where none is set";
        let id = "ho_01KB2ZQ0M3V5X7Y9A1C3E5G7J9";
        vec![["3 h ago", "mac1-claude-1", about, id].map(str::to_owned), ["now", "b", "c", ""].map(str::to_owned)]
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_no_id_is_cut() {
        for width in [40, 80, 100, 200] {
            let text = draw(HEADS, &rows(), 2, Some(width));
            let text = anstream::adapter::strip_str(&text).to_string();
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            assert!(text.contains("ho_01KB2ZQ0M3V5X7Y9A1C3E5G7J9"), "{width}:\n{text}");
        }
    }

    #[test]
    fn without_a_terminal_a_record_is_one_line_with_nothing_cut() {
        let text = draw(HEADS, &rows(), 2, None);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("where none is set") && !text.contains('\x1b'), "{text}");
    }
}
