//! `launcher doctor`: checks everything that a launch needs, and says how to repair what is not right.
//!
//! It changes nothing. `launcher mcp doctor` checks whether each agent CLI really starts the MCP server.

mod api;
mod disk;
mod infisical;
mod outbox;
mod programs;
mod ventures;

use std::io::Write as _;
use std::rc::Rc;

use clap::{Args, Command};
use deckwatch_machine::agent::{Slot, SlotRequest, this_host};
use deckwatch_protocol::VentureCode;

use crate::agent_cli::AgentCli;
use crate::background_server;
use crate::check_report::{Check, Report};
use crate::config::Config;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::output;
use crate::process_env::ProcessEnv;
use crate::secrets::vault::Vault;

const EXAMPLES: &str = "\
Examples:
  launcher doctor           show every check, and how to fix each that failed
  launcher doctor --json    for scripts

Exit codes:
  0    no check failed; there may be warnings
  1    a check failed";

/// The options of `launcher doctor`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs every check. Returns an error if one failed. `verbs` is the launcher's own command line.
pub(crate) fn run(doctor: &Doctor, verbs: &Command, env: &ProcessEnv) -> Result<(), LaunchError> {
    let report = Report::new(checks(verbs, env)?);
    if doctor.json {
        output::print(|out| {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)
        })?;
    } else {
        output::printed(report.write_text(&mut anstream::stdout()))?;
    }
    match report.failed() {
        0 => Ok(()),
        failed => Err(LaunchError::ChecksFailed { failed }),
    }
}

fn checks(verbs: &Command, env: &ProcessEnv) -> Result<Vec<Check>, LaunchError> {
    let config = Config::load(&env.dirs);
    let mut checks = vec![settings(&config, env)];
    // The other checks run even if the settings can't be read.
    let config = config.unwrap_or_else(|_| Config::without_settings(&env.dirs));
    let runtime = context_api::runtime()?;
    checks.extend(runtime.block_on(programs::check(config.default_agent, env)));
    checks.push(environment(env));
    checks.push(background_servers(env));
    checks.push(slots(env));
    checks.extend(disk::check(env));
    let (found, file) = ventures::check(&config, verbs, env);
    checks.extend(found);
    let vault = Rc::new(Vault::of(env, &config.infisical));
    let endpoint = Endpoint::choose(env, &config, &vault);
    match endpoint.and_then(|endpoint| endpoint.unlock().map(|()| endpoint)) {
        Ok(endpoint) => checks.extend(runtime.block_on(api::check(&endpoint, env))),
        Err(error) => checks.push(Check::failed_with("api", &error)),
    }
    checks.push(infisical::check(file.as_ref(), &vault));
    runtime.shutdown_background();
    Ok(checks)
}

fn settings(config: &Result<Config, LaunchError>, env: &ProcessEnv) -> Check {
    const NAME: &str = "settings";
    let path = env.dirs.config.join("config.toml");
    match config {
        Err(error) => Check::failed_with(NAME, error),
        Ok(_) if path.exists() => Check::ok(NAME, env.shown(&path)),
        Ok(_) => Check::ok(NAME, "there is no config.toml; the defaults are used"),
    }
}

/// Checks that the environment is not left over from another launch.
fn environment(env: &ProcessEnv) -> Check {
    const NAME: &str = "environment";
    match background_server::launch_of_environment(env) {
        Ok(None) => Check::ok(NAME, "does not belong to a launch"),
        Ok(Some(agent)) => Check::ok(NAME, format!("belongs to the launch of {agent}")),
        Err(foreign) => match background_server::unset(&foreign, env) {
            // A launch replaces these variables, so this is only a warning.
            Some(unset) => Check::warn(NAME, format!("{}; a launch from here works anyway", foreign.what()), unset),
            None => Check::fail(NAME, foreign.what(), foreign.fix()),
        },
    }
}

/// Checks that no background server of an agent CLI still has the environment of a launch.
fn background_servers(env: &ProcessEnv) -> Check {
    const NAME: &str = "background";
    let mut own = Vec::new();
    for cli in AgentCli::ALL {
        match background_server::running(cli, env) {
            Some((kind, server)) if server.agent.is_some() => {
                return Check::fail(NAME, background_server::warning(kind, &server), kind.stop_command());
            }
            Some((kind, server)) => own.push(format!("{} (process {})", kind.title(), server.pid)),
            None => {}
        }
    }
    if own.is_empty() {
        return Check::ok(NAME, "no background server is running");
    }
    Check::ok(NAME, format!("{}; it serves no launch", own.join(", ")))
}

/// Checks that an agent could get a slot now.
fn slots(env: &ProcessEnv) -> Check {
    const NAME: &str = "slots";
    let Ok(venture) = "doctor".parse::<VentureCode>() else { return Check::ok(NAME, "none") };
    let next = AgentCli::ALL.map(|cli| Slot::next(&env.dirs, &this_host(), &cli.client(), &venture, SlotRequest::Any));
    let mut agents = Vec::new();
    for slot in next {
        match slot {
            Ok(slot) => agents.push(slot.agent.to_string()),
            Err(error) => return Check::failed_with(NAME, &error.into()),
        }
    }
    Check::ok(NAME, format!("the next free slots are {}", agents.join(", ")))
}
