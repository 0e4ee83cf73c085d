//! `launcher stop`: ends a run.

use std::time::Duration;

use clap::Args;
use deckwatch_fleet::runs::RunState;
use deckwatch_fleet::runs::requests::StopRun;

use super::{RunName, ending, find};
use crate::context_api;
use crate::error::LaunchError;
use crate::fleet;
use crate::output::say;
use crate::process_env::ProcessEnv;

/// How long the end of an agent may take: it has 10 seconds before it is killed.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The options of `launcher stop`.
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// The id of the run, or MACHINE:VENTURE for the newest agent that runs there
    #[arg(value_name = "RUN")]
    run: RunName,

    /// Print a line of JSON about the run
    #[arg(long)]
    json: bool,
}

/// Ends the run.
pub(crate) fn run(stop: &Stop, env: &ProcessEnv) -> Result<(), LaunchError> {
    let runtime = context_api::runtime()?;
    let (member, run) = find::find(&stop.run, &runtime, env)?;
    let (member, record) = runtime.block_on(async {
        let remote = fleet::remote(env)?;
        let stopped = remote.call(&member, &StopRun { id: run.id }, TIMEOUT).await;
        remote.close().await;
        let machine = member.hostname.clone();
        stopped.map(|run| (member, run)).map_err(|failure| LaunchError::Remote { machine, failure })
    })?;
    match &record.state {
        RunState::Stopped { .. } => say(&format!("{} on {} was stopped", record.id, member.hostname)),
        state => say(&format!("{} on {} had ended already: {}", record.id, member.hostname, state.name())),
    }
    if stop.json {
        ending::print_json(Some(&member.hostname), Some(&record), &Ok(()))?;
    }
    Ok(())
}
