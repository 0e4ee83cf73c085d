//! Checks the programs of a launch: git, the agent CLIs and the MCP server. Each is run once to get its version.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::agent_cli::AgentCli;
use crate::check::Check;
use crate::environment;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::program_source::ProgramSource;

/// The first start of an agent CLI may be slow.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A program and the task that gets its version, or an error message.
type VersionTask = Option<(PathBuf, JoinHandle<Result<String, String>>)>;

/// Runs all programs at the same time.
pub(super) async fn check(default_agent: Option<AgentCli>, env: &ProcessEnv) -> Vec<Check> {
    let start = |program: Option<PathBuf>| program.map(|path| (path.clone(), tokio::spawn(version(path))));
    let git = start(env.program("git"));
    let server = start(env.sibling("deckwatch-mcp"));
    let agents = AgentCli::ALL.map(|cli| (cli, start(env.agent_program(cli))));
    let any_agent = agents.iter().any(|(_, asked)| asked.is_some());

    let mut checks = vec![match git {
        None => Check::fail("git", "is not installed", "macOS: xcode-select --install, Debian: apt install git"),
        Some(git) => version_check("git", git, env).await.1,
    }];
    if !any_agent {
        checks.push(Check::failed_with("agents", &LaunchError::NoAgent));
    }
    for (cli, asked) in agents {
        checks.push(agent(cli, asked, default_agent == Some(cli), env).await);
    }
    checks.push(match server {
        None => Check::fail("deckwatch-mcp", "is not installed", "run ./scripts/start in the Deckwatch checkout"),
        Some(server) => own_server(server, env).await,
    });
    checks
}

async fn agent(cli: AgentCli, asked: VersionTask, is_default: bool, env: &ProcessEnv) -> Check {
    let install = cli.install_command();
    match asked {
        Some(asked) => version_check(cli.program(), asked, env).await.1,
        None if is_default => Check::fail(cli.program(), "is your default agent and is not installed", install),
        None => Check::absent(cli.program(), "is not installed", install),
    }
}

/// The server must have the same version as the launcher, because both are built together.
async fn own_server(asked: (PathBuf, JoinHandle<Result<String, String>>), env: &ProcessEnv) -> Check {
    const OWN: &str = env!("CARGO_PKG_VERSION");
    let (version, check) = version_check("deckwatch-mcp", asked, env).await;
    match version {
        Some(version) if !version.split([' ', '(', ')', '+']).any(|word| word == OWN) => {
            let how = ProgramSource::of(env).how_to_update(env);
            let fix = format!("{how}: it replaces both");
            Check::warn("deckwatch-mcp", format!("{version}, but this launcher is {OWN}"), fix)
        }
        _ => check,
    }
}

/// Waits for a program's version, and reports it as a check.
async fn version_check(
    name: &'static str,
    (path, asked): (PathBuf, JoinHandle<Result<String, String>>),
    env: &ProcessEnv,
) -> (Option<String>, Check) {
    let path = env.shown(&path);
    match asked.await.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(version) => (Some(version.clone()), Check::ok(name, format!("{version} in {path}"))),
        Err(why) => {
            let fix = format!("check that `{path} --version` works; install it again if it does not");
            (None, Check::warn(name, format!("{path} did not report its version: {why}"), fix))
        }
    }
}

async fn version(path: PathBuf) -> Result<String, String> {
    let mut program = Command::new(&path);
    program.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    for name in environment::WITHHELD_VARIABLES {
        program.env_remove(name);
    }
    let ended = tokio::time::timeout(TIMEOUT, program.output()).await;
    let output = ended.map_err(|_| format!("no answer within {} s", TIMEOUT.as_secs()))?;
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(output.status.to_string());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let first: String = said.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(80).collect();
    if first.is_empty() { Err("it printed nothing".to_owned()) } else { Ok(without_name(&path, &first).to_owned()) }
}

/// The version without the program's name, which the check shows beside it: 2.47 for `git version 2.47`.
fn without_name<'a>(path: &Path, said: &'a str) -> &'a str {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // Only as a whole word: `codex-cli 0.171` is not the program `codex`.
    let after = |text: &'a str, word: &str| text.strip_prefix(word).filter(|rest| rest.starts_with(' '));
    let rest = after(said, name).unwrap_or(said).trim_start();
    let rest = after(rest, "version").unwrap_or(rest).trim_start();
    if rest.is_empty() { said } else { rest }
}
