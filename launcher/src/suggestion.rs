//! Suggestions for a word with a typing error ("did you mean").

use clap::Command;
use deckwatch_protocol::VentureCode;

use crate::agent_cli::AgentCli;

/// The commands of the launcher, for a suggestion where the command line is not known.
const COMMANDS: [&str; 26] = [
    "demo",
    "log",
    "handoff",
    "notes",
    "claims",
    "send",
    "inbox",
    "watch",
    "top",
    "notices",
    "secrets",
    "ventures",
    "commands",
    "docs",
    "github",
    "fleet",
    "run",
    "attach",
    "ps",
    "stop",
    "doctor",
    "init",
    "completions",
    "man",
    "mcp",
    "self",
];

/// The most similar candidate. At most a third of its letters may differ.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase());
    let near = candidates.into_iter().map(|candidate| (distance(candidate), candidate));
    near.filter(|(distance, candidate)| *distance * 3 <= candidate.chars().count().max(word.chars().count()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The suggestion for an unknown venture code: another venture, a command of the launcher, or the flag of an agent CLI.
pub(crate) fn for_venture(word: &VentureCode, known: &[VentureCode]) -> Option<String> {
    let ventures = known.iter().map(VentureCode::as_str);
    let candidates: Vec<&str> = ventures.chain(COMMANDS).chain(AgentCli::ALL.map(AgentCli::program)).collect();
    let meant = nearest(word.as_str(), candidates)?;
    if known.iter().any(|code| code.as_str() == meant) {
        return Some(meant.to_owned());
    }
    let is_agent_cli = AgentCli::ALL.iter().any(|cli| cli.program() == meant);
    Some(if is_agent_cli { format!("launcher --{meant}") } else { format!("launcher {meant}") })
}

/// The suggestion for the first word of a command line that clap rejected.
pub(crate) fn for_first_word(command: &Command, arguments: &[String]) -> Option<String> {
    let word = arguments.first().filter(|word| !word.starts_with('-'))?;
    let meant = nearest(word, names(command)).filter(|meant| meant != word)?;
    Some(format!("launcher {meant}"))
}

fn names(command: &Command) -> impl Iterator<Item = &str> {
    command.get_subcommands().map(Command::get_name)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_can_be_suggested() {
        assert_eq!(names(&Cli::command()).collect::<Vec<_>>(), COMMANDS);
    }

    #[test]
    fn a_typing_error_finds_the_intended_word() {
        for (word, meant) in
            [("alpah", Some("alpha")), ("alph", Some("alpha")), ("ALPHA", Some("alpha")), ("gamma", None), ("x", None)]
        {
            assert_eq!(nearest(word, ["alpha", "beta"]), meant, "{word}");
        }
    }

    #[test]
    fn ventures_commands_and_agent_clis_are_suggested() {
        let known = ["alpha".parse().unwrap()];
        for (word, meant) in [("alpah", "alpha"), ("doctr", "launcher doctor"), ("cladue", "launcher --claude")] {
            assert_eq!(for_venture(&word.parse().unwrap(), &known).as_deref(), Some(meant));
        }
    }
}
