//! Isolates a launch from the background servers of the agent CLIs.
//!
//! A background server outlives the session that started it. It gives the environment of that session to the MCP
//! servers, hooks and shells of every later session. A session of a second venture would then get the name, the API and
//! the secrets of the first one. A launch therefore never starts a background server and never connects to one. The
//! launcher does not stop a server that a person started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use deckwatch_machine::agent::{ForeignLaunch, ForeignReason, RunningServer, SharedServer, lineage_of, this_host};
use deckwatch_machine::checkout::Checkout;
use deckwatch_machine::{variables, ventures};
use deckwatch_protocol::{Agent, RepoName};
use tokio::process::Command;

use crate::agent_cli::AgentCli;
use crate::context_api;
use crate::environment;
use crate::error::LaunchError;
use crate::process_env::ProcessEnv;
use crate::secrets::name;

/// The option of Codex that disables its background server. Codex has it since version 0.156.
const NO_DAEMON: &str = "--no-daemon";
/// The variable that disables everything for which Claude Code uses its background service.
const NO_AGENT_VIEW: &str = "CLAUDE_CODE_DISABLE_AGENT_VIEW";
/// How long Codex may take to print its help.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The subcommands of Codex that do not start a conversation in this terminal.
const CODEX_COMMANDS: [&str; 27] = [
    "agents",
    "app-server",
    "apply",
    "a",
    "archive",
    "cloud",
    "completion",
    "debug",
    "delete",
    "doctor",
    "e",
    "exec",
    "exec-server",
    "execpolicy",
    "features",
    "help",
    "login",
    "logout",
    "mcp",
    "mcp-server",
    "plugin",
    "queue",
    "remote-control",
    "review",
    "sandbox",
    "unarchive",
    "update",
];
/// The options of Codex that take the next argument as their value.
const CODEX_OPTIONS_WITH_VALUE: [&str; 19] = [
    "-c",
    "--config",
    "--enable",
    "--disable",
    "--remote",
    "--remote-auth-token-env",
    "-i",
    "--image",
    "-m",
    "--model",
    "--local-provider",
    "-p",
    "--profile",
    "-s",
    "--sandbox",
    "-C",
    "--cd",
    "--add-dir",
    "-a",
];
/// The subcommands of Claude Code that need its background service.
const CLAUDE_COMMANDS: [&str; 8] = ["agents", "attach", "daemon", "kill", "logs", "respawn", "rm", "stop"];

/// The arguments and variables that keep an agent CLI away from background servers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Isolation {
    pub(crate) args: Vec<OsString>,
    pub(crate) variables: Vec<(&'static str, OsString)>,
}

/// Returns the arguments and variables that isolate a launch. Fails if the arguments need a background server.
pub(crate) fn isolate(
    cli: AgentCli,
    program: &Path,
    args: &[OsString],
    env: &ProcessEnv,
) -> Result<Isolation, LaunchError> {
    let words = words(args);
    let refused = |word: &str| Err(LaunchError::NeedsBackgroundServer { cli, word: word.to_owned() });
    match cli {
        AgentCli::Gemini => Ok(Isolation::default()),
        AgentCli::Claude => match needed_by_claude(&words) {
            Some(word) => refused(word),
            None => Ok(Isolation { variables: vec![(NO_AGENT_VIEW, "1".into())], ..Isolation::default() }),
        },
        AgentCli::Codex => match needed_by_codex(&words) {
            Some(word) => refused(word),
            None if command(&words).is_some() || words.contains(&NO_DAEMON) => Ok(Isolation::default()),
            None if knows(program, NO_DAEMON, env) => {
                Ok(Isolation { args: vec![NO_DAEMON.into()], ..Isolation::default() })
            }
            // An older Codex uses no shared server here, because the options of the registration change its configuration.
            None => Ok(Isolation::default()),
        },
    }
}

/// Whether these arguments start a conversation of Codex, at a terminal or without one.
pub(crate) fn is_conversation_of_codex(args: &[OsString]) -> bool {
    let words = words(args);
    command(&words).is_none_or(|at| words.get(at).is_some_and(|word| ["exec", "e", "review"].contains(word)))
}

/// Whether these arguments start a conversation of Codex at this terminal.
pub(crate) fn is_at_terminal(args: &[OsString]) -> bool {
    command(&words(args)).is_none()
}

fn words(args: &[OsString]) -> Vec<&str> {
    args.iter().map_while(|arg| arg.to_str()).take_while(|word| *word != "--").collect()
}

/// The background server that an earlier launch started, if it is still running with the environment of that launch.
pub(crate) fn left_over_server(cli: AgentCli, env: &ProcessEnv) -> Option<(SharedServer, RunningServer)> {
    let (kind, server) = running(cli, env)?;
    server.agent.is_some().then_some((kind, server))
}

/// The warning about a server that an earlier launch started.
pub(crate) fn warning(kind: SharedServer, server: &RunningServer) -> String {
    format!(
        "{} (process {}) still runs with the environment of {}, and gives its name, API and secrets to every session \
         that is started without the launcher",
        kind.title(),
        server.pid,
        server.agent.as_deref().unwrap_or_default()
    )
}

/// Checks the environment of this process. If it names an agent, this process must belong to the launch of that agent,
/// and the current repository must be one in which that launch works.
pub(crate) fn launch_of_environment(env: &ProcessEnv) -> Result<Option<Agent>, ForeignLaunch> {
    let Some(agent) = env.var(variables::AGENT).and_then(|agent| agent.parse().ok()) else { return Ok(None) };
    let launch = env.var(variables::LAUNCH);
    let lineage = lineage_of(&env.dirs, &this_host(), &agent, launch.as_deref())?;
    let launched = env.var(variables::REPO).and_then(|repo| repo.parse::<RepoName>().ok());
    if let (Some(launched), Ok(checkout)) = (launched, Checkout::at(&env.cwd)) {
        let here = ventures::spelled_by([&launched], &checkout.repo);
        let repos = env.var(variables::REPOS).unwrap_or_default();
        let venture = env.var(variables::VENTURE).and_then(|code| code.parse().ok());
        let named = env.path_var(variables::VENTURES);
        // The MCP server decides in the same way. A file that can't be read names no repository.
        let file = || ventures::find(named.as_deref(), &env.dirs, Some(&checkout.root));
        let owned = ventures::launch_owns(&repos, venture.as_ref(), file, &here).unwrap_or_default();
        lineage.allows(&agent, &launched, &here, owned)?;
    }
    Ok(Some(agent))
}

/// The ventures file that the environment names. `None` if another launch left the variable: this launch then searches
/// for its own file.
pub(crate) fn ventures_variable(env: &ProcessEnv) -> Option<PathBuf> {
    env.path_var(variables::VENTURES).filter(|_| launch_of_environment(env).is_ok())
}

/// The command that removes the environment of another launch from this shell. `None` if the shell belongs to a
/// background server: the server would give the same environment to the next shell.
pub(crate) fn unset(foreign: &ForeignLaunch, env: &ProcessEnv) -> Option<String> {
    if matches!(foreign.reason, ForeignReason::SharedServer(..)) {
        return None;
    }
    let secrets = name::inherited(env.var(variables::SECRETS).as_deref());
    let ours = environment::AGENT_VARIABLES.into_iter().chain([variables::BRANCH_PREFIX]);
    let of_api = secrets.iter().any(|name| name == variables::API_KEY).then_some(variables::API_URL);
    let names = ours.chain(of_api).chain(secrets.iter().map(String::as_str));
    let names: Vec<&str> = names.filter(|name| env.var(name).is_some()).collect();
    let names = names.join(" ");
    if env.var("TMUX").is_none() {
        return Some(format!("unset {names}"));
    }
    Some(format!("unset {names}; for name in {names}; do tmux set-environment -gu $name; done"))
}

/// The background server of an agent CLI that uses this user's settings, if one is running.
pub(crate) fn running(cli: AgentCli, env: &ProcessEnv) -> Option<(SharedServer, RunningServer)> {
    let kind = match cli {
        AgentCli::Codex => SharedServer::Codex,
        AgentCli::Claude => SharedServer::Claude,
        AgentCli::Gemini => return None,
    };
    Some((kind, kind.running(|name| env.var(name).map(OsString::from))?))
}

fn needed_by_claude<'a>(words: &[&'a str]) -> Option<&'a str> {
    let command = words.first().filter(|first| CLAUDE_COMMANDS.contains(first));
    // A tmux server that a launch starts also keeps its environment for all later sessions.
    let needs = |word: &&&str| ["--bg", "--background", "--tmux"].contains(*word) || word.starts_with("--tmux=");
    let option = || words.iter().find(needs);
    command.or_else(option).copied()
}

fn needed_by_codex<'a>(words: &[&'a str]) -> Option<&'a str> {
    let option = |word: &&&str| **word == "--daemon" || **word == "--remote" || word.starts_with("--remote=");
    let needs = |at: usize| match *words.get(at)? {
        word @ ("agents" | "remote-control") => Some(word),
        "app-server" if words.get(at + 1) == Some(&"daemon") => {
            let harmless = ["stop", "version", "help", "--help"];
            words.get(at + 2).is_some_and(|verb| !harmless.contains(verb)).then_some("app-server daemon")
        }
        _ => None,
    };
    command(words).and_then(needs).or_else(|| words.iter().find(option).copied())
}

/// The position of the subcommand of Codex, if it does not start a conversation in this terminal.
fn command(words: &[&str]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if !word.starts_with('-') {
            return CODEX_COMMANDS.contains(word).then_some(at);
        }
        at += if CODEX_OPTIONS_WITH_VALUE.contains(word) || *word == "--ask-for-approval" { 2 } else { 1 };
    }
    None
}

/// Whether the help of an agent CLI names an option. `false` if the program does not answer in time.
fn knows(program: &Path, option: &str, env: &ProcessEnv) -> bool {
    let ask = async {
        let mut help = Command::new(program);
        help.arg("--help").current_dir(&env.cwd).stdin(Stdio::null()).stderr(Stdio::null());
        help.kill_on_drop(true);
        for name in environment::WITHHELD_VARIABLES {
            help.env_remove(name);
        }
        tokio::time::timeout(TIMEOUT, help.output()).await.ok()?.ok()
    };
    let output = context_api::runtime().ok().and_then(|runtime| runtime.block_on(ask));
    output.is_some_and(|output| String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == option))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<&str> {
        line.split_whitespace().collect()
    }

    #[test]
    fn arguments_that_need_a_background_server_are_recognized() {
        for (line, expected) in [
            ("", None),
            ("agents", Some("agents")),
            ("-m agents", None),
            ("-c a=b --search agents", Some("agents")),
            ("--remote unix://x", Some("--remote")),
            ("resume --remote=unix://x", Some("--remote=unix://x")),
            ("--daemon", Some("--daemon")),
            ("app-server daemon start", Some("app-server daemon")),
            ("app-server daemon stop", None),
            ("app-server", None),
            ("remote-control", Some("remote-control")),
            ("exec agents", None),
            ("fix the agents", None),
        ] {
            assert_eq!(needed_by_codex(&words(line)), expected, "{line}");
        }
        for (line, expected) in [
            ("--bg hello", Some("--bg")),
            ("-p hello", None),
            ("agents --json", Some("agents")),
            ("stop the agents", Some("stop")),
            ("tell agents", None),
            ("--worktree w1 --tmux=classic", Some("--tmux=classic")),
            ("--worktree w1 --tmux", Some("--tmux")),
        ] {
            assert_eq!(needed_by_claude(&words(line)), expected, "{line}");
        }
    }

    #[test]
    fn only_conversations_in_this_terminal_are_isolated() {
        for (line, other) in [("exec hi", true), ("--search e hi", true), ("resume --last", false), ("say hi", false)] {
            assert_eq!(command(&words(line)).is_some(), other, "{line}");
        }
    }
}
