//! The result of `commands sync` for each file, as text and as JSON.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::agent_cli::AgentCli;
use crate::process_env::ProcessEnv;

/// Every file of a sync.
#[derive(Serialize)]
pub(super) struct Report {
    /// Whether this is a dry run. Then nothing was written, and the outcomes say what would be done.
    pub(super) dry_run: bool,
    pub(super) files: Vec<Row>,
}

#[derive(Serialize)]
pub(super) struct Row {
    pub(super) agent: AgentCli,
    pub(super) command: &'static str,
    pub(super) path: PathBuf,
    pub(super) outcome: FileOutcome,
}

/// The outcome for one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileOutcome {
    Written,
    Updated,
    Unchanged,
    /// It belongs to the user.
    Yours,
    /// Deckwatch wrote it, and the user changed it since.
    ChangedByYou,
    /// Another file of the user defines the same command.
    BesideYours,
}

impl FileOutcome {
    fn describe(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Yours => "belongs to you, not changed",
            Self::BesideYours => "not changed, because the file beside it belongs to you",
            Self::ChangedByYou => "you changed it, so it stays; delete it to get the file of Deckwatch",
        }
    }
}

impl Report {
    pub(super) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        writeln!(out)
    }

    /// Names the files that changed or were skipped, and counts the others.
    pub(super) fn write_text(&self, out: &mut impl Write, env: &ProcessEnv) -> io::Result<()> {
        let would = if self.dry_run { "would be " } else { "" };
        for row in self.files.iter().filter(|row| row.outcome != FileOutcome::Unchanged) {
            let would = if matches!(row.outcome, FileOutcome::Written | FileOutcome::Updated) { would } else { "" };
            writeln!(out, "{}  {would}{}", env.shown(&row.path), row.outcome.describe())?;
        }
        let unchanged = self.files.iter().filter(|row| row.outcome == FileOutcome::Unchanged).count();
        writeln!(out, "{unchanged} of {} files were up to date", self.files.len())
    }
}
