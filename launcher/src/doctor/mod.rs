//! `launcher doctor`: checks everything that a launch needs, and says how to repair what is not right.
//!
//! It changes nothing. `launcher mcp doctor` checks whether each agent CLI really starts the MCP server.

mod api;
mod check;
mod disk;
mod infisical;
mod outbox;
mod programs;
mod ventures;

use std::io::Write as _;
use std::rc::Rc;

use clap::{Args, Command};
use deckwatch_client::agent::{Slot, Wanted, this_host};
use deckwatch_protocol::VentureCode;

use self::check::{Check, Report};
use crate::agent_cli::AgentCli;
use crate::background_server;
use crate::config::Config;
use crate::context_api;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::output;
use crate::secrets::vault::Vault;
use crate::surroundings::Surroundings;

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
pub(crate) fn run(doctor: &Doctor, verbs: &Command, surroundings: &Surroundings) -> Result<(), LaunchError> {
    let report = Report::new(checks(verbs, surroundings)?);
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
        failed => Err(LaunchError::Unfit { failed }),
    }
}

fn checks(verbs: &Command, surroundings: &Surroundings) -> Result<Vec<Check>, LaunchError> {
    let config = Config::load(&surroundings.dirs);
    let mut checks = vec![settings(&config, surroundings)];
    // The other checks run even if the settings can't be read.
    let config = config.unwrap_or_else(|_| Config::of_nobody(&surroundings.dirs));
    let runtime = context_api::runtime()?;
    checks.extend(runtime.block_on(programs::check(config.default_agent, surroundings)));
    checks.push(environment(surroundings));
    checks.push(background_servers(surroundings));
    checks.push(slots(surroundings));
    checks.extend(disk::check(surroundings));
    let (found, file) = ventures::check(&config, verbs, surroundings);
    checks.extend(found);
    let vault = Rc::new(Vault::of(surroundings, &config.infisical));
    let endpoint = Endpoint::choose(surroundings, &config, &vault);
    match endpoint.and_then(|endpoint| endpoint.unlock().map(|()| endpoint)) {
        Ok(endpoint) => checks.extend(runtime.block_on(api::check(&endpoint, surroundings))),
        Err(error) => checks.push(Check::failed_with("api", &error)),
    }
    checks.push(infisical::check(file.as_ref(), &vault));
    runtime.shutdown_background();
    Ok(checks)
}

fn settings(config: &Result<Config, LaunchError>, surroundings: &Surroundings) -> Check {
    const NAME: &str = "settings";
    let path = surroundings.dirs.config.join("config.toml");
    match config {
        Err(error) => Check::failed_with(NAME, error),
        Ok(_) if path.exists() => Check::ok(NAME, surroundings.shown(&path)),
        Ok(_) => Check::ok(NAME, "there is no config.toml; the defaults are used"),
    }
}

/// Checks that the environment is not left over from another launch.
fn environment(surroundings: &Surroundings) -> Check {
    const NAME: &str = "environment";
    match background_server::own_environment(surroundings) {
        Ok(None) => Check::ok(NAME, "does not belong to a launch"),
        Ok(Some(agent)) => Check::ok(NAME, format!("belongs to the launch of {agent}")),
        Err(foreign) => match background_server::unset(&foreign, surroundings) {
            // A launch replaces these variables, so this is only a warning.
            Some(unset) => Check::warn(NAME, format!("{}; a launch from here works anyway", foreign.what()), unset),
            None => Check::fail(NAME, foreign.what(), foreign.fix()),
        },
    }
}

/// Checks that no background server of an agent CLI still has the environment of a launch.
fn background_servers(surroundings: &Surroundings) -> Check {
    const NAME: &str = "background";
    let mut own = Vec::new();
    for cli in AgentCli::ALL {
        match background_server::running(cli, surroundings) {
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
fn slots(surroundings: &Surroundings) -> Check {
    const NAME: &str = "slots";
    let Ok(venture) = "doctor".parse::<VentureCode>() else { return Check::ok(NAME, "none") };
    let next =
        AgentCli::ALL.map(|cli| Slot::next(&surroundings.dirs, &this_host(), &cli.client(), &venture, Wanted::Any));
    let mut agents = Vec::new();
    for slot in next {
        match slot {
            Ok(slot) => agents.push(slot.agent.to_string()),
            Err(error) => return Check::failed_with(NAME, &error.into()),
        }
    }
    Check::ok(NAME, format!("the next free slots are {}", agents.join(", ")))
}
