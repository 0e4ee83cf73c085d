//! What a run prints: each phase when it has ended, or JSON at the end.

use std::io::Write as _;

use deckwatch_client::clean::clean_line;
use deckwatch_fleet::host::mesh::FileChange;
use deckwatch_protocol::Host;
use serde_json::{Value, json};

use super::machine::{Machine, Phase};
use super::matrix::{Cell, Matrix};
use crate::error::LaunchError;
use crate::fleet::members::Origin;
use crate::{json_output, output};

/// The output of one setup.
pub(super) struct Report {
    json: bool,
    dry_run: bool,
    /// The machines with an access that waits for approval. The mesh does not use that access.
    waiting: Vec<Host>,
    matrix: Option<Matrix>,
}

/// What a phase did on one machine.
pub(super) struct Line {
    good: bool,
    name: String,
    text: String,
    changes: Vec<String>,
}

impl Line {
    pub(super) fn good(machine: &Machine, text: &str) -> Self {
        Self { good: true, name: machine.name().to_owned(), text: clean_line(text), changes: Vec::new() }
    }

    pub(super) fn bad(machine: &Machine, text: &str) -> Self {
        Self { good: false, ..Self::good(machine, text) }
    }

    /// Shows the changed lines below, if nothing is written.
    pub(super) fn with_changes(mut self, changes: &[FileChange]) -> Self {
        self.changes = changes.iter().flat_map(changed_lines).map(|line| clean_line(&line)).collect();
        self
    }
}

impl Report {
    pub(super) fn new(json: bool, dry_run: bool, waiting: Vec<Host>) -> Self {
        Self { json, dry_run, waiting, matrix: None }
    }

    pub(super) fn begin(&self, machines: usize, origin: &Origin) -> Result<(), LaunchError> {
        let list = match origin {
            Origin::File => "machines.json",
            Origin::Registry | Origin::LastAnswer { .. } => "the registry",
        };
        let dry_run = if self.dry_run { ". Dry run: nothing is changed" } else { "" };
        let noun = if machines == 1 { "machine" } else { "machines" };
        self.print(&format!("SSH mesh of {machines} {noun} of {list}{dry_run}"))?;
        if self.waiting.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = self.waiting.iter().map(Host::as_str).collect();
        self.print(&format!("Left out until an admin approves it: the access of {}", names.join(", ")))
    }

    pub(super) fn phase(&self, phase: Phase, lines: &[Line]) -> Result<(), LaunchError> {
        let width = lines.iter().map(|line| line.name.len()).max().unwrap_or_default();
        let mut shown = vec![format!("\n{}", phase.title())];
        for Line { good, name, text, changes } in lines {
            let mark = if *good { "✓" } else { "✗" };
            shown.push(format!("  {mark} {name:<width$}  {text}"));
            if self.dry_run {
                shown.extend(changes.iter().map(|line| format!("      {line}")));
            }
        }
        self.print(&shown.join("\n"))
    }

    pub(super) fn skipped(&self, phase: Phase, why: &str) -> Result<(), LaunchError> {
        self.print(&format!("\n{}\n  {why}", phase.title()))
    }

    pub(super) fn matrix(&mut self, matrix: Matrix) -> Result<(), LaunchError> {
        self.print(&format!("\n{}\n\n{}", Phase::Verify.title(), matrix.drawn()))?;
        self.matrix = Some(matrix);
        Ok(())
    }

    /// Prints the reasons of failures, or everything as JSON.
    pub(super) fn end(&self, machines: &[Machine]) -> Result<(), LaunchError> {
        if self.json {
            let machines: Vec<Value> = machines.iter().map(machine_json).collect();
            let matrix = self.matrix.as_ref().map_or_else(|| json!([]), Matrix::json);
            return json_output::print(&json!({
                "dry_run": self.dry_run, "machines": machines, "logins": matrix, "waiting_for_approval": self.waiting,
            }));
        }
        let reasons: Vec<String> = self.matrix.iter().flat_map(|matrix| failed_logins(matrix, machines)).collect();
        if reasons.is_empty() { Ok(()) } else { self.print(&format!("\n{}", reasons.join("\n"))) }
    }

    fn print(&self, text: &str) -> Result<(), LaunchError> {
        if self.json { Ok(()) } else { output::print(|out| writeln!(out, "{text}")) }
    }
}

/// What was changed, in a few words.
pub(super) fn summary(changes: &[FileChange], dry_run: bool) -> String {
    if changes.is_empty() {
        return "unchanged".to_owned();
    }
    let one = |change: &FileChange| match (change.created, change.mode, dry_run) {
        (true, _, false) => format!("created {}{}", change.file, counts(change)),
        (true, _, true) => format!("would create {}{}", change.file, counts(change)),
        (false, Some(mode), false) => format!("set the mode of {} to {mode:o}", change.file),
        (false, Some(mode), true) => format!("would set the mode of {} to {mode:o}", change.file),
        (false, None, false) => format!("changed {}{}", change.file, counts(change)),
        (false, None, true) => format!("would change {}{}", change.file, counts(change)),
    };
    changes.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The numbers of added and removed lines, such as ` (+3 -1)`.
fn counts(change: &FileChange) -> String {
    match (change.added.len(), change.removed.len()) {
        (0, 0) => String::new(),
        (added, 0) => format!(" (+{added})"),
        (added, removed) => format!(" (+{added} -{removed})"),
    }
}

/// The lines of a file that change.
fn changed_lines(change: &FileChange) -> Vec<String> {
    let removed = change.removed.iter().map(|line| format!("{}: - {line}", change.file));
    let added = change.added.iter().map(|line| format!("{}: + {line}", change.file));
    removed.chain(added).collect()
}

fn failed_logins(matrix: &Matrix, machines: &[Machine]) -> Vec<String> {
    let failed = matrix.cells().filter_map(|(from, to, cell)| match cell {
        Cell::Failed { message, .. } => Some((machines.get(from)?.name(), to, message)),
        _ => None,
    });
    failed.map(|(from, to, message)| format!("{from} → {to}: {}", clean_line(message))).collect()
}

fn machine_json(machine: &Machine) -> Value {
    let key = machine.key.as_ref().map(
        |found| json!({ "fingerprint": found.key.fingerprint(), "file": found.file, "is_new": machine.key_is_new }),
    );
    json!({
        "hostname": machine.member.hostname, "tailscale_ip": machine.member.tailscale_ip,
        "reachable": machine.is_reachable, "key": key, "changes": machine.changes, "problems": machine.problems,
    })
}
