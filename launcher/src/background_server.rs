//! Keeps a launch apart from the background servers of the agents' tools.
//!
//! Such a server outlives the session that started it, and gives that session's environment to the MCP
//! servers, hooks and shells of every later one: the second venture would get the first one's name, API and
//! secrets. So no launch may start one, and none may be served by one that is there. One that a person
//! started is theirs and stays.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use deckwatch_client::agent::{Foreign, ForeignLaunch, RunningServer, SharedServer, lineage_of, this_host};
use deckwatch_client::checkout::Checkout;
use deckwatch_client::{variables, ventures};
use deckwatch_protocol::{Agent, RepoName};
use tokio::process::Command;

use crate::agent_cli::AgentCli;
use crate::context_api;
use crate::environment;
use crate::error::LaunchError;
use crate::secrets::grant;
use crate::surroundings::Surroundings;

/// Codex's option, since 0.156.
const NO_DAEMON: &str = "--no-daemon";
/// Claude Code's switch for everything that its background service does.
const NO_AGENT_VIEW: &str = "CLAUDE_CODE_DISABLE_AGENT_VIEW";
/// How long Codex may take to print its help.
const PATIENCE: Duration = Duration::from_secs(3);

/// What Codex does besides conversing in this terminal.
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
/// Options of Codex that take the next word.
const CODEX_VALUES: [&str; 19] = [
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
/// What Claude Code does by its background service alone.
const CLAUDE_COMMANDS: [&str; 8] = ["agents", "attach", "daemon", "kill", "logs", "respawn", "rm", "stop"];

/// What the tool is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Apart {
    pub(crate) args: Vec<OsString>,
    pub(crate) variables: Vec<(&'static str, OsString)>,
}

/// Decides what keeps a launch apart. Refuses what can't be done without a background server.
pub(crate) fn keep_apart(
    cli: AgentCli,
    program: &Path,
    args: &[OsString],
    surroundings: &Surroundings,
) -> Result<Apart, LaunchError> {
    let words: Vec<&str> = args.iter().map_while(|arg| arg.to_str()).take_while(|word| *word != "--").collect();
    let refused = |word: &str| Err(LaunchError::NeedsBackgroundServer { cli, word: word.to_owned() });
    match cli {
        AgentCli::Gemini => Ok(Apart::default()),
        AgentCli::Claude => match needed_by_claude(&words) {
            Some(word) => refused(word),
            None => Ok(Apart { variables: vec![(NO_AGENT_VIEW, "1".into())], ..Apart::default() }),
        },
        AgentCli::Codex => match needed_by_codex(&words) {
            Some(word) => refused(word),
            None if command(&words).is_some() || words.contains(&NO_DAEMON) => Ok(Apart::default()),
            None if knows(program, NO_DAEMON, surroundings) => {
                Ok(Apart { args: vec![NO_DAEMON.into()], ..Apart::default() })
            }
            // An older one keeps to itself, as the options of the registration make its configuration another one.
            None => Ok(Apart::default()),
        },
    }
}

/// The server that an earlier launch has left behind, with that launch's environment.
pub(crate) fn left_behind(cli: AgentCli, surroundings: &Surroundings) -> Option<(SharedServer, RunningServer)> {
    let (kind, server) = running(cli, surroundings)?;
    server.agent.is_some().then_some((kind, server))
}

/// What a person must know of a server that was left behind.
pub(crate) fn warning(kind: SharedServer, server: &RunningServer) -> String {
    format!(
        "{} (process {}) still runs with the environment of {}, and gives its name, API and secrets to every session \
         that is started without the launcher",
        kind.title(),
        server.pid,
        server.agent.as_deref().unwrap_or_default()
    )
}

/// That this process's own environment, where it names an agent, is of a launch that this process belongs to, in a
/// repository where that launch works.
pub(crate) fn own_environment(surroundings: &Surroundings) -> Result<Option<Agent>, ForeignLaunch> {
    let Some(agent) = surroundings.var(variables::AGENT).and_then(|agent| agent.parse().ok()) else { return Ok(None) };
    let launch = surroundings.var(variables::LAUNCH);
    let lineage = lineage_of(&surroundings.dirs, &this_host(), &agent, launch.as_deref())?;
    let launched = surroundings.var(variables::REPO).and_then(|repo| repo.parse::<RepoName>().ok());
    if let (Some(launched), Ok(checkout)) = (launched, Checkout::at(&surroundings.cwd)) {
        let here = ventures::spelled_by([&launched], &checkout.repo);
        let repos = surroundings.var(variables::REPOS).unwrap_or_default();
        let venture = surroundings.var(variables::VENTURE).and_then(|code| code.parse().ok());
        let named = surroundings.path_var(variables::VENTURES);
        // As the server decides. A file that can't be read names no repository.
        let file = || ventures::find(named.as_deref(), &surroundings.dirs, Some(&checkout.root));
        let owned = ventures::launch_owns(&repos, venture.as_ref(), file, &here).unwrap_or_default();
        lineage.allows(&agent, &launched, &here, owned)?;
    }
    Ok(Some(agent))
}

/// The file of ventures that the environment names. One that another launch left here is that launch's: this one looks
/// for its own.
pub(crate) fn named_ventures(surroundings: &Surroundings) -> Option<PathBuf> {
    surroundings.path_var(variables::VENTURES).filter(|_| own_environment(surroundings).is_ok())
}

/// How to get rid of an environment that another launch left in this shell. `None` when the shell is part of a
/// background server, which would give it to the next one again.
pub(crate) fn unset(foreign: &ForeignLaunch, surroundings: &Surroundings) -> Option<String> {
    if matches!(foreign.why, Foreign::SharedServer(..)) {
        return None;
    }
    let secrets = grant::inherited(surroundings.var(variables::SECRETS).as_deref());
    let ours = environment::OF_AGENT.into_iter().chain([variables::BRANCH_PREFIX]);
    let of_api = secrets.iter().any(|name| name == variables::API_KEY).then_some(variables::API_URL);
    let names = ours.chain(of_api).chain(secrets.iter().map(String::as_str));
    let names: Vec<&str> = names.filter(|name| surroundings.var(name).is_some()).collect();
    let names = names.join(" ");
    if surroundings.var("TMUX").is_none() {
        return Some(format!("unset {names}"));
    }
    Some(format!("unset {names}; for name in {names}; do tmux set-environment -gu $name; done"))
}

/// The background server of a tool that runs for this user's settings.
pub(crate) fn running(cli: AgentCli, surroundings: &Surroundings) -> Option<(SharedServer, RunningServer)> {
    let kind = match cli {
        AgentCli::Codex => SharedServer::Codex,
        AgentCli::Claude => SharedServer::Claude,
        AgentCli::Gemini => return None,
    };
    Some((kind, kind.running(|name| surroundings.var(name).map(OsString::from))?))
}

fn needed_by_claude<'a>(words: &[&'a str]) -> Option<&'a str> {
    let command = words.first().filter(|first| CLAUDE_COMMANDS.contains(first));
    // A server of tmux that a launch starts keeps its environment for all later sessions, too.
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

/// Where Codex's subcommand stands, if it is one that does not converse in this terminal.
fn command(words: &[&str]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if !word.starts_with('-') {
            return CODEX_COMMANDS.contains(word).then_some(at);
        }
        at += if CODEX_VALUES.contains(word) || *word == "--ask-for-approval" { 2 } else { 1 };
    }
    None
}

/// Whether the tool's help names an option. One that does not answer in time does not.
fn knows(program: &Path, option: &str, surroundings: &Surroundings) -> bool {
    let ask = async {
        let mut help = Command::new(program);
        help.arg("--help").current_dir(&surroundings.cwd).stdin(Stdio::null()).stderr(Stdio::null());
        help.kill_on_drop(true);
        for name in environment::WITHHELD {
            help.env_remove(name);
        }
        tokio::time::timeout(PATIENCE, help.output()).await.ok()?.ok()
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
    fn what_needs_a_background_server_is_told_from_what_does_not() {
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
    fn only_conversations_in_this_terminal_are_kept_apart() {
        for (line, other) in [("exec hi", true), ("--search e hi", true), ("resume --last", false), ("say hi", false)] {
            assert_eq!(command(&words(line)).is_some(), other, "{line}");
        }
    }
}
