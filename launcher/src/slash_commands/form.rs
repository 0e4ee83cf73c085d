//! The files of a command, in the format and the folder of each agent CLI.
//!
//! Codex no longer supports custom prompts. There, a command is a skill that the user calls with `$name`. The file
//! `agents/openai.yaml` beside it forbids every other call, so that an unused skill adds no text to a conversation.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use deckwatch_commands::{ARGUMENTS, SlashCommand};

use crate::agent_cli::AgentCli;
use crate::process_env::ProcessEnv;

/// A file of a command.
pub(super) struct Form {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) comment: Comment,
}

/// The syntax of comments in a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Comment {
    /// `<!-- … -->`
    Markdown,
    /// `# …`
    Hash,
}

/// The files that define the command for an agent CLI.
pub(super) fn forms(cli: AgentCli, command: &SlashCommand, env: &ProcessEnv) -> Vec<Form> {
    let home = &env.dirs.home;
    let folder = |variable: &str, default: &str| env.path_var(variable).unwrap_or_else(|| home.join(default));
    match cli {
        AgentCli::Claude => vec![claude(command, &folder("CLAUDE_CONFIG_DIR", ".claude"))],
        AgentCli::Gemini => vec![gemini(command, &folder("GEMINI_CLI_HOME", "").join(".gemini"))],
        AgentCli::Codex => codex(command, &folder("CODEX_HOME", ".codex").join("skills").join(command.name)),
    }
}

fn claude(command: &SlashCommand, folder: &Path) -> Form {
    let mut text = format!("---\ndescription: {}\n", quoted_description(command));
    if let Some(argument) = command.argument {
        line(&mut text, &format!("argument-hint: {}", quoted(argument)));
    }
    let tools = command.tools.iter().map(|tool| format!("mcp__deckwatch__{tool}"));
    let programs = command.programs.iter().map(|program| format!("Bash({program}:*)"));
    line(&mut text, &format!("allowed-tools: {}", tools.chain(programs).collect::<Vec<_>>().join(", ")));
    line(&mut text, &format!("---\n\n{}", command.text.replace(ARGUMENTS, "$ARGUMENTS")));
    Form { path: folder.join("commands").join(format!("{}.md", command.name)), text, comment: Comment::Markdown }
}

fn gemini(command: &SlashCommand, folder: &Path) -> Form {
    let prompt = command.text.replace(ARGUMENTS, "{{args}}");
    let text = format!("description = {}\nprompt = '''\n{prompt}\n'''\n", quoted_description(command));
    Form { path: folder.join("commands").join(format!("{}.toml", command.name)), text, comment: Comment::Hash }
}

fn codex(command: &SlashCommand, folder: &Path) -> Vec<Form> {
    let typed = format!("(the words that I typed after ${})", command.name);
    let text = format!(
        "---\nname: {}\ndescription: {}\n---\n\n{}\n",
        command.name,
        quoted_description(command),
        command.text.replace(ARGUMENTS, &typed)
    );
    let policy = "policy:\n  allow_implicit_invocation: false\n".to_owned();
    vec![
        Form { path: folder.join("SKILL.md"), text, comment: Comment::Markdown },
        Form { path: folder.join("agents/openai.yaml"), text: policy, comment: Comment::Hash },
    ]
}

fn quoted_description(command: &SlashCommand) -> String {
    quoted(&format!("Deckwatch: {}", command.description))
}

/// A quoted text that JSON, YAML and TOML read in the same way.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn line(text: &mut String, line: &str) {
    // Writing to a string can't fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use deckwatch_commands::all;

    use super::*;

    #[test]
    fn gemini_reads_the_unchanged_text() {
        for command in all() {
            let form = gemini(&command, Path::new("/g"));
            let read: toml_edit::DocumentMut = form.text.parse().unwrap();
            let text = command.text.replace(ARGUMENTS, "{{args}}");
            assert_eq!(read["prompt"].as_str().unwrap().trim(), text);
            assert!(read["description"].as_str().unwrap().starts_with("Deckwatch: "));
            assert_eq!(form.path, Path::new("/g/commands").join(format!("{}.toml", command.name)));
        }
    }

    #[test]
    fn no_format_keeps_a_placeholder_that_its_agent_cli_does_not_replace() {
        for command in all() {
            let skill = codex(&command, Path::new("/c"));
            let texts = [claude(&command, Path::new("/a")).text, skill[0].text.clone()];
            for text in texts {
                assert!(!text.contains("{{") && text.starts_with("---\n"), "{text}");
            }
        }
    }

    #[test]
    fn claude_is_allowed_only_the_tools_and_programs_of_the_command() {
        let eod = all().find(|command| command.name == "eod").unwrap();
        let text = claude(&eod, Path::new("/a")).text;
        let allowed = text.lines().find(|line| line.starts_with("allowed-tools: ")).unwrap();
        assert!(allowed.contains("mcp__deckwatch__handoff, mcp__deckwatch__context, Bash(git status:*)"), "{allowed}");
        assert!(!allowed.contains("push"), "{allowed}");
    }
}
