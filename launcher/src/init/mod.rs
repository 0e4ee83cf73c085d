//! `launcher init`: writes a first configuration from answers to questions, or from flags alone in scripts.
//!
//! It shows the content before it writes. It replaces a file only if the user agrees. It handles no secret: for the key
//! of the API, it writes the name of the variable.

mod answers;
mod files;

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use deckwatch_machine::dirs::Dirs;
use inquire::Confirm;

use self::answers::Answers;
use self::files::File;
use crate::agent_cli::AgentCli;
use crate::config::Config;
use crate::error::LaunchError;
use crate::menu::unanswered;
use crate::process_env::ProcessEnv;

const EXAMPLES: &str = "\
Examples:
  launcher init                    ask questions, show both files, write them
  launcher init --yes              use the defaults and every repository below ~/dev
  launcher init --yes --dev-root ~/code --agent codex
  launcher init --yes --api-url https://context.example.com --key-env CONTEXT_API_KEY
  launcher init --dry-run --yes    show what would be written

The command writes config.toml and ventures.json to ~/.config/deckwatch. A file that exists is only changed if you agree \
or give --overwrite. Then the settings are set, ventures that the file lacks are added, and all else in both files stays. \
The first version of each file is kept beside it, as *.deckwatch-backup.";

/// The options of `launcher init`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Init {
    /// Ask no questions; use flags and defaults
    #[arg(long, short)]
    yes: bool,

    /// The folder with your repositories
    #[arg(long, value_name = "PATH")]
    dev_root: Option<PathBuf>,

    /// The agent that is started by default
    #[arg(long, value_enum)]
    agent: Option<AgentCli>,

    /// The address of a team's API; without it, the database of this machine is used
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,

    /// The variable of the environment that holds the key of the API
    #[arg(long, value_name = "NAME", requires = "api_url")]
    key_env: Option<String>,

    /// Do not write ventures.json
    #[arg(long)]
    no_ventures: bool,

    /// Change files that exist
    #[arg(long)]
    overwrite: bool,

    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Asks the questions, shows the files and writes them.
pub(crate) fn run(init: &Init, env: &ProcessEnv) -> Result<(), LaunchError> {
    if !init.yes && !env.interactive {
        return Err(LaunchError::NoTerminal);
    }
    // `init` can also replace an invalid file. Its values are then not used as defaults.
    let before = Config::load(&env.dirs).unwrap_or_else(|_| Config::without_settings(&env.dirs));
    let answers = Answers::gather(init, &before, env)?;
    let files = files::planned(&answers, env)?;
    for file in &files {
        say(&file.describe(init.overwrite, env));
    }
    if answers.ventures.is_none() && !init.no_ventures {
        let root = env.shown(&answers.dev_root);
        say(&format!("No ventures: no repository with a remote is below {root}. Clone one, and run this again."));
    }
    if init.dry_run {
        return Ok(());
    }
    let mut written = 0;
    for file in &files {
        if confirmed(init, file, env)? {
            Dirs::create(&env.dirs.config)
                .map_err(|error| LaunchError::NotWritten { path: file.path.clone(), message: error.to_string() })?;
            file.write()?;
            written += 1;
        }
    }
    let wrote = if written == 0 { "Nothing was written." } else { "Written." };
    say(&format!("{wrote} Next: `launcher doctor` checks the rest, `launcher` starts an agent."));
    Ok(())
}

/// Writes a first `config.toml` that names the API. The path is returned; `None` if there is such a file already.
pub(crate) fn name_api(url: &str, before: &Config, env: &ProcessEnv) -> Result<Option<PathBuf>, LaunchError> {
    let init = Init {
        yes: true,
        dev_root: None,
        agent: None,
        api_url: Some(url.to_owned()),
        key_env: None,
        no_ventures: true,
        overwrite: false,
        dry_run: false,
    };
    let files = files::planned(&Answers::gather(&init, before, env)?, env)?;
    let Some(file) = files.first().filter(|file| file.is_new()) else { return Ok(None) };
    Dirs::create(&env.dirs.config)
        .map_err(|error| LaunchError::NotWritten { path: file.path.clone(), message: error.to_string() })?;
    file.write()?;
    Ok(Some(file.path.clone()))
}

/// Whether this file may be written. A new file needs one confirmation; changing an existing file needs its own.
fn confirmed(init: &Init, file: &File, env: &ProcessEnv) -> Result<bool, LaunchError> {
    if !file.differs() {
        return Ok(false);
    }
    let path = env.shown(&file.path);
    match (file.is_new(), init.yes) {
        (_, true) if file.is_new() || init.overwrite => Ok(true),
        (_, true) => Err(LaunchError::WouldOverwrite(file.path.clone())),
        (true, false) => ask(&format!("Write {path}?"), true),
        (false, false) => {
            ask(&format!("Change {path}? A copy of its first version is kept beside it."), init.overwrite)
        }
    }
}

fn ask(question: &str, default: bool) -> Result<bool, LaunchError> {
    Confirm::new(question).with_default(default).prompt().map_err(unanswered)
}

fn say(text: &str) {
    // An error means that the reader closed the output early.
    let _ = writeln!(anstream::stdout(), "{text}");
}
