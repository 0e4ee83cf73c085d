//! The command line as it was typed: parsed, not yet decided.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::exit_code::ExitCode;
use crate::launch::Launch;
use crate::secrets::verb::SecretsCommand;
use crate::{completions, docs_cache, doctor, init, man, records, slash_commands, ventures_sync};

const EXAMPLES: &str = "\
Examples:
  launcher                      choose a venture from a menu
  launcher alpha                start your default agent on alpha
  launcher alpha --codex        start Codex on alpha
  launcher alpha --issue 87 -- --resume
                                pass --resume on to the agent
  launcher alpha --worktree     in a git worktree of the agent's own
  launcher .                    work on the repository you stand in
  launcher alpha --dry-run      show what would happen, change nothing
  launcher --list --json        the ventures, for scripts
  launcher secrets check alpha  which secrets alpha has and lacks, by name
  launcher init                 write a first configuration by asking
  launcher doctor               check everything that a launch needs
  launcher mcp doctor           does every agent's tool reach Deckwatch?
  launcher demo                 a day as two agents have it, on this repository";

const DEMO_EXAMPLES: &str = "\
Examples:
  launcher demo                 the records are gone when it ends
  launcher demo --data ./day    they stay, in a database to look into";

const SETTINGS: &str = "\
Settings, all optional, in ~/.config/deckwatch/config.toml:
  dev_root = \"~/dev\"                   where repositories are looked for
  default_agent = \"claude\"             claude, gemini or codex
  [api]                                a team's API; without it, this machine's own database
  url = \"https://context.example.com\"
  key_env = \"CONTEXT_API_KEY\"          the variable that holds the key; or instead of it
  key_keyring = true                   `launcher secrets login --api-key` keeps it there
  key_command = [\"pass\", \"show\", \"x\"]  a command that prints it
  key_infisical = \"/deckwatch/NAME\"    a secret of the project below
  [infisical]                          secrets for agents, a folder a venture
  domain = \"https://eu.infisical.com\"  without it: https://app.infisical.com
  project_id = \"...\"
  environment = \"dev\"
  credential_command = [\"op\", \"...\"]   prints client id and client secret, two lines
  [infisical.ventures.alpha]           what differs: project_id, environment, path
CONTEXT_API_URL and CONTEXT_API_KEY in the environment come before [api], INFISICAL_DOMAIN,
INFISICAL_PROJECT_ID and INFISICAL_ENVIRONMENT before [infisical]. docs/secrets.md says more.";

/// Starts a coding agent on a venture, with its context.
#[derive(Debug, Parser)]
#[command(name = "launcher", version, after_help = EXAMPLES, after_long_help = long_help())]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) launch: Launch,

    /// List the ventures: where they are, how they stand, who works on them
    #[arg(long, conflicts_with_all = ["target", "agent", "dry_run", "track", "issue", "repo", "worktree", "no_alt_screen", "heal", "no_heal", "agent_args"])]
    pub(crate) list: bool,

    /// With --list: print JSON
    #[arg(long, requires = "list")]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What else the launcher can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play a day as two agents have it, on the repository you stand in; needs no agent's tool
    #[command(after_help = DEMO_EXAMPLES)]
    Demo {
        /// Keep the demo's records below this folder
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

    /// Keep the credential for Infisical, or check a venture's secrets
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Tell the Context API which ventures there are
    #[command(subcommand, after_help = ventures_sync::EXAMPLES)]
    Ventures(ventures_sync::Verb),

    /// Give the agents' tools their slash commands: sod, eod, handoff and others
    #[command(subcommand, after_help = slash_commands::EXAMPLES)]
    Commands(slash_commands::Verb),

    /// Keep copies of documents for work without the API
    #[command(subcommand, after_help = docs_cache::EXAMPLES)]
    Docs(docs_cache::Verb),

    /// Check everything that a launch needs, with the fix for what is not right
    Doctor(doctor::Doctor),

    /// Write a first configuration by asking
    Init(init::Init),

    /// Print the completions of a shell
    #[command(after_help = completions::EXAMPLES)]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: completions::Shell,
    },

    /// Write the manual pages into a folder
    #[command(after_help = man::EXAMPLES)]
    Man {
        /// The folder; made when it is missing
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },

    /// What concerns the MCP server's registrations
    #[command(subcommand)]
    Mcp(McpCommand),
}

/// What can be done about the registrations.
#[derive(Debug, Subcommand)]
pub(crate) enum McpCommand {
    /// Prove that each agent's tool will reach deckwatch-mcp, by connecting as the tool does
    Doctor {
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
    fn what_follows_two_dashes_is_the_agents() {
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
