//! Carries out a plan: writes the registration, claims a slot, and replaces the launcher by the agent.
//!
//! The agent replaces the process of the launcher. Signals, terminal and exit code are therefore the agent's own, and
//! the slot belongs to the agent's process.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use deckwatch_machine::agent::{Conversation, Conversations, Slot, SlotRequest, launch_id, this_host};
use deckwatch_machine::checkout::Checkout;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::variables;

use crate::agent_token;
use crate::background_server;
use crate::branches;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::environment;
use crate::error::LaunchError;
use crate::output::{say, warn};
use crate::plan::Plan;
use crate::process_env::ProcessEnv;
use crate::registration::{Obstacle, OneLaunchRegistration, Registration, RegistrationRequest, is_optional};
use crate::sandbox::Contents;
use crate::secrets::name;
use crate::settings_file::Change;
use crate::turn::Turn;

/// Starts the agent. Returns only if that fails.
pub(crate) fn start(plan: &Plan, env: &ProcessEnv) -> LaunchError {
    match prepare(plan, env) {
        Ok(mut command) => LaunchError::NotStarted { source: command.exec(), program: plan.program.clone() },
        Err(error) => error,
    }
}

fn prepare(plan: &Plan, env: &ProcessEnv) -> Result<Command, LaunchError> {
    // Before the secrets are fetched, because a build may take minutes.
    let server = plan.server.heal(env)?;
    let mut granted = plan.secrets.fetch(plan.endpoint)?;
    granted.warnings.iter().for_each(|line| warn(line));
    granted.notes.iter().for_each(|line| say(line));
    // In a team's API, an admin registers the ventures; in the database of this machine, the launcher does.
    if matches!(plan.endpoint, Endpoint::Embedded) {
        context_api::register(&plan.venture, plan.endpoint, env)?;
    }
    let names: Vec<&str> = granted.secrets.names().collect();
    let (screen, folder) = (plan.screen, plan.checkout.root.as_path());
    let request = RegistrationRequest { server: &server, secrets: &names, screen, folder, hooks: &plan.hooks };
    let registration = Registration::plan(plan.cli, &request, env)?;
    let for_one_launch = register(plan, &registration, env)?;
    let turn = Turn::decide(plan, &registration, for_one_launch.is_some(), env)?;
    if let Some((kind, server)) = background_server::left_over_server(plan.cli, env) {
        warn(&format!("{}; `{}` ends it", background_server::warning(kind, &server), kind.stop_command()));
    }
    let slot = claim(plan, env)?;
    let agent = plan.name.as_agent(&slot, &plan.cli.client())?;
    let of_token =
        agent_token::exchange(&mut granted, plan.endpoint, &plan.venture.code, &agent, plan.token_required, env)?;
    let checkout = match &plan.worktree {
        Some(worktree) => worktree.open(&agent, &plan.checkout)?,
        None => plan.checkout.clone(),
    };
    let prefix = branches::prefix(plan.worktree.as_ref(), &agent);
    say(&format!(
        "{} on {} in {} as {}, branches {prefix}...",
        plan.cli.title(),
        plan.venture.code,
        env.shown(&checkout.root),
        agent
    ));
    let mut command = command(plan, &checkout, env)?;
    command.args(&registration.args).args(&turn.args).args(&plan.args);
    let of_another_launch = name::inherited(env.var(variables::SECRETS).as_deref());
    let removed = environment::AGENT_VARIABLES.into_iter().chain(environment::WITHHELD_VARIABLES);
    for name in removed.chain(of_another_launch.iter().map(String::as_str)) {
        command.env_remove(name);
    }
    // With --local, this launch does not use the API that the environment configures.
    if matches!(plan.endpoint, Endpoint::Embedded) {
        command.env_remove(variables::API_URL).env_remove(variables::API_KEY);
    }
    // The shared key of the API may have a variable of its own.
    if let Some(name) = &plan.key_variable {
        command.env_remove(name);
    }
    command.envs(plan.environment.iter().cloned()).env(variables::AGENT, agent.as_str()).envs(of_token);
    command.env(variables::BRANCH_PREFIX, prefix).envs(turn.variables);
    if let Some(launch) = launch_id(std::process::id()) {
        command.env(variables::LAUNCH, launch);
    }
    command.envs(for_one_launch.iter().flat_map(|for_one_launch| for_one_launch.variables.iter().cloned()));
    granted.secrets.give_to(&mut command);
    Ok(command)
}

/// The agent's program in the folder where it starts, in a sandbox if the plan has one.
fn command(plan: &Plan, checkout: &Checkout, env: &ProcessEnv) -> Result<Command, LaunchError> {
    let folder = plan.folder.as_deref().unwrap_or(&checkout.root);
    Dirs::create(folder).map_err(|error| {
        LaunchError::Workspace(format!("the working directory {} can't be made: {error}", folder.display()))
    })?;
    let mut command = match &plan.sandbox {
        Some(sandbox) => {
            let (cli, venture, program) = (plan.cli, &plan.venture.code, plan.program.as_path());
            let (repository, ventures) = (checkout.root.as_path(), plan.ventures_file.as_deref());
            sandbox.command(&Contents { cli, venture, program, repository, folder, ventures }, env)?
        }
        None => Command::new(&plan.program),
    };
    command.current_dir(folder);
    Ok(command)
}

/// Writes the registration of the server, and says in one line what was written. If a settings file can't be written, such as
/// one in a read-only store, returns the registration for this launch only.
fn register<'a>(
    plan: &Plan,
    registration: &'a Registration,
    env: &ProcessEnv,
) -> Result<Option<&'a OneLaunchRegistration>, LaunchError> {
    if let Some(Obstacle { what, fix }) = &registration.obstacle {
        warn(&format!("{what}; to fix this, {fix}"));
    }
    let mut written = Vec::new();
    let for_one_launch = write(plan, registration, env, &mut written);
    if let Some(line) = registration.line(plan.cli, &written, env) {
        say(&line);
    }
    for_one_launch
}

/// Writes the files of the registration, and adds the path of each to `written`.
fn write<'a>(
    plan: &Plan,
    registration: &'a Registration,
    env: &ProcessEnv,
    written: &mut Vec<&'a Path>,
) -> Result<Option<&'a OneLaunchRegistration>, LaunchError> {
    let title = plan.cli.title();
    for change in &registration.changes {
        match change.apply() {
            Ok(()) => written.push(change.path()),
            Err(error) if registration.for_one_launch.is_possible => {
                registration.for_one_launch.file.as_ref().map_or(Ok(()), Change::apply)?;
                say(&format!("{error}; the registration with {title} is for this launch only"));
                return Ok(Some(&registration.for_one_launch));
            }
            Err(error) if is_optional(plan.cli, change, env) => {
                warn(&format!("{error}; the agent starts without this slash command"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Claims the slot and stores the conversation with it. This is done late, so that a launch that fails earlier claims no
/// slot. The slot stays claimed across `exec`.
fn claim(plan: &Plan, env: &ProcessEnv) -> Result<Slot, LaunchError> {
    let (dirs, host, client) = (&env.dirs, this_host(), plan.cli.client());
    let wanted = plan.name.slot(&host, &client).unwrap_or(plan.conversation.wanted);
    let slot = Slot::claim(dirs, &host, &client, &plan.venture.code, std::process::id(), wanted)?;
    if let SlotRequest::Exactly(number) = wanted
        && number != slot.number
    {
        say(&format!(
            "the agent of this conversation is still at work on slot {number}; this launch gets another agent name"
        ));
    }
    if let Some(id) = &plan.conversation.id {
        let conversation = Conversation {
            venture: plan.venture.code.clone(),
            repo: plan.checkout.repo.clone(),
            track: plan.track,
            slot: slot.number,
        };
        if let Err(error) = Conversations::of(dirs, &host, &client).keep(id, &conversation) {
            say(&format!("if this conversation is resumed, its session will not be found: {error}"));
        }
    }
    Ok(slot)
}
