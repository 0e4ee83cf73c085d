//! `launcher fleet`: the machines of the team.

mod agents;
mod approve;
mod bootstrap;
mod deploy;
mod every;
mod health;
mod list;
pub(crate) mod members;
mod mesh;
mod tmux;

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use deckwatch_fleet::host;
use deckwatch_fleet::remote::Remote;
use deckwatch_fleet::runs::Limits;

pub(crate) use self::every::{Outcome, ask_every};
use crate::config::Config;
use crate::context_api;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;

/// What `--help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  launcher fleet list             show the machines, and whether each answers
  launcher fleet list --json      the same, for scripts
  launcher fleet tmux             set up tmux on all machines
  launcher fleet bootstrap        register this machine
  launcher fleet mesh --dry-run   show what `launcher fleet mesh` would change
  launcher fleet health           show disks, memory, load, versions, updates and problems of each machine
  launcher fleet deploy --dry-run show what a deploy would do
  launcher fleet deploy           pull, build and install Deckwatch on each machine";

/// How long a member may take for a short answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);

/// The subcommands of `launcher fleet`.
#[derive(Debug, Subcommand)]
pub(crate) enum FleetCommand {
    /// Show the machines of the fleet, and whether each answers
    List(list::List),

    /// Set up tmux in the same way on every machine
    #[command(after_help = tmux::EXAMPLES)]
    Tmux(tmux::Tmux),

    /// Let a registered machine into the fleet; needs the admin key
    Approve(approve::Approve),

    /// Register this machine in the fleet, and check what a machine of the fleet needs
    Bootstrap(bootstrap::Bootstrap),

    /// Let every machine log in to every other one over SSH, and try each connection
    #[command(after_help = mesh::EXAMPLES)]
    Mesh(mesh::Mesh),

    /// Show the state of each machine, and what to do about its problems
    Health(health::Health),

    /// Pull, build and install Deckwatch on each machine
    Deploy(deploy::Deploy),

    /// Answer one request from standard input; SSH runs this on a machine of the fleet
    #[command(hide = true)]
    Host,

    /// Own the process of a headless agent; `host` starts this
    #[command(hide = true)]
    Supervise,

    /// Start the agent that another machine has asked for
    #[command(hide = true)]
    Launch {
        /// Only say whether it could start
        #[arg(long)]
        check: bool,
    },

    /// Start the agent of a tmux session; the session runs this
    #[command(hide = true)]
    Join {
        /// The socket that has what to start
        socket: PathBuf,
    },

    /// Show a tmux session in this terminal; SSH runs this on a machine of the fleet
    #[command(hide = true)]
    Enter {
        /// The name of the session
        session: String,
    },
}

/// Starts the agent that another machine has asked for, or only checks whether it could start.
pub(crate) type LaunchRequested = fn(bool, &ProcessEnv) -> Result<(), LaunchError>;

/// Runs a subcommand.
pub(crate) fn run(
    command: &FleetCommand,
    env: &ProcessEnv,
    launch_requested: LaunchRequested,
) -> Result<(), LaunchError> {
    match command {
        FleetCommand::List(list) => list::run(list, env),
        FleetCommand::Tmux(tmux) => tmux::run(tmux, env),
        FleetCommand::Approve(approve) => approve::run(approve, env),
        FleetCommand::Bootstrap(bootstrap) => bootstrap::run(bootstrap, env),
        FleetCommand::Mesh(mesh) => mesh::run(mesh, env),
        FleetCommand::Health(health) => health::run(health, env),
        FleetCommand::Deploy(deploy) => deploy::run(deploy, env),
        FleetCommand::Host => context_api::runtime()?
            .block_on(host::serve(limits(env).map_err(|error| error.to_string())))
            .map_err(LaunchError::Output),
        FleetCommand::Supervise => agents::supervise(limits(env)?, env),
        FleetCommand::Join { socket } => Err(agents::join(socket)),
        FleetCommand::Enter { session } => Err(agents::enter(session, env)),
        FleetCommand::Launch { check } => launch_requested(*check, env),
    }
}

/// How many agents may run on this machine.
fn limits(env: &ProcessEnv) -> Result<Limits, LaunchError> {
    Config::load(&env.dirs).map(|config| config.fleet.limits())
}

/// How this machine reaches the others.
pub(crate) fn remote(env: &ProcessEnv) -> Result<Remote, LaunchError> {
    let launcher =
        env.own_program().ok_or_else(|| LaunchError::Fleet("the path of launcher is not known".to_owned()))?;
    Remote::new(launcher).map_err(|error| LaunchError::Fleet(format!("no private folder for SSH in /tmp: {error}")))
}
