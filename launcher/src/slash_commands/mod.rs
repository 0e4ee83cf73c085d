//! Installs the slash commands of `commands/` for each agent CLI.
//!
//! [`form`] creates the files of an agent CLI from each command. [`owner`]
//! distinguishes files of Deckwatch from files of the user, which are never changed. `launcher commands sync` writes all
//! commands. A launch of Claude Code writes only `/sod` and `/eod`.

mod form;
mod owner;
mod report;

use clap::{ArgGroup, Args, Subcommand};
use deckwatch_commands::{NAMES, SlashCommand, all};

use self::form::forms;
use self::owner::Owner;
use self::report::{FileOutcome, Report, Row};
use crate::agent_cli::AgentCli;
use crate::error::LaunchError;
use crate::output;
use crate::process_env::ProcessEnv;
use crate::settings_file::{Backup, Change, SettingsFile};

/// The commands that a launch of Claude Code installs.
const LAUNCH_COMMANDS: [&str; 2] = ["sod", "eod"];

/// What `--help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  launcher commands sync            install all commands for every agent CLI that is installed
  launcher commands sync sod eod    install only these
  launcher commands sync --codex --dry-run

In Claude Code and Gemini CLI the commands are /sod, /eod and so on; in Codex CLI they are skills: $sod, $eod. The last \
line of each file says that Deckwatch wrote it. A file without that line, or one that was changed since, belongs to you: \
the command names it and does not change it, nor the files beside it that define the same command. `status` replaces \
Claude Code's own /status; to keep that, name the other commands.";

/// The subcommands of `launcher commands`.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Install or update the slash commands of the agent CLIs
    #[command(after_help = EXAMPLES)]
    Sync(Sync),
}

/// The options of `launcher commands sync`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("for").args(["claude", "gemini", "codex"]).multiple(true))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Sync {
    /// The commands to install; default: all of them
    #[arg(value_name = "COMMAND", value_parser = NAMES)]
    names: Vec<String>,

    /// For Claude Code
    #[arg(long)]
    claude: bool,

    /// For Gemini CLI
    #[arg(long)]
    gemini: bool,

    /// For Codex CLI
    #[arg(long)]
    codex: bool,

    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Installs missing files, updates files of Deckwatch, and reports skipped files. Reads everything before it writes.
pub(crate) fn run(action: &Action, env: &ProcessEnv) -> Result<(), LaunchError> {
    let Action::Sync(sync) = action;
    let mut files = Vec::new();
    for cli in sync.agents(env)? {
        for command in
            all().filter(|command| sync.names.is_empty() || sync.names.iter().any(|name| name == command.name))
        {
            files.extend(planned(cli, &command, env)?);
        }
    }
    for change in files.iter().filter_map(|file| file.change.as_ref()).filter(|_| !sync.dry_run) {
        change.apply().map_err(LaunchError::into_write_error)?;
    }
    let files = files.into_iter().map(|file| file.row).collect();
    let report = Report { dry_run: sync.dry_run, files };
    output::print(|out| if sync.json { report.write_json(out) } else { report.write_text(out, env) })
}

/// The files to write for `/sod` and `/eod` in Claude Code, in the version of this build.
pub(crate) fn changes_at_launch(env: &ProcessEnv) -> Result<Vec<Change>, LaunchError> {
    let mut changes = Vec::new();
    for command in all().filter(|command| LAUNCH_COMMANDS.contains(&command.name)) {
        changes.extend(planned(AgentCli::Claude, &command, env)?.into_iter().filter_map(|file| file.change));
    }
    Ok(changes)
}

impl Sync {
    /// The agent CLIs that flags name, otherwise the installed ones.
    fn agents(&self, env: &ProcessEnv) -> Result<Vec<AgentCli>, LaunchError> {
        let flags = [(self.claude, AgentCli::Claude), (self.gemini, AgentCli::Gemini), (self.codex, AgentCli::Codex)];
        let named: Vec<AgentCli> = flags.into_iter().filter_map(|(given, cli)| given.then_some(cli)).collect();
        if !named.is_empty() {
            return Ok(named);
        }
        let is_installed = |cli: &AgentCli| env.agent_program(*cli).is_some();
        let installed: Vec<AgentCli> = AgentCli::ALL.into_iter().filter(is_installed).collect();
        if installed.is_empty() { Err(LaunchError::NoAgent) } else { Ok(installed) }
    }
}

/// One file of a command, and the decision about it.
struct Planned {
    row: Row,
    change: Option<Change>,
}

/// Plans the files of a command for an agent CLI. If one of them belongs to the user, none is written.
fn planned(cli: AgentCli, command: &SlashCommand, env: &ProcessEnv) -> Result<Vec<Planned>, LaunchError> {
    let mut files = Vec::new();
    for form in forms(cli, command, env) {
        let file = SettingsFile::read(form.path.clone()).map_err(LaunchError::into_write_error)?;
        files.push((Owner::of(file.text()), file, form));
    }
    let is_users = files.iter().any(|(owner, ..)| matches!(owner, Owner::User | Owner::ChangedByUser));
    let decided = files.into_iter().map(|(owner, file, form)| {
        let write = || file.into_change(&owner::marked(&form.text, form.comment), Backup::Never);
        let (outcome, change) = match owner {
            Owner::User => (FileOutcome::Yours, None),
            Owner::ChangedByUser => (FileOutcome::ChangedByYou, None),
            Owner::Nobody | Owner::Deckwatch if is_users => (FileOutcome::BesideYours, None),
            Owner::Nobody => (FileOutcome::Written, write()),
            Owner::Deckwatch => match write() {
                None => (FileOutcome::Unchanged, None),
                change => (FileOutcome::Updated, change),
            },
        };
        let row = Row { agent: cli, command: command.name, path: form.path, outcome };
        Planned { row, change }
    });
    Ok(decided.collect())
}
