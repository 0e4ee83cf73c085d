//! `launcher VENTURE --on MACHINE`: an interactive agent in a tmux session of another machine.

use std::io::IsTerminal as _;
use std::process::Command;

use deckwatch_fleet::members::Member;
use deckwatch_fleet::remote::Remote;
use deckwatch_fleet::runs::requests::OpenSession;
use deckwatch_fleet::runs::{LaunchRequest, Workspace};

use super::environment;
use super::place::{self, Placed, Wanted};
use super::run::{new_id, unicode};
use crate::agent_cli::AgentCli;
use crate::branches::WorktreeName;
use crate::context_api;
use crate::conversation;
use crate::error::LaunchError;
use crate::fleet;
use crate::launch::Launch;
use crate::output::{say, warn};
use crate::placement::Placement;
use crate::process_env::ProcessEnv;
use crate::target::Target;

/// The exit code of `ssh` when the connection failed.
const CONNECTION_FAILED: i32 = 255;

/// Starts the agent in its session, or finds the session, and shows it in this terminal.
pub(crate) fn open(launch: &Launch, on: &Placement, env: &ProcessEnv) -> Result<(), LaunchError> {
    let request = request(launch)?;
    let environment = environment::for_agent(&[], launch.local, env)?;
    let id = new_id()?;
    let cli = launch.agent_cli().unwrap_or(AgentCli::Claude);
    let resumes = conversation::resumed(cli, &launch.agent_args);
    let wanted = Wanted { launch: &request, environment: &environment, resumes };
    let make = |terms: place::Terms| OpenSession {
        id: id.clone(),
        launch: request.clone(),
        number: launch.session,
        environment: environment.clone(),
        at_least_free: terms.at_least_free,
    };
    let started = context_api::runtime()?.block_on(place::start(on, &wanted, env, make));
    let Placed { member, answer: opened, remote } = started?;
    opened.warnings.iter().for_each(|warning| warn(&format!("{}: {warning}", member.hostname)));
    match &opened.run {
        Some(run) => say(&format!("started the session {} on {} as {}", opened.session, member.hostname, run.id)),
        None => say(&format!("the session {} exists on {}", opened.session, member.hostname)),
    }
    enter_over(remote, &member, &opened.session)
}

/// Shows a session in this terminal.
pub(super) fn enter(member: &Member, session: &str, env: &ProcessEnv) -> Result<(), LaunchError> {
    enter_over(fleet::remote(env)?, member, session)
}

/// Shows a session in this terminal. Without a terminal, says how to.
fn enter_over(remote: Remote, member: &Member, session: &str) -> Result<(), LaunchError> {
    let machine = &member.hostname;
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        say("this is not a terminal; in one, the same command shows the agent");
        return Ok(());
    }
    let failed = |source| LaunchError::NotStarted { program: "ssh".into(), source };
    let mut command: Command = remote.terminal(member, session).map_err(failed)?;
    let status = command.status().map_err(failed)?;
    context_api::runtime()?.block_on(remote.close());
    match status.code() {
        Some(0) => Ok(()),
        Some(CONNECTION_FAILED) => {
            say(&format!("the connection ended; the agent continues on {machine}. The same command shows it again"));
            Err(LaunchError::AgentEnded(255))
        }
        code => Err(LaunchError::AgentEnded(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))),
    }
}

fn request(launch: &Launch) -> Result<LaunchRequest, LaunchError> {
    let Some(Target::Venture(venture)) = &launch.target else { return Err(LaunchError::NoVentureNamed) };
    Ok(LaunchRequest {
        venture: venture.clone(),
        agent: launch.agent_cli().map(|cli| cli.to_string()),
        model: None,
        output: None,
        track: launch.track,
        issue: launch.issue,
        folder: None,
        workspace: match &launch.worktree {
            None if launch.sandbox => Workspace::Sandbox,
            None => Workspace::Shared,
            Some(WorktreeName::OfAgent) => Workspace::Worktree(None),
            Some(WorktreeName::Named(name)) => Workspace::Worktree(Some(name.clone())),
        },
        flags: launch.flags(),
        agent_args: unicode(&launch.agent_args)?,
    })
}
