//! The matrix of logins: a row for each machine that logs in, a column for each machine that it logs in to.

use deckwatch_protocol::Host;
use serde_json::{Value, json};

/// The result of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Ok,
    Failed {
        kind: String,
        message: String,
    },
    /// The first machine could not be asked.
    NotTried,
    /// A machine does not log in to itself.
    Itself,
}

/// The results of all logins.
pub(super) struct Matrix {
    names: Vec<Host>,
    rows: Vec<Vec<Cell>>,
}

impl Matrix {
    pub(super) fn new(names: Vec<Host>) -> Self {
        let size = names.len();
        let cell = |row, column| if row == column { Cell::Itself } else { Cell::NotTried };
        let rows = (0..size).map(|row| (0..size).map(|column| cell(row, column)).collect()).collect();
        Self { names, rows }
    }

    pub(super) fn set(&mut self, from: usize, to: &Host, cell: Cell) {
        let column = self.names.iter().position(|name| name == to);
        let place = column.and_then(|column| self.rows.get_mut(from)?.get_mut(column));
        if let Some(place) = place {
            *place = cell;
        }
    }

    /// Each login: the place of the first machine, the name of the second, the result.
    pub(super) fn cells(&self) -> impl Iterator<Item = (usize, &Host, &Cell)> {
        let rows = self.rows.iter().enumerate();
        rows.flat_map(|(from, row)| self.names.iter().zip(row).map(move |(to, cell)| (from, to, cell)))
    }

    pub(super) fn drawn(&self) -> String {
        let names: Vec<&str> = self.names.iter().map(Host::as_str).collect();
        let first = names.iter().map(|name| name.len()).chain([11]).max().unwrap_or_default();
        let width = |name: &str| name.len().max(9);
        let line = |start: &str, cells: &mut dyn Iterator<Item = String>| {
            format!("{start:<first$} | {}", cells.collect::<Vec<_>>().join(" | ")).trim_end().to_owned()
        };
        let mut lines = vec![
            "SSH Mesh Verification".to_owned(),
            "=".repeat(42),
            line("From\\To", &mut names.iter().map(|name| format!("{name:<0$}", width(name)))),
            format!(
                "{}|{}",
                "-".repeat(first + 1),
                names.iter().map(|name| "-".repeat(width(name) + 2)).collect::<Vec<_>>().join("|")
            ),
        ];
        for (from, row) in names.iter().zip(&self.rows) {
            let cells = names.iter().zip(row).map(|(name, cell)| format!("{:<1$}", cell.word(), width(name)));
            lines.push(line(from, &mut cells.collect::<Vec<_>>().into_iter()));
        }
        lines.join("\n")
    }

    pub(super) fn json(&self) -> Value {
        let logins = self.cells().filter(|(_, _, cell)| **cell != Cell::Itself);
        let logins = logins.map(|(from, to, cell)| {
            let failure = match cell {
                Cell::Failed { kind, message } => json!({ "kind": kind, "message": message }),
                _ => Value::Null,
            };
            json!({ "from": self.names.get(from), "to": to, "result": cell.result(), "failure": failure })
        });
        logins.collect()
    }
}

impl Cell {
    fn word(&self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Failed { .. } => "FAIL",
            Self::NotTried => "?",
            Self::Itself => "--",
        }
    }

    fn result(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed { .. } => "failed",
            Self::NotTried => "not_tried",
            Self::Itself => "itself",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_log_in_to_columns() {
        let names: Vec<Host> = ["mac1", "server1", "a-long-hostname"].map(|name| name.parse().unwrap()).to_vec();
        let mut matrix = Matrix::new(names.clone());
        matrix.set(0, &names[1], Cell::Ok);
        matrix.set(0, &names[2], Cell::Failed { kind: "unreachable".to_owned(), message: "no".to_owned() });
        matrix.set(1, &names[0], Cell::Ok);
        let expected = "\
SSH Mesh Verification
==========================================
From\\To         | mac1      | server1   | a-long-hostname
----------------|-----------|-----------|-----------------
mac1            | --        | OK        | FAIL
server1         | OK        | --        | ?
a-long-hostname | ?         | ?         | --";
        assert_eq!(matrix.drawn(), expected);
    }
}
