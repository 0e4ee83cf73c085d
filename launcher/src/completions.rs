//! Shell completions that know the ventures: the shell asks the launcher itself, which answers from files alone.
//!
//! They are asked for while somebody types, so there is no network and no database here, git only where the
//! environment names an agent, and a file that is wrong completes nothing.

use std::path::Path;

use clap::{Command, ValueEnum};
use clap_complete::CompleteEnv;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;
use deckwatch_client::dirs::Dirs;
use deckwatch_client::ventures;

use crate::background_server;
use crate::error::LaunchError;
use crate::output;
use crate::surroundings::Surroundings;

/// How a shell says that it wants to know what can be typed.
const VARIABLE: &str = "DECKWATCH_COMPLETE";
const PROGRAM: &str = "launcher";

/// What `--help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples, one of them in your shell's start file:
  bash   source <(launcher completions bash)
  zsh    source <(launcher completions zsh)      # after compinit
  fish   launcher completions fish | source

The codes of your ventures are completed too; a new one needs nothing more.";

/// A shell that can be completed in.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Answers and ends the process when a shell asks; otherwise does nothing.
pub(crate) fn answer_a_shell(command: fn() -> Command) {
    CompleteEnv::with_factory(command).var(VARIABLE).bin(PROGRAM).complete();
}

/// Prints what makes a shell ask.
pub(crate) fn print(shell: Shell) -> Result<(), LaunchError> {
    let name = match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    };
    let shells = Shells::builtins();
    let written = |out: &mut dyn std::io::Write| match shells.completer(name) {
        Some(completer) => completer.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, out),
        None => Ok(()),
    };
    output::print(|out| written(out))
}

/// The ventures of the file that a launch here would use.
pub(crate) fn ventures() -> Vec<CompletionCandidate> {
    let Ok(dirs) = Dirs::from_env() else { return Vec::new() };
    let named = Surroundings::of_this_process().ok().and_then(|here| background_server::named_ventures(&here));
    let here = std::env::current_dir().unwrap_or_default();
    let root = here.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned);
    let file = ventures::find(named.as_deref(), &dirs, root.as_deref()).ok().flatten();
    let ventures = file.map(|file| file.ventures).unwrap_or_default();
    let candidate = |venture: &ventures::VentureEntry| {
        CompletionCandidate::new(venture.code.as_str()).help(Some(venture.name.to_string().into()))
    };
    ventures.iter().map(candidate).collect()
}
