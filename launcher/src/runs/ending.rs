//! How a run ended, for people, for programs and as an exit code.

use std::io::Write as _;

use deckwatch_fleet::remote::Failure;
use deckwatch_fleet::runs::{RunRecord, RunState};
use deckwatch_protocol::Host;
use serde_json::{Value, json};

use crate::error::LaunchError;
use crate::output::{self, say, warn};

/// The result of a run whose agent has ended: its exit code, or why it never ran.
pub(super) fn of(run: &RunRecord, machine: &Host) -> Result<(), LaunchError> {
    if run.dropped_bytes > 0 {
        warn(&format!(
            "the output is not complete: {} bytes were dropped on {machine}, because the file was full after {} bytes or \
             could not be written",
            run.dropped_bytes, run.output_bytes
        ));
    }
    match &run.state {
        RunState::Refused(refusal) => {
            Err(LaunchError::Remote { machine: machine.clone(), failure: Failure::Refused(refusal.clone()) })
        }
        RunState::Interrupted => Err(LaunchError::RunLost {
            id: run.id.clone(),
            machine: machine.clone(),
            message: "the machine was restarted, or the process that supervised the agent was killed".to_owned(),
        }),
        RunState::Stopped { exit_code } => {
            say(&format!("{} was stopped", run.id));
            ended(*exit_code)
        }
        RunState::Ended { exit_code } => ended(*exit_code),
        RunState::Queued | RunState::Running => Ok(()),
    }
}

fn ended(exit_code: Option<i32>) -> Result<(), LaunchError> {
    match exit_code.and_then(|code| u8::try_from(code).ok()) {
        None | Some(0) => Ok(()),
        Some(code) => Err(LaunchError::AgentEnded(code)),
    }
}

/// The line for programs: the last one on standard output.
pub(super) fn print_json(
    machine: Option<&Host>,
    run: Option<&RunRecord>,
    result: &Result<(), LaunchError>,
) -> Result<(), LaunchError> {
    let failure = result.as_ref().err().and_then(failure_json);
    let line = json!({
        "type": "deckwatch_run",
        "machine": machine,
        "id": run.map(|run| &run.id),
        "venture": run.map(|run| &run.venture),
        "state": run.map(|run| run.state.name()),
        "exit_code": run.and_then(|run| run.state.exit_code()),
        "output_bytes": run.map(|run| run.output_bytes),
        "dropped_bytes": run.map(|run| run.dropped_bytes),
        "failure": failure,
    });
    output::print(|out| writeln!(out, "{line}"))
}

/// The kind and message of a failure. `None` if the agent itself ended with an exit code.
fn failure_json(error: &LaunchError) -> Option<Value> {
    let kind = match error {
        LaunchError::AgentEnded(_) => return None,
        LaunchError::Remote { failure, .. } | LaunchError::NoPlace { failure, .. } => kind_of(failure),
        LaunchError::RunLost { .. } => json!("lost"),
        LaunchError::Detached => json!("detached"),
        _ => json!("launcher"),
    };
    Some(json!({ "kind": kind, "message": error.to_string() }))
}

/// The kind of a failure; of a refusal, why the machine refused.
pub(super) fn kind_of(failure: &Failure) -> Value {
    match failure {
        Failure::Refused(refusal) => json!(refusal.kind),
        other => json!(other.kind()),
    }
}
