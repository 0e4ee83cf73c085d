//! Determines from the arguments of the agent CLI which conversation starts: a new one, an earlier one, or a fork.
//!
//! If the agent CLI would ask the user, or would not start a conversation, the result is `Unknown` and the launcher adds
//! no argument.

use std::ffi::OsString;

use deckwatch_machine::agent::conversation_id;
use deckwatch_protocol::ClientSessionId;

use crate::agent_cli::AgentCli;

/// The kind of conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Intent {
    /// A new conversation. The user may have chosen its id.
    New(Option<ClientSessionId>),
    /// An earlier conversation is resumed.
    Resume(EarlierConversation),
    /// A new conversation that starts as a copy. The user may have chosen its id.
    Fork(EarlierConversation, Option<ClientSessionId>),
    /// The arguments do not determine it, or no conversation starts.
    Unknown,
}

/// The earlier conversation that the arguments select.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EarlierConversation {
    Id(ClientSessionId),
    /// The last one in this folder.
    Latest,
    /// One that the agent CLI finds by its own name or list.
    OtherName,
}

/// The subcommands of Claude Code that do not start a conversation.
const CLAUDE_COMMANDS: [&str; 22] = [
    "agents",
    "attach",
    "auth",
    "auto-mode",
    "doctor",
    "gateway",
    "import",
    "install",
    "logs",
    "mcp",
    "plugin",
    "plugins",
    "purge",
    "respawn",
    "rm",
    "setup-token",
    "stop",
    "kill",
    "ultrareview",
    "update",
    "upgrade",
    "config",
];
/// The options of Claude Code that start a conversation in another way, or start none.
const CLAUDE_OTHER_OPTIONS: [&str; 10] =
    ["--from-pr", "--teleport", "--cloud", "--environment", "--bg", "--background", "-h", "--help", "-v", "--version"];

/// The option for resuming in both Claude Code and Gemini CLI.
const RESUME: [&str; 2] = ["--resume", "-r"];

/// Reads the arguments in the same way as the agent CLI.
pub(super) fn intent(cli: AgentCli, args: &[OsString]) -> Intent {
    let words: Option<Vec<&str>> = args.iter().map(|arg| arg.to_str()).collect();
    let Some(words) = words else { return Intent::Unknown };
    // The agent CLI also reads no options after two dashes.
    let options = words.iter().position(|word| *word == "--").map_or(words.len(), |at| at);
    let words = words.get(..options).unwrap_or_default();
    match cli {
        AgentCli::Claude => claude(words),
        AgentCli::Gemini => gemini(words),
        AgentCli::Codex => codex(words),
    }
}

fn claude(words: &[&str]) -> Intent {
    let is_command = words.first().is_some_and(|first| CLAUDE_COMMANDS.contains(first));
    let other_options = words
        .iter()
        .any(|word| CLAUDE_OTHER_OPTIONS.contains(&name_of(word)) || combines_short_options(word, &['c', 'r']));
    if is_command || other_options {
        return Intent::Unknown;
    }
    let given = value(words, &["--session-id"]).and_then(conversation_id);
    let which = if has(words, &RESUME) {
        value(words, &RESUME).and_then(conversation_id).map_or(EarlierConversation::OtherName, EarlierConversation::Id)
    } else if has(words, &["--continue", "-c"]) {
        EarlierConversation::Latest
    } else {
        return Intent::New(given);
    };
    if has(words, &["--fork-session"]) { Intent::Fork(which, given) } else { Intent::Resume(which) }
}

fn gemini(words: &[&str]) -> Intent {
    if !has(words, &RESUME) {
        return Intent::New(value(words, &["--session-id"]).and_then(conversation_id));
    }
    Intent::Resume(match value(words, &RESUME) {
        Some("latest") | None => EarlierConversation::Latest,
        Some(value) => conversation_id(value).map_or(EarlierConversation::OtherName, EarlierConversation::Id),
    })
}

/// `codex resume`, `codex exec resume`, `codex fork`, each with an id or `--last`.
fn codex(words: &[&str]) -> Intent {
    let command = |name: &str| match words {
        [first, ..] if *first == name => true,
        ["exec" | "e", rest @ ..] => rest.contains(&name),
        _ => false,
    };
    let which = || match words.iter().find_map(|word| conversation_id(word)) {
        Some(id) => EarlierConversation::Id(id),
        None if words.contains(&"--last") => EarlierConversation::Latest,
        None => EarlierConversation::OtherName,
    };
    match (command("resume"), command("fork")) {
        (true, _) => Intent::Resume(which()),
        (_, true) => Intent::Fork(which(), None),
        _ => Intent::New(None),
    }
}

/// Whether the arguments contain an option under one of its names.
fn has(words: &[&str], names: &[&str]) -> bool {
    words.iter().any(|word| names.contains(&name_of(word)))
}

/// The value of an option, if it has one.
fn value<'a>(words: &[&'a str], names: &[&str]) -> Option<&'a str> {
    let at = words.iter().position(|word| names.contains(&name_of(word)))?;
    let attached = words.get(at)?.split_once('=').map(|(_, value)| value);
    attached.or_else(|| words.get(at + 1).copied().filter(|next| !next.starts_with('-')))
}

fn name_of(word: &str) -> &str {
    word.split_once('=').map_or(word, |(name, _)| name)
}

/// Whether an argument combines one of these short options with others, such as `-pc`.
fn combines_short_options(word: &str, options: &[char]) -> bool {
    let letters = word.strip_prefix('-').filter(|letters| letters.len() > 1);
    letters.is_some_and(|letters| letters.chars().all(|c| c.is_ascii_alphabetic()) && letters.contains(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9f0c2b7e-1d5a-4c3b-8e6f-0a1b2c3d4e5f";
    const OTHER: &str = "11111111-2222-4333-8444-555555555555";

    fn of(cli: AgentCli, line: &str) -> Intent {
        intent(cli, &line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    fn id(text: &str) -> ClientSessionId {
        text.parse().unwrap()
    }

    #[test]
    fn claude_arguments_are_read_in_the_same_way_as_by_claude() {
        let resumed = || Intent::Resume(EarlierConversation::Id(id(ID)));
        let cases = [
            (String::new(), Intent::New(None)),
            ("-p hello".to_owned(), Intent::New(None)),
            (format!("--session-id {ID}"), Intent::New(Some(id(ID)))),
            (format!("--resume {ID} -p hi"), resumed()),
            (format!("--resume={ID}"), resumed()),
            (format!("-p -r {}", ID.to_uppercase()), resumed()),
            ("--resume".to_owned(), Intent::Resume(EarlierConversation::OtherName)),
            ("-r my-name".to_owned(), Intent::Resume(EarlierConversation::OtherName)),
            ("--continue -p hi".to_owned(), Intent::Resume(EarlierConversation::Latest)),
            (format!("--fork-session -r {ID}"), Intent::Fork(EarlierConversation::Id(id(ID)), None)),
            (
                format!("-c --fork-session --session-id={OTHER}"),
                Intent::Fork(EarlierConversation::Latest, Some(id(OTHER))),
            ),
            ("-pc hi".to_owned(), Intent::Unknown),
            ("mcp list".to_owned(), Intent::Unknown),
            ("--version".to_owned(), Intent::Unknown),
            ("--from-pr=12".to_owned(), Intent::Unknown),
            ("-- --continue".to_owned(), Intent::New(None)),
        ];
        for (line, expected) in cases {
            assert_eq!(of(AgentCli::Claude, &line), expected, "{line}");
        }
    }

    #[test]
    fn gemini_and_codex_arguments_are_read_in_the_same_way_as_by_them() {
        let cases = [
            (AgentCli::Gemini, "-p hi".to_owned(), Intent::New(None)),
            (AgentCli::Gemini, format!("--session-id {ID}"), Intent::New(Some(id(ID)))),
            (AgentCli::Gemini, format!("-r {ID}"), Intent::Resume(EarlierConversation::Id(id(ID)))),
            (AgentCli::Gemini, "--resume latest".to_owned(), Intent::Resume(EarlierConversation::Latest)),
            (AgentCli::Gemini, "--resume 5".to_owned(), Intent::Resume(EarlierConversation::OtherName)),
            (AgentCli::Codex, "exec hi".to_owned(), Intent::New(None)),
            (AgentCli::Codex, "resume".to_owned(), Intent::Resume(EarlierConversation::OtherName)),
            (AgentCli::Codex, "resume --last".to_owned(), Intent::Resume(EarlierConversation::Latest)),
            (AgentCli::Codex, format!("exec --json resume {ID} hi"), Intent::Resume(EarlierConversation::Id(id(ID)))),
            (AgentCli::Codex, format!("fork {ID}"), Intent::Fork(EarlierConversation::Id(id(ID)), None)),
        ];
        for (cli, line, expected) in cases {
            assert_eq!(of(cli, &line), expected, "{cli} {line}");
        }
    }
}
