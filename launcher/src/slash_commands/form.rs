//! The files of a command, in the format and the folder of each agent CLI.
//!
//! Codex no longer supports custom prompts. There, a command is a skill that the user calls with `$name`. The file
//! `agents/openai.yaml` beside it forbids every other call, so that an unused skill adds no text to a conversation.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::source::{ARGUMENTS, Source};
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
pub(super) fn forms(cli: AgentCli, source: &Source, env: &ProcessEnv) -> Vec<Form> {
    let home = &env.dirs.home;
    let folder = |variable: &str, default: &str| env.path_var(variable).unwrap_or_else(|| home.join(default));
    match cli {
        AgentCli::Claude => vec![claude(source, &folder("CLAUDE_CONFIG_DIR", ".claude"))],
        AgentCli::Gemini => vec![gemini(source, &folder("GEMINI_CLI_HOME", "").join(".gemini"))],
        AgentCli::Codex => codex(source, &folder("CODEX_HOME", ".codex").join("skills").join(&source.name)),
    }
}

fn claude(source: &Source, folder: &Path) -> Form {
    let mut text = format!("---\ndescription: {}\n", quoted_description(source));
    if let Some(argument) = &source.argument {
        line(&mut text, &format!("argument-hint: {}", quoted(argument)));
    }
    let tools = source.tools.iter().map(|tool| format!("mcp__deckwatch__{tool}"));
    let programs = source.programs.iter().map(|program| format!("Bash({program}:*)"));
    line(&mut text, &format!("allowed-tools: {}", tools.chain(programs).collect::<Vec<_>>().join(", ")));
    line(&mut text, &format!("---\n\n{}", source.text.replace(ARGUMENTS, "$ARGUMENTS")));
    Form { path: folder.join("commands").join(format!("{}.md", source.name)), text, comment: Comment::Markdown }
}

fn gemini(source: &Source, folder: &Path) -> Form {
    let prompt = source.text.replace(ARGUMENTS, "{{args}}");
    let text = format!("description = {}\nprompt = '''\n{prompt}\n'''\n", quoted_description(source));
    Form { path: folder.join("commands").join(format!("{}.toml", source.name)), text, comment: Comment::Hash }
}

fn codex(source: &Source, folder: &Path) -> Vec<Form> {
    let typed = format!("(the words that I typed after ${})", source.name);
    let text = format!(
        "---\nname: {}\ndescription: {}\n---\n\n{}\n",
        source.name,
        quoted_description(source),
        source.text.replace(ARGUMENTS, &typed)
    );
    let policy = "policy:\n  allow_implicit_invocation: false\n".to_owned();
    vec![
        Form { path: folder.join("SKILL.md"), text, comment: Comment::Markdown },
        Form { path: folder.join("agents/openai.yaml"), text: policy, comment: Comment::Hash },
    ]
}

fn quoted_description(source: &Source) -> String {
    quoted(&format!("Deckwatch: {}", source.description))
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
    use super::super::source::all;
    use super::*;

    #[test]
    fn gemini_reads_the_unchanged_text() {
        for source in all() {
            let form = gemini(&source, Path::new("/g"));
            let read: toml_edit::DocumentMut = form.text.parse().unwrap();
            let text = source.text.replace(ARGUMENTS, "{{args}}");
            assert_eq!(read["prompt"].as_str().unwrap().trim(), text);
            assert!(read["description"].as_str().unwrap().starts_with("Deckwatch: "));
            assert_eq!(form.path, Path::new("/g/commands").join(format!("{}.toml", source.name)));
        }
    }

    #[test]
    fn no_format_keeps_a_placeholder_that_its_agent_cli_does_not_replace() {
        for source in all() {
            let skill = codex(&source, Path::new("/c"));
            let texts = [claude(&source, Path::new("/a")).text, skill[0].text.clone()];
            for text in texts {
                assert!(!text.contains("{{") && text.starts_with("---\n"), "{text}");
            }
        }
    }

    #[test]
    fn claude_is_allowed_only_the_tools_and_programs_of_the_command() {
        let eod = all().find(|source| source.name == "eod").unwrap();
        let text = claude(&eod, Path::new("/a")).text;
        let allowed = text.lines().find(|line| line.starts_with("allowed-tools: ")).unwrap();
        assert!(allowed.contains("mcp__deckwatch__handoff, mcp__deckwatch__context, Bash(git status:*)"), "{allowed}");
        assert!(!allowed.contains("push"), "{allowed}");
    }
}
