//! The command line: how it is parsed. The plan decides what it means.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::docs_command::DocsCommand;
use crate::exit_code::ExitCode;
use crate::github::GitHubCommand;
use crate::launch::Launch;
use crate::secrets_command::SecretsCommand;
use crate::self_update::SelfCommand;
use crate::{
    completions, doctor, fleet, github, init, man, messages, notices, records, runs, slash_commands, top, ventures_sync,
};

const EXAMPLES: &str = "\
Examples:
  launcher                        choose a venture from a menu
  launcher alpha                  start your default agent on alpha
  launcher alpha --codex          start Codex on alpha
  launcher alpha --issue 87 -- --resume
                                  pass --resume to the agent
  launcher alpha --worktree       let the agent work in a git worktree of its own
  launcher .                      work on the repository you are in
  launcher . --local              the same, with the records on this machine only
  launcher alpha --dry-run        show what a launch would do, and change nothing
  launcher --list --json          list the ventures, for scripts
  launcher log                    show the latest sessions and handoffs
  launcher handoff                show the latest handoff of this repository
  launcher notes pricing          search the team's notes
  launcher send mac1-claude-1 \"...\"
                                  write to an agent
  launcher inbox                  read what agents wrote to you
  launcher watch                  show what happens, as it happens
  launcher secrets check alpha    list the secrets that alpha has and lacks, by name
  launcher init                   write a first configuration by asking questions
  launcher doctor                 check everything that a launch needs
  launcher mcp doctor             check that each agent CLI reaches Deckwatch
  launcher self update            install the newest release of Deckwatch
  launcher fleet list             list the machines of the team
  launcher alpha --on mac1        start or show an agent on another machine, in its tmux session
  launcher run alpha --on auto -p \"...\"
                                  run a headless agent on the machine with the most room
  launcher demo                   show a day with two agents on this repository";

const DEMO_EXAMPLES: &str = "\
Examples:
  launcher demo                 the demo deletes its records when it ends
  launcher demo --data ./day    the records stay in a database in this folder";

const SETTINGS: &str = "\
Settings:
All settings in ~/.config/deckwatch/config.toml are optional.
  dev_root = \"~/dev\"                     the folder with your repositories
  default_agent = \"claude\"               claude, gemini or codex
  hooks = false                          never register the hooks of Deckwatch with the agent CLIs
  [api]                                  a team's API; without it, the database of this machine is used
  url = \"https://context.example.com\"
  key_env = \"CONTEXT_API_KEY\"            the variable that holds the key; or, instead of it:
  key_keyring = true                     the keyring; `launcher secrets login --api-key` stores the key
  key_command = [\"pass\", \"show\", \"x\"]    a command that prints the key
  key_infisical = \"/deckwatch/NAME\"      a secret of the project below
  token_required = true                  never give an agent the key, also while the API is down
  [fleet]
  max_agents = 8                         how many agents may run at once on this machine
  max_agents_per_venture = 4             the same, for each venture
  [notices]                              where a person is told of changes: `launcher notices --help`
  [infisical]                            secrets for agents, one folder for each venture
  domain = \"https://eu.infisical.com\"    default: https://app.infisical.com
  project_id = \"...\"
  environment = \"dev\"
  credential_command = [\"op\", \"...\"]     a command that prints client id and client secret, two lines
  [infisical.ventures.alpha]             what differs for alpha: project_id, environment, path
  [fleet.health]                         when `launcher fleet health` warns; docs/fleet.md has all limits
  disk_free_percent = { warn = 15, bad = 5 }

CONTEXT_API_URL and CONTEXT_API_KEY in the environment override [api]. INFISICAL_DOMAIN, INFISICAL_PROJECT_ID and \
INFISICAL_ENVIRONMENT override [infisical]. docs/secrets.md has the details.";

/// Starts a coding agent on a venture, with its context.
#[derive(Debug, Parser)]
#[command(name = "launcher", version, after_help = EXAMPLES, after_long_help = long_help())]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) launch: Launch,

    /// List the ventures: folder, branch, uncommitted changes, last session, active agents
    #[arg(long, conflicts_with_all = ["target", "agent", "dry_run", "on", "track", "issue", "repo", "worktree", "sandbox", "no_alt_screen", "heal", "no_heal", "hooks", "no_hooks", "agent_args"])]
    pub(crate) list: bool,

    /// Print the list as JSON
    #[arg(long, requires = "list")]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What else the launcher can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show a day with two agents on the repository you are in; needs no agent CLI
    #[command(after_help = DEMO_EXAMPLES)]
    Demo {
        /// Keep the records of the demo in this folder
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },

    /// Show the records of a venture: sessions and handoffs, newest first
    #[command(after_help = records::LOG_EXAMPLES)]
    Log(records::Log),

    /// Show one handoff in full, or the latest of the repository you are in
    #[command(after_help = records::HANDOFF_EXAMPLES)]
    Handoff(records::Handoff),

    /// Show the team's notes, search them, or show one in full
    #[command(after_help = records::NOTES_EXAMPLES)]
    Notes(records::Notes),

    /// Show what the agents of a venture have claimed, or guard it with git hooks
    #[command(after_help = records::CLAIMS_EXAMPLES)]
    Claims(records::Claims),

    /// Send a message to agents, or answer one
    #[command(after_help = messages::SEND_EXAMPLES)]
    Send(messages::Send),

    /// Show the messages to people, or read one
    #[command(after_help = messages::INBOX_EXAMPLES)]
    Inbox(messages::Inbox),

    /// Show what happens, as it happens
    #[command(after_help = messages::WATCH_EXAMPLES)]
    Watch(messages::Watch),

    /// Show the agents on a full screen, those that need you first; reply and attach by keys
    #[command(after_help = top::EXAMPLES)]
    Top(top::Top),

    /// Tell a person of agents that wait or are blocked, of work that is done, and of pull requests
    #[command(after_help = notices::EXAMPLES)]
    Notices(notices::Notices),

    /// Store the credential for Infisical, or check the secrets of a venture
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Register the ventures in the Context API
    #[command(subcommand, after_help = ventures_sync::EXAMPLES)]
    Ventures(ventures_sync::Action),

    /// Install the slash commands (sod, eod, handoff and others) for the agent CLIs
    #[command(subcommand, after_help = slash_commands::EXAMPLES)]
    Commands(slash_commands::Action),

    /// Copy documents to this machine, or store files of a repository as documents
    #[command(subcommand)]
    Docs(DocsCommand),

    /// Connect the team with GitHub: register an App, check it, create labels
    #[command(subcommand, after_help = github::EXAMPLES)]
    Github(GitHubCommand),

    /// Reach the machines of the team over SSH
    #[command(subcommand, after_help = fleet::EXAMPLES)]
    Fleet(fleet::FleetCommand),

    /// Run a headless agent on a machine of the team
    #[command(after_help = runs::RUN_EXAMPLES)]
    Run(Box<runs::Run>),

    /// Show what an agent on another machine wrote, and follow it
    #[command(after_help = runs::ATTACH_EXAMPLES)]
    Attach(runs::Attach),

    /// Show the agents that were started on the machines of the team
    Ps(runs::Ps),

    /// End an agent on a machine of the team
    Stop(runs::Stop),

    /// Check everything that a launch needs, and say how to fix each problem
    Doctor(doctor::Doctor),

    /// Write a first configuration by asking questions
    Init(init::Init),

    /// Print the completions for a shell
    #[command(after_help = completions::EXAMPLES)]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: completions::Shell,
    },

    /// Write the manual pages to a folder
    #[command(after_help = man::EXAMPLES)]
    Man {
        /// The folder; it is created if it does not exist
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },

    /// Check the registration of the MCP server
    #[command(subcommand)]
    Mcp(McpCommand),

    /// Update the installed programs
    #[command(subcommand, name = "self")]
    SelfCommand(SelfCommand),
}

/// What can be done about the registrations.
#[derive(Debug, Subcommand)]
pub(crate) enum McpCommand {
    /// Connect to deckwatch-mcp as each agent CLI does, prove the hooks by a turn of each, and report whether that works
    Doctor {
        /// Do not run turns, which start the agent CLIs against a model on this machine
        #[arg(long)]
        no_turns: bool,

        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

fn long_help() -> String {
    format!("{EXAMPLES}\n\n{SETTINGS}\n\n{}", ExitCode::help())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use deckwatch_protocol::Track;

    use super::*;
    use crate::agent_cli::AgentCli;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_after_two_dashes_are_for_the_agent() {
        let cli = Cli::parse_from(["launcher", "alpha", "--codex", "--track", "0", "--", "--list", "-p", "hi"]);
        assert_eq!(cli.launch.agent_args, ["--list", "-p", "hi"]);
        assert_eq!(cli.launch.agent_cli(), Some(AgentCli::Codex));
        assert_eq!(cli.launch.track.map(Track::get), Some(0));
        assert!(!cli.list);
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            &["launcher", "alpha", "--claude", "--codex"][..],
            &["launcher", "Alpha!"],
            &["launcher", "--json"],
            &["launcher", "alpha", "--list"],
            &["launcher", "alpha", "--issue", "0"],
            &["launcher", "alpha", "beta"],
        ] {
            assert!(Cli::try_parse_from(line).is_err(), "{line:?}");
        }
    }
}
