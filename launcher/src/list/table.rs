//! Prints the list as a table for people: aligned, coloured on a terminal, and not wider than the terminal.

use std::io::{self, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};
use deckwatch_machine::clock::ago;
use deckwatch_protocol::{Presence, Timestamp, cut};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

use super::listing::{ListedAgent, Listing, VentureRow};
use crate::process_env::ProcessEnv;

const HEADS: [&str; COLUMNS] = ["VENTURE", "NAME", "REPOSITORY", "BRANCH", "CHANGES", "LAST SESSION", "AGENTS NOW"];
const COLUMNS: usize = 7;
/// The smallest width to which a column may be cut. 0 means that the column is never cut.
const MIN_WIDTHS: [usize; COLUMNS] = [0, 8, 12, 10, 0, 0, 14];
const GAP: &str = "  ";

const PLAIN: Style = Style::new();
const DIMMED: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// The rows of the table.
pub(super) struct Table {
    rows: Vec<[Cell; COLUMNS]>,
}

struct Cell {
    text: String,
    style: Style,
}

/// The width of the terminal. `None` if standard output is a pipe or a file; then nothing is cut.
pub(super) fn terminal_width() -> Option<usize> {
    let size = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    size.map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
}

impl Table {
    pub(super) fn new(listing: &Listing, env: &ProcessEnv, now: Timestamp) -> Self {
        let cut_short = listing.active_agents_cut_short;
        Self { rows: listing.ventures.iter().map(|venture| row(venture, cut_short, env, now)).collect() }
    }

    /// Prints a table if it fits, otherwise one block for each venture.
    pub(super) fn write(&self, out: &mut impl Write, width: Option<usize>) -> io::Result<()> {
        match self.widths(width) {
            Some(widths) => self.write_rows(out, widths),
            None => self.write_stacked(out, width.unwrap_or(usize::MAX)),
        }
    }

    /// The width of each column. The widest columns are cut first. `None` if the table does not fit even then.
    fn widths(&self, limit: Option<usize>) -> Option<[usize; COLUMNS]> {
        let mut widths = HEADS.map(UnicodeWidthStr::width);
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.text.width().max(*width);
            }
        }
        let Some(limit) = limit else { return Some(widths) };
        let room = limit.saturating_sub(GAP.len() * (COLUMNS - 1));
        while widths.iter().sum::<usize>() > room {
            let can_give = widths.iter_mut().zip(MIN_WIDTHS).filter(|(width, least)| *least > 0 && **width > *least);
            *can_give.max_by_key(|(width, _)| **width)?.0 -= 1;
        }
        Some(widths)
    }

    fn write_rows(&self, out: &mut impl Write, widths: [usize; COLUMNS]) -> io::Result<()> {
        let heads = HEADS.map(|head| Cell { text: head.to_owned(), style: Style::new().bold() });
        for row in std::iter::once(&heads).chain(&self.rows) {
            let mut line = String::new();
            for (number, (cell, width)) in row.iter().zip(widths).enumerate() {
                let (text, style) = (shortened(&cell.text, width), cell.style);
                let gap = if number == 0 { "" } else { GAP };
                let fill = if number + 1 == COLUMNS { 0 } else { width.saturating_sub(text.width()) };
                line.extend([format!("{gap}{style}{text}{style:#}"), " ".repeat(fill)]);
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn write_stacked(&self, out: &mut impl Write, width: usize) -> io::Result<()> {
        for row in &self.rows {
            for (number, (head, cell)) in HEADS.iter().zip(row).enumerate() {
                let (text, style) = (&cell.text, cell.style);
                if number == 0 {
                    let bold = Style::new().bold();
                    writeln!(out, "{bold}{}{bold:#}", shortened(text, width))?;
                } else {
                    let head = format!("  {:<13}", head.to_lowercase());
                    writeln!(out, "{head}{style}{}{style:#}", shortened(text, width.saturating_sub(head.len())))?;
                }
            }
        }
        Ok(())
    }
}

fn row(venture: &VentureRow, cut_short: bool, env: &ProcessEnv, now: Timestamp) -> [Cell; COLUMNS] {
    let cell = |text: String, style: Style| Cell { text: shown(&text), style };
    let path = match (&venture.path, &venture.path_error) {
        (Some(path), _) => cell(env.shown(path), PLAIN),
        (None, why) => cell(why.clone().unwrap_or_default(), DIMMED),
    };
    let branch = match (&venture.branch, venture.changes, &venture.git_error) {
        (Some(branch), _, _) => cell(branch.clone(), PLAIN),
        (None, Some(_), _) => cell("(detached)".to_owned(), YELLOW),
        (None, None, Some(_)) => cell("unknown".to_owned(), DIMMED),
        (None, None, None) => cell("-".to_owned(), DIMMED),
    };
    let changes = match (venture.changes, &venture.git_error) {
        (Some(0), _) => cell("clean".to_owned(), PLAIN),
        (Some(count), _) => cell(format!("{count} changed"), YELLOW),
        (None, Some(_)) => cell("unknown".to_owned(), DIMMED),
        (None, None) => cell("-".to_owned(), DIMMED),
    };
    let last = match (&venture.last_session, venture.last_session_before, &venture.active_agents) {
        (Some(session), _, _) => cell(ago(session.at, now), PLAIN),
        (None, Some(before), _) => cell(format!("before {}", ago(before, now)), DIMMED),
        (None, None, Some(_)) => cell("never".to_owned(), DIMMED),
        (None, None, None) => cell("unknown".to_owned(), DIMMED),
    };
    let more = if cut_short { ", perhaps more" } else { "" };
    let agents = match &venture.agents {
        None => cell("unknown".to_owned(), DIMMED),
        Some(agents) if agents.is_empty() && !cut_short => cell("-".to_owned(), DIMMED),
        Some(agents) if agents.is_empty() => cell("unknown".to_owned(), DIMMED),
        Some(agents) => {
            let style = if agents.iter().any(|agent| agent.presence == Presence::Live) { GREEN } else { DIMMED };
            let agents: Vec<String> = agents.iter().map(|agent| named(agent, now)).collect();
            cell(format!("{}{more}", agents.join(", ")), style)
        }
    };
    [cell(venture.code.clone(), PLAIN), cell(venture.name.clone(), PLAIN), path, branch, changes, last, agents]
}

fn named(ListedAgent { agent, presence, at }: &ListedAgent, now: Timestamp) -> String {
    match presence {
        Presence::Live => agent.clone(),
        Presence::Idle => format!("{agent} (idle, seen {})", ago(*at, now)),
        Presence::Gone => format!("{agent} (gone)"),
    }
}

/// Removes characters that control the terminal or change the writing direction. Names can come from other users.
fn shown(text: &str) -> String {
    let harmless = |c: &char| {
        !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(harmless).collect()
}

/// Shortens the text to this number of terminal columns.
fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else { return String::new() };
    format!("{}{}", cut::to_cost(text, room, |c| c.width().unwrap_or_default()), cut::ELLIPSIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(texts: [&str; COLUMNS], width: Option<usize>) -> String {
        let cells = texts.map(|text| Cell { text: shown(text), style: PLAIN });
        let mut out = Vec::new();
        Table { rows: vec![cells] }.write(&mut out, width).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    const ROW: [&str; COLUMNS] =
        ["alpha", "アルファ計画", "~/dev/a-long-folder/alpha-console", "main", "clean", "3 h ago", "mac1-claude-1"];

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [20, 40, 80, 100, 110, 200] {
            for line in written(ROW, Some(width)).lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
        assert!(written(ROW, Some(100)).contains('…') && !written(ROW, Some(200)).contains('…'));
        assert!(written(ROW, Some(40)).contains("  branch       main\n"), "{}", written(ROW, Some(40)));
    }

    #[test]
    fn columns_are_aligned_with_their_headings_in_every_script() {
        let text = written(ROW, Some(200));
        let at = |line: &str, word: &str| line[..line.find(word).unwrap()].width();
        let (head, row) = text.split_once('\n').unwrap();
        assert_eq!(at(head, "BRANCH"), at(row, "main"));
        assert_eq!(at(head, "AGENTS NOW"), at(row, "mac1-claude-1"));
    }

    #[test]
    fn a_name_cannot_change_the_writing_direction() {
        assert_eq!(shown("a\u{202e}b\u{1b}[31mc"), "ab[31mc");
    }
}
