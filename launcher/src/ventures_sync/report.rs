//! The result of `ventures sync` for each venture, as text and as JSON.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use deckwatch_client::ClientError;
use serde::Serialize;

use super::comparison::{Comparison, Difference};
use crate::process_env::ProcessEnv;

/// Every venture of the file with its outcome.
#[derive(Serialize)]
pub(super) struct Report {
    file: PathBuf,
    api: String,
    /// Whether this is a dry run. Then nothing was registered, and the outcomes say what would be done.
    dry_run: bool,
    ventures: Vec<Row>,
    only_in_api: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    code: String,
    outcome: VentureOutcome,
    /// The fields that differed in the API.
    changes: Vec<&'static str>,
    /// Why registering it failed.
    error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum VentureOutcome {
    Created,
    Changed,
    Unchanged,
    Failed,
    /// The API could not be reached for an earlier venture.
    NotTried,
}

impl Report {
    /// `put` has the result for each venture that was tried, in order.
    pub(super) fn new(
        file: &Path,
        api: String,
        dry_run: bool,
        comparison: &Comparison,
        put: Vec<Result<(), ClientError>>,
    ) -> Self {
        let mut answers = put.into_iter();
        let ventures = comparison.ventures.iter().map(|compared| {
            let (hoped, changes) = match &compared.difference {
                Difference::None => (VentureOutcome::Unchanged, Vec::new()),
                Difference::Missing => (VentureOutcome::Created, Vec::new()),
                Difference::Fields(fields) => (VentureOutcome::Changed, fields.clone()),
            };
            let (outcome, error) = match hoped {
                VentureOutcome::Unchanged => (hoped, None),
                _ if dry_run => (hoped, None),
                _ => match answers.next() {
                    Some(Ok(())) => (hoped, None),
                    Some(Err(error)) => (VentureOutcome::Failed, Some(error.to_string())),
                    None => (VentureOutcome::NotTried, None),
                },
            };
            Row { code: compared.venture.code.to_string(), outcome, changes, error }
        });
        Self {
            file: file.to_owned(),
            api,
            dry_run,
            ventures: ventures.collect(),
            only_in_api: comparison.only_in_api.iter().map(ToString::to_string).collect(),
        }
    }

    /// How many ventures could not be registered.
    pub(super) fn failed_count(&self) -> usize {
        self.ventures
            .iter()
            .filter(|row| matches!(row.outcome, VentureOutcome::Failed | VentureOutcome::NotTried))
            .count()
    }

    pub(super) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        writeln!(out)
    }

    pub(super) fn write_text(&self, out: &mut impl Write, env: &ProcessEnv) -> io::Result<()> {
        let codes = self.ventures.iter().map(|row| &row.code).chain(&self.only_in_api);
        let width = codes.map(String::len).max().unwrap_or_default();
        for row in &self.ventures {
            writeln!(out, "{:<width$}  {}", row.code, self.describe(row))?;
        }
        for code in &self.only_in_api {
            writeln!(out, "{code:<width$}  only in the API; not changed")?;
        }
        let (file, verb) = (env.shown(&self.file), if self.dry_run { "differ from" } else { "registered in" });
        let count = self
            .ventures
            .iter()
            .filter(|row| matches!(row.outcome, VentureOutcome::Created | VentureOutcome::Changed))
            .count();
        writeln!(out, "{count} of the {} ventures in {file} {verb} {}", self.ventures.len(), self.api)
    }

    fn describe(&self, row: &Row) -> String {
        let would = if self.dry_run { "would be " } else { "" };
        match row.outcome {
            VentureOutcome::Created => format!("{would}created"),
            VentureOutcome::Changed => format!("{would}changed: {}", row.changes.join(", ")),
            VentureOutcome::Unchanged => "unchanged".to_owned(),
            VentureOutcome::Failed => format!("failed: {}", row.error.as_deref().unwrap_or_default()),
            VentureOutcome::NotTried => "not tried".to_owned(),
        }
    }
}
