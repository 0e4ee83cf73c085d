//! The command line as it was typed: parsed, not yet decided.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Parser, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use deckwatch_client::variables::VENTURES;
use deckwatch_protocol::{Invalid, IssueNumber, Track, VentureCode};

use crate::agent_cli::AgentCli;
use crate::branches::WorktreeName;
use crate::exit_code::ExitCode;
use crate::secrets::verb::SecretsCommand;
use crate::{completions, docs_cache, doctor, init, man, slash_commands, ventures_sync};

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

const WORKTREE: &str = "\
Work in a git worktree of the agent's own, or in the one called NAME. It stands in <repository>-worktrees beside the \
repository, on a branch dev/<agent>/..., is made when it is not there, and is never removed: `git worktree remove` does";

/// Starts a coding agent on a venture, with its context.
#[derive(Debug, Parser)]
#[command(name = "launcher", version, after_help = EXAMPLES, after_long_help = long_help())]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[command(group = ArgGroup::new("agent").args(["claude", "gemini", "codex"]))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Cli {
    /// Code of the venture, or `.` for the repository you stand in
    #[arg(value_name = "VENTURE", add = ArgValueCandidates::new(completions::ventures))]
    pub(crate) target: Option<Target>,

    /// List the ventures: where they are, how they stand, who works on them
    #[arg(long, conflicts_with_all = ["target", "agent", "dry_run", "track", "issue", "repo", "worktree", "no_alt_screen", "heal", "no_heal", "agent_args"])]
    pub(crate) list: bool,

    /// With --list: print JSON
    #[arg(long, requires = "list")]
    pub(crate) json: bool,

    /// Start Claude Code
    #[arg(long)]
    claude: bool,

    /// Start Gemini CLI
    #[arg(long)]
    gemini: bool,

    /// Start Codex CLI
    #[arg(long)]
    codex: bool,

    /// Print the plan and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Start without secrets
    #[arg(long, conflicts_with = "require_secrets")]
    pub(crate) no_secrets: bool,

    /// Start only with all secrets; without this, a start that lacks some says so and goes on
    #[arg(long)]
    pub(crate) require_secrets: bool,

    /// Line of work within the repository; 0 is one too
    #[arg(long, value_name = "N")]
    pub(crate) track: Option<Track>,

    /// GitHub issue that the agent works on
    #[arg(long, value_name = "N")]
    pub(crate) issue: Option<IssueNumber>,

    /// Read the ventures from FILE
    #[arg(long, value_name = "FILE", long_help = ventures_help())]
    pub(crate) ventures: Option<PathBuf>,

    /// Work in the repository at PATH instead of looking for one
    #[arg(long, value_name = "PATH")]
    pub(crate) repo: Option<PathBuf>,

    /// Codex and Gemini: keep off the alternate screen, which phones' terminals can't scroll
    #[arg(long)]
    pub(crate) no_alt_screen: bool,

    /// Build and install a deckwatch-mcp that is missing or of another build, also without a terminal
    #[arg(long, conflicts_with = "no_heal")]
    pub(crate) heal: bool,

    /// Leave deckwatch-mcp as it is
    #[arg(long)]
    pub(crate) no_heal: bool,

    /// Work in a git worktree of the agent's own, or in the one called NAME
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "",
          long_help = WORKTREE)]
    pub(crate) worktree: Option<WorktreeName>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Arguments for the agent's own command line
    #[arg(last = true, value_name = "AGENT ARGUMENTS")]
    pub(crate) agent_args: Vec<OsString>,
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

/// What to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The repository that the current directory is in.
    Here,
    /// A venture by its code.
    Venture(VentureCode),
}

impl FromStr for Target {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "." { Ok(Self::Here) } else { text.parse().map(Self::Venture) }
    }
}

impl Cli {
    /// The agent that a flag names.
    pub(crate) fn agent_cli(&self) -> Option<AgentCli> {
        let flags = [(self.claude, AgentCli::Claude), (self.gemini, AgentCli::Gemini), (self.codex, AgentCli::Codex)];
        flags.into_iter().find_map(|(given, cli)| given.then_some(cli))
    }
}

fn long_help() -> String {
    format!("{EXAMPLES}\n\n{SETTINGS}\n\n{}", ExitCode::help())
}

fn ventures_help() -> String {
    format!(
        "Read the ventures from FILE. Without it the first of these is used: the file that {VENTURES} names, \
         ventures.json beside config.toml in ~/.config/deckwatch, config/ventures.json of the repository you stand \
         in, the Context API"
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_two_dashes_is_the_agents() {
        let cli = Cli::parse_from(["launcher", "alpha", "--codex", "--track", "0", "--", "--list", "-p", "hi"]);
        assert_eq!(cli.agent_args, ["--list", "-p", "hi"]);
        assert_eq!(cli.agent_cli(), Some(AgentCli::Codex));
        assert_eq!(cli.track.map(Track::get), Some(0));
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
