//! `launcher attach`: shows what a run wrote, and follows it.

use std::time::Duration;

use clap::Args;
use deckwatch_fleet::runs::RunKind;
use deckwatch_protocol::{Agent, Host, VentureCode};

use super::positions::{Positions, PositionsFile};
use super::viewer::Viewer;
use super::{RunName, ending, find, session};
use crate::context_api;
use crate::error::LaunchError;
use crate::output::say;
use crate::process_env::ProcessEnv;

/// The options of `launcher attach`.
#[derive(Debug, Args)]
pub(crate) struct Attach {
    /// The id of the run, or MACHINE:VENTURE for the newest agent that runs there
    #[arg(value_name = "RUN")]
    run: RunName,

    /// Show everything from the start; by default, what this machine has not shown yet
    #[arg(long, conflicts_with = "offset")]
    from_start: bool,

    /// Show the output from this position in bytes
    #[arg(long, value_name = "BYTES")]
    offset: Option<u64>,

    /// Print a line of JSON about the run at the end
    #[arg(long)]
    json: bool,

    /// How many seconds to try to connect again after a lost connection
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    reconnect_for: u64,
}

impl Attach {
    /// The options that a person would give least of.
    fn to(run: RunName) -> Self {
        Self { run, from_start: false, offset: None, json: false, reconnect_for: 600 }
    }
}

/// Shows the run of an agent on its machine.
pub(crate) fn to_agent(
    machine: &Host,
    venture: &VentureCode,
    agent: &Agent,
    env: &ProcessEnv,
) -> Result<(), LaunchError> {
    run(&Attach::to(RunName::Agent(machine.clone(), venture.clone(), agent.clone())), env)
}

/// Shows the run to its end.
pub(crate) fn run(attach: &Attach, env: &ProcessEnv) -> Result<(), LaunchError> {
    let runtime = context_api::runtime()?;
    let (member, record) = find::find(&attach.run, &runtime, env)?;
    if let (RunKind::Interactive, Some(name)) = (record.kind, &record.session) {
        return session::enter(&member, name, env);
    }
    let id = record.id.clone();
    let positions = match attach.offset {
        Some(output) => Positions { output, ..PositionsFile::of(&id, env).read() },
        None if attach.from_start => Positions::default(),
        None => PositionsFile::of(&id, env).read(),
    };
    if positions.output > 0 {
        say(&format!("{id} on {}, from byte {}; --from-start shows everything", member.hostname, positions.output));
    } else {
        say(&format!("{id} on {}", member.hostname));
    }
    let machine = member.hostname.clone();
    let viewer = Viewer::new(id, member, positions, Duration::from_secs(attach.reconnect_for), env);
    let last = runtime.block_on(viewer.follow());
    let result = last.as_ref().map_or(Ok(()), |last| ending::of(last, &machine));
    let (last, result) = match last {
        Ok(last) => (Some(last), result),
        Err(error) => (None, Err(error)),
    };
    if attach.json {
        ending::print_json(Some(&machine), Some(last.as_ref().unwrap_or(&record)), &result)?;
    }
    result
}
