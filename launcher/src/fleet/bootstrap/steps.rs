//! The steps of a bootstrap with their results.

use std::io::Write as _;

use anstyle::AnsiColor;
use deckwatch_client::clean::clean_line;
use deckwatch_protocol::Machine;
use serde::Serialize;

use crate::error::LaunchError;
use crate::{json_output, output};

/// One step with its result.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    name: &'static str,
    status: Status,
    detail: String,
    /// What to do; `null` if nothing needs to be done.
    fix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Done,
    /// The machine is usable, but something should be done.
    Attention,
    Failed,
    Skipped,
}

impl Step {
    pub(super) fn done(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Done, detail: detail.into(), fix: None }
    }

    pub(super) fn attention(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, status: Status::Attention, detail: detail.into(), fix: Some(fix.into()) }
    }

    pub(super) fn failed(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, status: Status::Failed, detail: detail.into(), fix: Some(fix.into()) }
    }

    pub(super) fn skipped(name: &'static str, fix: impl Into<String>) -> Self {
        Self { name, status: Status::Skipped, detail: String::new(), fix: Some(fix.into()) }
    }

    /// An error of the launcher, with its own hint.
    pub(super) fn failed_with(name: &'static str, error: &LaunchError) -> Self {
        Self { name, status: Status::Failed, detail: error.to_string(), fix: error.hint() }
    }

    /// The step as lines for a person, with a tick or a cross.
    fn lines(&self) -> String {
        let (mark, color) = match self.status {
            Status::Done => ('✓', AnsiColor::Green),
            Status::Attention => ('!', AnsiColor::Yellow),
            Status::Failed => ('✗', AnsiColor::Red),
            Status::Skipped => ('-', AnsiColor::BrightBlack),
        };
        let style = color.on_default();
        let separator = if self.detail.is_empty() { "" } else { ": " };
        let fix = self.fix.as_ref().map(|fix| format!("    fix: {}\n", clean_line(fix))).unwrap_or_default();
        format!("{style}{mark}{style:#} {}{separator}{}\n{fix}", self.name, clean_line(&self.detail))
    }
}

/// The results of all steps. For a person, they are printed as they come.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    ok: bool,
    steps: Vec<Step>,
    /// The machine as the API has it. `null` if it was not registered.
    machine: Option<Machine>,
    #[serde(skip)]
    as_json: bool,
}

impl Report {
    pub(super) fn new(as_json: bool) -> Self {
        Self { ok: true, steps: Vec::new(), machine: None, as_json }
    }

    pub(super) fn add(&mut self, step: Step) -> Result<(), LaunchError> {
        self.print(&step.lines())?;
        self.ok &= !matches!(step.status, Status::Failed | Status::Skipped);
        self.steps.push(step);
        Ok(())
    }

    /// Adds a step, and returns its value. A step that failed has none.
    pub(super) fn take<T>(&mut self, (step, value): (Step, Option<T>)) -> Result<Option<T>, LaunchError> {
        self.add(step).map(|()| value)
    }

    pub(super) fn registered(&mut self, machine: Machine) {
        self.machine = Some(machine);
    }

    /// Prints the whole report as JSON if that was asked for. An error if a step failed.
    pub(super) fn finish(self) -> Result<(), LaunchError> {
        if self.as_json {
            json_output::print(&self)?;
        }
        let failed = self.steps.iter().filter(|step| step.status == Status::Failed).count();
        if self.ok { Ok(()) } else { Err(LaunchError::BootstrapFailed { failed }) }
    }

    fn print(&self, text: &str) -> Result<(), LaunchError> {
        if self.as_json { Ok(()) } else { output::printed(write!(anstream::stdout(), "{text}")) }
    }
}
