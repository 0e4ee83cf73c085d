//! The result of `docs push` for each file, as a table and as JSON.

use std::fmt::Write as _;

use deckwatch_client::clean::clean_line;
use serde::Serialize;

use super::comparison::{Action, Step};
use crate::error::LaunchError;
use crate::table;

/// Every file and document with its outcome.
#[derive(Default, Serialize)]
pub(super) struct Report {
    pub(super) api: String,
    pub(super) repo: String,
    /// Whether this is a dry run. Then nothing was changed, and the outcomes say what would be done.
    pub(super) dry_run: bool,
    docs: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    /// `null` if the file has no possible name.
    scope: Option<String>,
    name: Option<String>,
    source_path: String,
    outcome: &'static str,
    /// Why the file failed or the document was kept.
    reason: Option<String>,
}

/// The outcome of one file or document.
pub(super) enum PushOutcome {
    Created,
    Updated,
    Unchanged,
    Deleted,
    Kept(String),
    Failed(String),
    /// An earlier request failed in a way that this one would meet too.
    NotTried,
}

const OUTCOMES: [&str; 7] = ["created", "updated", "unchanged", "deleted", "kept", "failed", "not_tried"];

impl Report {
    /// The outcomes that the steps would have.
    pub(super) fn planned(steps: Vec<Step>) -> Self {
        let mut report = Self::default();
        for step in steps {
            let outcome = match &step.action {
                Action::Create(_) => PushOutcome::Created,
                Action::Update { .. } => PushOutcome::Updated,
                Action::Unchanged => PushOutcome::Unchanged,
                Action::Delete { .. } => PushOutcome::Deleted,
                Action::Keep(why) => PushOutcome::Kept(why.clone()),
                Action::Fail(why) => PushOutcome::Failed(why.clone()),
            };
            report.add(step, outcome);
        }
        report
    }

    pub(super) fn add(&mut self, step: Step, outcome: PushOutcome) {
        let (outcome, reason) = match outcome {
            PushOutcome::Created => ("created", None),
            PushOutcome::Updated => ("updated", None),
            PushOutcome::Unchanged => ("unchanged", None),
            PushOutcome::Deleted => ("deleted", None),
            PushOutcome::Kept(why) => ("kept", Some(why)),
            PushOutcome::Failed(why) => ("failed", Some(why)),
            PushOutcome::NotTried => ("not_tried", None),
        };
        let (scope, name) = step.key.map(|key| (key.scope.to_string(), key.name.to_string())).unzip();
        self.docs.push(Row { scope, name, source_path: step.path, outcome, reason });
    }

    fn count(&self, outcome: &str) -> usize {
        self.docs.iter().filter(|row| row.outcome == outcome).count()
    }

    /// Returns an error unless every file is stored.
    pub(super) fn into_result(self) -> Result<(), LaunchError> {
        match self.count("failed") + self.count("not_tried") {
            0 => Ok(()),
            failed => Err(LaunchError::Api(format!(
                "{failed} of {} documents could not be stored or deleted; correct what the table names, then run this again",
                self.docs.len()
            ))),
        }
    }

    /// The table. Paths and reasons can't control the terminal.
    pub(super) fn text(&self) -> String {
        let rows: Vec<_> = self.docs.iter().map(Row::cells).collect();
        let mut text = String::new();
        if !rows.is_empty() {
            text.push_str(&table::draw(["OUTCOME", "DOCUMENT", "FILE", "REASON"], &rows, 3, table::terminal_width()));
        }
        let counts = OUTCOMES.iter().map(|outcome| (self.count(outcome), outcome.replace('_', " ")));
        let counts: Vec<_> =
            counts.filter(|(count, _)| *count > 0).map(|(count, outcome)| format!("{count} {outcome}")).collect();
        let counts = if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") };
        let would = if self.dry_run { "; this is a dry run, nothing was changed" } else { "" };
        let _ = writeln!(text, "{} to {}: {counts}{would}", clean_line(&self.repo), clean_line(&self.api));
        text
    }
}

impl Row {
    fn cells(&self) -> [String; 4] {
        let document = match (&self.scope, &self.name) {
            (Some(scope), Some(name)) => format!("{scope}/{name}"),
            _ => String::new(),
        };
        let reason = clean_line(self.reason.as_deref().unwrap_or_default());
        [self.outcome.replace('_', " "), document, clean_line(&self.source_path), reason]
    }
}
