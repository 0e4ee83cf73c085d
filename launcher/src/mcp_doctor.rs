//! `launcher mcp doctor`: checks that each agent CLI can reach `deckwatch-mcp`, by connecting in the same way.
//!
//! It starts the registered command with only the environment that the agent CLI would give it. Then it speaks MCP and
//! lists the tools. Then each agent CLI that reaches the server runs a turn that proves the hooks. It changes no settings, and
//! prints a fix for each problem.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::service::ClientInitializeError;
use tokio::process::Command;
use tokio::time::timeout;

use crate::agent_cli::AgentCli;
use crate::background_server;
use crate::check::{Check, Report};
use crate::config::Config;
use crate::error::LaunchError;
use crate::hook_doctor;
use crate::json_output;
use crate::output::{self, warn};
use crate::process_env::ProcessEnv;
use crate::registration::{
    HookUse, Obstacle, PlannedRegistration, Registration, RegistrationRequest, Screen, reaches_server,
};

/// Longer than any agent CLI waits for a server.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The tool that starts a day. A server without it is reported as broken.
const REQUIRED_TOOL: &str = "sod";

/// Checks every installed agent CLI. Returns an error if one of them can't reach the server.
pub(crate) fn run(env: &ProcessEnv, json: bool, no_turns: bool) -> Result<(), LaunchError> {
    let server = env.sibling("deckwatch-mcp").ok_or(LaunchError::ServerMissing)?;
    if let Err(foreign) = background_server::launch_of_environment(env)
        && let Some(unset) = background_server::unset(&foreign, env)
    {
        warn(&format!(
            "{}; an agent that you start here without the launcher is refused; run: {unset}",
            foreign.what()
        ));
    }
    let hooks = if Config::load(&env.dirs)?.hooks { HookUse::Register } else { HookUse::Remove };
    let installed = AgentCli::ALL.into_iter().filter(|cli| env.agent_program(*cli).is_some());
    let checks: Vec<(AgentCli, Check)> = installed.map(|cli| (cli, examine(cli, &server, &hooks, env))).collect();
    let reach: Vec<AgentCli> = checks.iter().filter(|(_, check)| check.is_ok()).map(|(cli, _)| *cli).collect();
    let mut report = Report::new(checks.into_iter().map(|(_, check)| check).collect());
    if report.is_empty() {
        return Err(LaunchError::NoAgent);
    }
    let (of, broken) = (report.len(), report.failed());
    let to_prove = if no_turns { &[][..] } else { &reach };
    for check in hook_doctor::examine(to_prove, &server, &hooks, env) {
        report.add(check);
    }
    if json {
        json_output::print(&report)?;
    } else {
        output::printed(report.write_table(&mut anstream::stdout()))?;
    }
    if broken == 0 { Ok(()) } else { Err(LaunchError::ServersNotReached { broken, of }) }
}

fn examine(cli: AgentCli, server: &Path, hooks: &HookUse, env: &ProcessEnv) -> Check {
    let agent = cli.program();
    let broken = |detail: String, fix: String| Check::fail(agent, detail, fix);
    if let Err(foreign) = background_server::launch_of_environment(env)
        && background_server::unset(&foreign, env).is_none()
    {
        return broken(foreign.what(), foreign.fix());
    }
    if let Some((kind, left)) = background_server::left_over_server(cli, env) {
        return broken(background_server::warning(kind, &left), kind.stop_command().to_owned());
    }
    let (screen, folder) = (Screen::AsConfigured, env.cwd.as_path());
    let request = RegistrationRequest { server, secrets: &[], screen, folder, hooks };
    let registration = match Registration::plan(cli, &request, env) {
        Err(error) => return broken(error.to_string(), "correct that file, then run this again".to_owned()),
        Ok(registration) => registration,
    };
    let for_one_launch = match registration.planned(cli, env) {
        PlannedRegistration::Writes(files) => {
            let files: Vec<String> = files.iter().map(|file| env.shown(file)).collect();
            let mut detail =
                format!("not registered, or the registration is out of date; a launch writes {}", files.join(", "));
            if !registration.replaced.is_empty() {
                let _ = write!(detail, "; these keys override the registration: {}", registration.replaced.join(", "));
            }
            return broken(detail, format!("launcher <venture> --{agent}"));
        }
        PlannedRegistration::Fails(error) => {
            let detail = format!("not registered, or the registration is out of date, and a launch fails: {error}");
            return broken(detail, "make that file and its folder writable for you, then run this again".to_owned());
        }
        PlannedRegistration::ForOneLaunch(error) => Some(format!(
            "; a launch by the launcher registers the server for that launch alone, and an agent that is started without \
             the launcher does not reach it: {error}"
        )),
        PlannedRegistration::Registered => None,
    };
    if let Some(Obstacle { what, fix }) = registration.obstacle {
        return broken(what, fix);
    }
    match connect(cli, server, env) {
        Ok(tools) => {
            let server = env.shown(server);
            let tools = if tools == 1 { "1 tool".to_owned() } else { format!("{tools} tools") };
            let detail = format!("connected to {server}, {tools}{}", for_one_launch.unwrap_or_default());
            Check::ok(agent, detail)
        }
        Err(why) => broken(
            format!("{}: {why}", env.shown(server)),
            "install it again: run ./scripts/start --install-only in the Deckwatch checkout".to_owned(),
        ),
    }
}

/// Connects to the server and returns the number of its tools.
pub(crate) fn connect(cli: AgentCli, server: &Path, env: &ProcessEnv) -> Result<usize, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let tools = runtime.block_on(async { timeout(TIMEOUT, ask(cli, server, env)).await });
    let names = tools.map_err(|_| format!("it did not answer within {} seconds", TIMEOUT.as_secs()))??;
    if names.iter().any(|name| name == REQUIRED_TOOL) {
        Ok(names.len())
    } else {
        Err(format!("it has no tool {REQUIRED_TOOL}"))
    }
}

/// A server that ends early is seen when the request is written or when the response is read.
fn without_handshake(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => {
            "it does not speak MCP: it closed the connection before it answered".to_owned()
        }
        other => format!("it does not speak MCP: {other}"),
    }
}

async fn ask(cli: AgentCli, server: &Path, env: &ProcessEnv) -> Result<Vec<String>, String> {
    let mut command = Command::new(server);
    command.env_clear().envs(environment_of_server(cli, env)).current_dir(&env.cwd);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("it can't be started: {error}"))?;
    let (Some(stdout), Some(stdin)) = (child.stdout.take(), child.stdin.take()) else {
        return Err("it has no pipes".to_owned());
    };
    let service = ().serve((stdout, stdin)).await.map_err(|error| without_handshake(&error))?;
    let tools = service.list_all_tools().await.map_err(|error| format!("it can't list its tools: {error}"))?;
    // The server ends when its pipe closes. A server that does not end is killed when it is dropped.
    let _ = service.cancel().await;
    let _ = child.wait().await;
    Ok(tools.into_iter().map(|tool| tool.name.into_owned()).collect())
}

/// The environment that the agent CLI would give to the server.
fn environment_of_server(cli: AgentCli, env: &ProcessEnv) -> impl Iterator<Item = (&OsStr, &OsString)> {
    env.vars().filter(move |(name, _)| name.to_str().is_some_and(|name| reaches_server(cli, name)))
}
