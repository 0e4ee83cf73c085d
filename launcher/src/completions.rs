//! Shell completions for ventures and agents. The shell runs the launcher to get them, and the launcher reads only
//! files.
//!
//! A person waits for a completion, so the launcher uses no network and no database here. It runs git only if the
//! environment names an agent. If a file can't be read, it adds no completions.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Command, ValueEnum};
use clap_complete::CompleteEnv;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::variables;
use deckwatch_machine::ventures;

use crate::background_server;
use crate::config::Config;
use crate::error::LaunchError;
use crate::output;
use crate::process_env::ProcessEnv;
use crate::venture_cache;

/// The variable that a shell sets when it runs the launcher for completions.
const VARIABLE: &str = "DECKWATCH_COMPLETE";
const PROGRAM: &str = "launcher";

/// What `--help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  bash    source <(launcher completions bash)
  zsh     source <(launcher completions zsh), after compinit
  fish    launcher completions fish | source

Add one of these lines to the start file of your shell. The codes of your ventures and the names of your agents are completed too.";

/// A shell that the launcher has completions for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// If a shell asks for completions, prints them and ends the process. Otherwise does nothing.
pub(crate) fn answer_completion_request(command: fn() -> Command) {
    CompleteEnv::with_factory(command).var(VARIABLE).bin(PROGRAM).complete();
}

/// Prints the script that makes the shell ask for completions.
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

/// The ventures of the file that a launch here would use, and the ventures of the last answer of the API.
pub(crate) fn ventures() -> Vec<CompletionCandidate> {
    let Ok(dirs) = Dirs::from_env() else { return Vec::new() };
    let named = ProcessEnv::of_this_process().ok().and_then(|here| background_server::ventures_variable(&here));
    let here = std::env::current_dir().unwrap_or_default();
    let root = here.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned);
    let file = ventures::find(named.as_deref(), &dirs, root.as_deref()).ok().flatten();
    let mut ventures = file.map(|file| file.ventures).unwrap_or_default();
    let cached = apis(&dirs).into_iter().filter_map(|url| venture_cache::cached_ventures(&dirs, url.as_deref()));
    for venture in cached.flat_map(|(ventures, _)| ventures) {
        if !ventures.iter().any(|known| known.code == venture.code) {
            ventures.push(venture);
        }
    }
    let candidate = |venture: &ventures::VentureEntry| {
        CompletionCandidate::new(venture.code.as_str()).help(Some(venture.name.to_string().into()))
    };
    ventures.iter().map(candidate).collect()
}

/// The agents that `launcher log` showed last.
pub(crate) fn agents() -> Vec<CompletionCandidate> {
    let Ok(dirs) = Dirs::from_env() else { return Vec::new() };
    let cached = apis(&dirs).into_iter().flat_map(|url| venture_cache::cached_agents(&dirs, url.as_deref()));
    let names: BTreeSet<String> = cached.collect();
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// The APIs whose cached names are offered: the configured API, and `None` for the database of this machine.
fn apis(dirs: &Dirs) -> [Option<String>; 2] {
    let named = std::env::var(variables::API_URL).ok().filter(|url| !url.is_empty());
    let configured = || Config::load(dirs).ok()?.api.map(|api| api.url);
    [named.or_else(configured), None]
}
