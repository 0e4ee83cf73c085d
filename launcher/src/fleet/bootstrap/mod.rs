//! `launcher fleet bootstrap`: makes this machine a machine of the fleet.
//!
//! It checks what a member needs, and registers the machine in the API. Each step prints a line. A step that fails says what
//! to do, and the other steps are still checked. Every step can be repeated: keys are never replaced, and an equal
//! registration changes nothing.

mod access;
mod progress;
mod registration;

use std::path::PathBuf;

use clap::Args;
use deckwatch_machine::variables;
use deckwatch_protocol::{MachineRole, Meta, RegisterMachine, TailscaleIp};

use self::progress::Progress;
use super::members;
use crate::agent_cli::AgentCli;
use crate::check::Check;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::{init, mcp_doctor};

/// What `--help` shows below the options.
const EXAMPLES: &str = "\
Examples:
  launcher fleet bootstrap                        register this machine with its Tailscale address
  launcher fleet bootstrap --address 100.64.0.7   the same without the tailscale command

CONTEXT_API_URL and CONTEXT_API_KEY, or config.toml, name the API. scripts/bootstrap-machine.sh installs Deckwatch and \
then runs this command.";

/// The options of `launcher fleet bootstrap`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bootstrap {
    /// The address at which other machines reach this one; without it, `tailscale ip -4` is asked
    #[arg(long)]
    address: Option<TailscaleIp>,

    /// The role of the machine, such as `build`
    #[arg(long)]
    role: Option<MachineRole>,

    /// The public host key of this machine's SSH server
    #[arg(long, value_name = "FILE", default_value = "/etc/ssh/ssh_host_ed25519_key.pub")]
    host_key: PathBuf,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(bootstrap: &Bootstrap, env: &ProcessEnv) -> Result<(), LaunchError> {
    let mut progress = Progress::new(bootstrap.json);
    take_steps(bootstrap, env, &mut progress)?;
    progress.finish()
}

fn take_steps(bootstrap: &Bootstrap, env: &ProcessEnv, progress: &mut Progress) -> Result<(), LaunchError> {
    let (config, vault) = Config::with_vault(env)?;
    progress.add(programs(env))?;
    let user = progress.take(access::user(env))?;
    let key = progress.take(access::user_key(user.as_ref(), env))?;
    let host_key = progress.take(access::host_key(&bootstrap.host_key, env))?;
    let address = progress.take(access::address(bootstrap.address.as_ref(), env))?;
    let api = progress.take(registration::reach(Endpoint::choose(env, &config, &vault), env))?;
    progress.add(settings(&config, api.is_some(), env))?;
    progress.add(mcp(env))?;
    let (Some(user), Some(ssh_public_key), Some(tailscale_ip), Some(api)) = (user, key, address, api) else {
        return progress.add(Check::skipped("machine registered", "correct the failed steps, then run this again"));
    };
    let machine = RegisterMachine {
        os: registration::os()?,
        arch: registration::arch()?,
        tailscale_ip,
        user,
        ssh_public_key,
        ssh_host_key: host_key,
        role: bootstrap.role.clone(),
        meta: Meta::default(),
    };
    if let Some(machine) = progress.take(registration::register(&api, machine, env))? {
        progress.registered(machine);
        progress.add(fleet(env))?;
    }
    Ok(())
}

/// Checks that a shell of the user finds the programs. Other machines find them in any case, if they are in one of the
/// folders that SSH searches.
fn programs(env: &ProcessEnv) -> Check {
    const NAME: &str = "launcher and deckwatch-mcp on PATH";
    let missing: Vec<&str> =
        ["launcher", "deckwatch-mcp"].into_iter().filter(|name| env.program(name).is_none()).collect();
    if missing.is_empty() {
        return Check::ok(NAME, "");
    }
    let missing = missing.join(" and ");
    match env.sibling("deckwatch-mcp").and(env.program_folder()) {
        Some(folder) => Check::warn(
            "launcher and deckwatch-mcp installed",
            format!("in {}, but your PATH does not find {missing}", env.shown(&folder)),
            format!("add this line to the profile of your shell: export PATH=\"{}:$PATH\"", folder.display()),
        ),
        None => {
            Check::fail(NAME, format!("not installed: {missing}"), "run ./scripts/start --install-only in the checkout")
        }
    }
}

/// Makes sure that later shells know the API too. A new configuration names it once it has answered. An existing one is the
/// user's, and stays as it is.
fn settings(config: &Config, answers: bool, env: &ProcessEnv) -> Check {
    const NAME: &str = "configuration";
    let file = env.dirs.config.join("config.toml");
    let path = env.shown(&file);
    let Some(url) = env.var(variables::API_URL) else { return Check::ok(NAME, path) };
    let fix = format!("launcher init --yes --no-ventures --overwrite --api-url {url}");
    match &config.api {
        Some(api) if api.url.trim_end_matches('/') == url.trim_end_matches('/') => Check::ok(NAME, path),
        Some(api) => Check::warn(NAME, format!("{path} names another API, {}", api.url), fix),
        None if file.exists() => Check::warn(NAME, format!("{path} names no API; only this shell does"), fix),
        None if !answers => Check::warn(NAME, "not written, because the API does not answer", "see the API above"),
        None => match init::name_api(&url, config, env) {
            Ok(_) => Check::ok(NAME, format!("{path}, written now")),
            Err(error) => Check::failed_with(NAME, &error),
        },
    }
}

/// Starts the MCP server as an agent CLI does.
fn mcp(env: &ProcessEnv) -> Check {
    const NAME: &str = "MCP connected";
    let Some(server) = env.sibling("deckwatch-mcp") else {
        return Check::failed_with(NAME, &LaunchError::ServerMissing);
    };
    match mcp_doctor::connect(AgentCli::Claude, &server, env) {
        Ok(tools) => Check::ok(NAME, format!("{} has {tools} tools", env.shown(&server))),
        Err(why) => Check::fail(
            NAME,
            format!("{}: {why}", env.shown(&server)),
            "install it again: run ./scripts/start --install-only in the Deckwatch checkout",
        ),
    }
}

/// Reads the members once, so that this machine knows them without a network.
fn fleet(env: &ProcessEnv) -> Check {
    const NAME: &str = "fleet known";
    match members::all(env) {
        Ok(members) => {
            let names: Vec<&str> = members.iter().take(10).map(|member| member.hostname.as_str()).collect();
            let rest = members.len().saturating_sub(names.len());
            let rest = if rest == 0 { String::new() } else { format!(" and {rest} more") };
            Check::ok(NAME, format!("{}{rest}", names.join(", ")))
        }
        Err(LaunchError::NoApprovedMembers { .. }) => Check::ok(NAME, "no machine is approved yet"),
        Err(error) => Check::warn(NAME, error.to_string(), error.hint().unwrap_or_default()),
    }
}
