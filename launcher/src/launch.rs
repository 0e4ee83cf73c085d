//! The options of a launch.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use clap_complete::engine::ArgValueCandidates;
use deckwatch_fleet::runs::OutputFormat;
use deckwatch_machine::variables::VENTURES;
use deckwatch_protocol::{Agent, IssueNumber, Role, Track};

use crate::agent_cli::AgentCli;
use crate::branches::WorktreeName;
use crate::completions;
use crate::placement::Placement;
use crate::target::Target;

const WORKTREE: &str = "\
Work in a git worktree of the agent's own, or in the one called NAME. The worktree is in the folder \
<repository>-worktrees beside the repository, on a branch dev/<agent>/... It is created if it does not exist, and never \
removed; remove it with `git worktree remove`";

/// The flags of a launch.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("agent").args(["claude", "gemini", "codex"]))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Launch {
    /// Start the agent on this machine of the fleet, in a tmux session, or show the session; `auto` takes the machine with
    /// the most room
    #[arg(long, value_name = "MACHINE", conflicts_with_all = ["dry_run", "repo", "ventures"])]
    pub(crate) on: Option<Placement>,

    /// With --on: the number of the session, for several agents on one venture
    #[arg(long, value_name = "N", requires = "on")]
    pub(crate) session: Option<u32>,

    /// Code of the venture, or `.` for the repository you are in
    #[arg(value_name = "VENTURE", add = ArgValueCandidates::new(completions::ventures))]
    pub(crate) target: Option<Target>,

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

    /// Keep the records of this launch on this machine, whatever API is configured
    #[arg(long)]
    pub(crate) local: bool,

    /// Start without secrets
    #[arg(long, conflicts_with = "require_secrets")]
    pub(crate) no_secrets: bool,

    /// Start only if all secrets can be fetched; otherwise a launch warns about missing secrets and continues
    #[arg(long)]
    pub(crate) require_secrets: bool,

    /// Track (line of work) within the repository; 0 is a track
    #[arg(long, value_name = "N")]
    pub(crate) track: Option<Track>,

    /// GitHub issue that the agent works on
    #[arg(long, value_name = "N")]
    pub(crate) issue: Option<IssueNumber>,

    /// Go on as this agent, whose name another machine may have: its messages and its session move to this machine
    #[arg(long = "as", value_name = "NAME", conflicts_with = "on")]
    pub(crate) as_agent: Option<Agent>,

    /// The groups of the agent, with its role in each: frontend:lead,reviewers
    #[arg(long, value_name = "GROUPS", conflicts_with = "on")]
    pub(crate) groups: Option<String>,

    /// The role of the agent in groups without a role; the default is member
    #[arg(long, value_name = "ROLE", requires = "groups")]
    pub(crate) role: Option<Role>,

    /// Read the ventures from FILE
    #[arg(long, value_name = "FILE", long_help = ventures_help())]
    pub(crate) ventures: Option<PathBuf>,

    /// Work in the repository at PATH instead of searching for it
    #[arg(long, value_name = "PATH")]
    pub(crate) repo: Option<PathBuf>,

    /// Codex and Gemini: do not use the alternate screen, which terminals on phones can't scroll
    #[arg(long)]
    pub(crate) no_alt_screen: bool,

    /// Build and install deckwatch-mcp if it is missing or from another build, also without a terminal
    #[arg(long, conflicts_with = "no_heal")]
    pub(crate) heal: bool,

    /// Do not build or install deckwatch-mcp
    #[arg(long)]
    pub(crate) no_heal: bool,

    /// Let the agent CLI run the hooks of Deckwatch, also if config.toml turns them off or you refused them for Codex before
    #[arg(long, conflicts_with = "no_hooks")]
    pub(crate) hooks: bool,

    /// Do not let the agent CLI run the hooks of Deckwatch, which show the agent its day and its messages
    #[arg(long)]
    pub(crate) no_hooks: bool,

    /// Work in a git worktree of the agent's own, or in the one called NAME
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "",
          long_help = WORKTREE)]
    pub(crate) worktree: Option<WorktreeName>,

    /// Work in a sandbox in which other repositories, SSH keys and other agents do not exist; needs bubblewrap
    #[arg(long, conflicts_with = "worktree")]
    pub(crate) sandbox: bool,

    /// What only another machine of the fleet can ask for
    #[arg(skip)]
    pub(crate) remote: RemoteOptions,

    /// Arguments for the agent CLI
    #[arg(last = true, value_name = "AGENT ARGUMENTS")]
    pub(crate) agent_args: Vec<OsString>,
}

/// What only another machine of the fleet can ask for.
#[derive(Debug, Default)]
pub(crate) struct RemoteOptions {
    /// The output of a headless agent. `None` for an interactive one.
    pub(crate) output: Option<OutputFormat>,
    /// The model.
    pub(crate) model: Option<String>,
    /// The folder in which the agent starts; it is made if it is missing.
    pub(crate) folder: Option<PathBuf>,
}

impl Launch {
    /// The flags that a launch on another machine gets too. They contain no text of a person.
    pub(crate) fn flags(&self) -> Vec<String> {
        let flags = [
            ("--local", self.local),
            ("--no-secrets", self.no_secrets),
            ("--require-secrets", self.require_secrets),
            ("--no-alt-screen", self.no_alt_screen),
            ("--heal", self.heal),
            ("--no-heal", self.no_heal),
            ("--hooks", self.hooks),
            ("--no-hooks", self.no_hooks),
        ];
        flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag.to_owned()).collect()
    }

    /// The agent CLI that a flag selects.
    pub(crate) fn agent_cli(&self) -> Option<AgentCli> {
        let flags = [(self.claude, AgentCli::Claude), (self.gemini, AgentCli::Gemini), (self.codex, AgentCli::Codex)];
        flags.into_iter().find_map(|(given, cli)| given.then_some(cli))
    }
}

fn ventures_help() -> String {
    format!(
        "Read the ventures from FILE. Without this option, the launcher uses the first of: the file that {VENTURES} \
         names, ~/.config/deckwatch/ventures.json, config/ventures.json of the repository you are in, the Context API"
    )
}
