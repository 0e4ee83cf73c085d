//! The steps of a bootstrap, which a person sees as they come.

use deckwatch_protocol::Machine;
use serde::Serialize;

use crate::check::{Check, Report};
use crate::error::LaunchError;
use crate::{json_output, output};

/// The results of all steps. For a person, they are printed as they come.
#[derive(Debug, Serialize)]
pub(super) struct Progress {
    #[serde(flatten)]
    report: Report,
    /// The machine as the API has it. `null` if it was not registered.
    machine: Option<Machine>,
    #[serde(skip)]
    as_json: bool,
}

impl Progress {
    pub(super) fn new(as_json: bool) -> Self {
        Self { report: Report::new(Vec::new()), machine: None, as_json }
    }

    pub(super) fn add(&mut self, step: Check) -> Result<(), LaunchError> {
        if !self.as_json {
            output::printed(step.write_step(&mut anstream::stdout()))?;
        }
        self.report.add(step);
        Ok(())
    }

    /// Adds a step, and returns its value. A step that failed has none.
    pub(super) fn take<T>(&mut self, (step, value): (Check, Option<T>)) -> Result<Option<T>, LaunchError> {
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
        if self.report.is_ok() { Ok(()) } else { Err(LaunchError::BootstrapFailed { failed: self.report.failed() }) }
    }
}
