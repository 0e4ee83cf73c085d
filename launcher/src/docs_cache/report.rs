//! The result of `docs cache` for each document, as text and as JSON.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use deckwatch_machine::clock;
use deckwatch_protocol::DocName;
use serde_json::json;

use super::copies::Copies;
use crate::error::LaunchError;

/// Every document with its outcome.
#[derive(Default)]
pub(super) struct Report {
    rows: Vec<Row>,
    /// Why the run stopped before all documents were fetched.
    pub(super) trouble: Option<String>,
}

struct Row {
    scope: String,
    name: String,
    outcome: DocOutcome,
}

/// The outcome of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DocOutcome {
    Created,
    Updated,
    Unchanged,
    /// The document was deleted in the API.
    Removed,
    /// The API did not answer. The value is the time since the copy was last up to date.
    Stale(Duration),
    /// The document exists in the API but could not be fetched, and there is no copy.
    Missing,
    /// The copy could not be written, or the document was deleted during the run.
    Failed(String),
}

impl Report {
    pub(super) fn add(&mut self, copies: &Copies, name: &DocName, outcome: DocOutcome) {
        self.rows.push(Row { scope: copies.scope.to_string(), name: name.to_string(), outcome });
    }

    /// Whether the report already contains this document.
    pub(super) fn has(&self, copies: &Copies, name: &DocName) -> bool {
        self.rows.iter().any(|row| row.scope == copies.scope.as_str() && row.name == name.as_str())
    }

    /// Sorts by scope, then by name.
    pub(super) fn sort(&mut self, scopes: &[Copies]) {
        let place = |row: &Row| scopes.iter().position(|copies| copies.scope.as_str() == row.scope);
        self.rows.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.name.cmp(&b.name)));
    }

    /// Returns an error unless all copies are up to date.
    pub(super) fn into_result(self) -> Result<(), LaunchError> {
        let count = |is: fn(&DocOutcome) -> bool| self.rows.iter().filter(|row| is(&row.outcome)).count();
        let failed = count(|outcome| matches!(outcome, DocOutcome::Failed(_)));
        let behind = count(|outcome| matches!(outcome, DocOutcome::Stale(_) | DocOutcome::Missing));
        let of = self.rows.len();
        match self.trouble {
            Some(_) if behind > 0 => Err(LaunchError::Api(format!(
                "{behind} of {of} documents are missing or may be out of date; run it again; it continues from here"
            ))),
            Some(trouble) => Err(LaunchError::Api(trouble)),
            None if failed > 0 => Err(LaunchError::Api(format!(
                "{failed} of {of} documents could not be copied; correct that, then run it again"
            ))),
            None => Ok(()),
        }
    }

    pub(super) fn write_json(&self, out: &mut impl Write, root: &Path, api: &str) -> io::Result<()> {
        let docs: Vec<_> = self.rows.iter().map(Row::json).collect();
        let report = json!({ "folder": root, "api": api, "trouble": self.trouble, "docs": docs });
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)
    }

    pub(super) fn write_text(&self, out: &mut impl Write, folder: &str, api: &str) -> io::Result<()> {
        if let (Some(trouble), false) = (&self.trouble, self.rows.is_empty()) {
            writeln!(out, "{trouble}. Documents marked stale or missing could not be fetched:")?;
        }
        let width = self.rows.iter().map(|row| row.label().len()).max().unwrap_or_default();
        for row in &self.rows {
            writeln!(out, "{:<width$}  {}", row.label(), row.outcome.describe())?;
        }
        let is_there =
            |row: &&Row| !matches!(row.outcome, DocOutcome::Removed | DocOutcome::Missing | DocOutcome::Failed(_));
        let there = self.rows.iter().filter(is_there).count();
        let documents = if there == 1 { "document" } else { "documents" };
        writeln!(out, "{there} {documents} in {folder}, from {api}")
    }
}

impl Row {
    fn label(&self) -> String {
        format!("{}/{}", self.scope, self.name)
    }

    /// `age_seconds` and `error` are `null` if they do not apply.
    fn json(&self) -> serde_json::Value {
        let (age, error) = match &self.outcome {
            DocOutcome::Stale(age) => (Some(age.as_secs()), None),
            DocOutcome::Failed(why) => (None, Some(why)),
            _ => (None, None),
        };
        let outcome = self.outcome.as_str();
        json!({ "scope": self.scope, "name": self.name, "outcome": outcome, "age_seconds": age, "error": error })
    }
}

impl DocOutcome {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
            Self::Stale(_) => "stale",
            Self::Missing => "missing",
            Self::Failed(_) => "failed",
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Stale(age) => format!("stale, copied {} ago", clock::duration(age.as_secs())),
            Self::Failed(why) => format!("failed: {why}"),
            Self::Removed => "removed, because it was deleted in the API".to_owned(),
            Self::Missing => "missing, not copied yet".to_owned(),
            other => other.as_str().to_owned(),
        }
    }
}
