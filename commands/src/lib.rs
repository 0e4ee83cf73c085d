//! The slash commands: texts that make an agent start its day, hand its work over, answer its mail and so on.
//!
//! Each file beside this crate is a command. It has a header of a few lines, then the text for the agent. The launcher writes
//! the commands in the form of each agent CLI, the MCP server offers them as prompts.

/// The placeholder for the words that the user types after the command.
pub const ARGUMENTS: &str = "{{arguments}}";

macro_rules! commands {
    ($($name:literal),+ $(,)?) => {
        /// The name of every command, in the order in which a day uses them.
        pub const NAMES: [&str; [$($name),+].len()] = [$($name),+];
        const FILES: [&str; NAMES.len()] = [$(include_str!(concat!("../", $name, ".md"))),+];
    };
}

commands!(
    "sod",
    "eod",
    "handoff",
    "send",
    "inbox",
    "claim",
    "question",
    "merge",
    "status",
    "update",
    "heartbeat",
    "escalate",
);

/// A slash command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlashCommand {
    /// Its name, which the user types after the slash.
    pub name: &'static str,
    /// Its description in menus.
    pub description: &'static str,
    /// A hint for the words that may follow it. A part in `<>` is required, a part in `[]` is not.
    pub argument: Option<&'static str>,
    /// The MCP tools that it calls.
    pub tools: Vec<&'static str>,
    /// The beginnings of the command lines that it runs.
    pub programs: Vec<&'static str>,
    /// The text for the agent, with [`ARGUMENTS`] if the command has an argument.
    pub text: &'static str,
}

/// All commands, in the order of [`NAMES`].
pub fn all() -> impl Iterator<Item = SlashCommand> {
    NAMES.into_iter().zip(FILES).map(|(name, file)| read(name, file))
}

fn read(name: &'static str, file: &'static str) -> SlashCommand {
    let (head, text) = file.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).unwrap_or(("", file));
    let field = |key: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == key).map(|(_, value)| value)
    };
    let list = |key: &str| field(key).into_iter().flat_map(|value| value.split(", ")).collect();
    SlashCommand {
        name,
        description: field("description").unwrap_or_default(),
        argument: field("argument"),
        tools: list("tools"),
        programs: list("programs"),
        text: text.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_command() {
        let files = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
        let texts = files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "md"));
        assert_eq!(texts.count(), NAMES.len());
    }

    #[test]
    fn every_command_has_a_header_and_uses_its_argument() {
        for command in all() {
            let name = command.name;
            assert!(!command.description.is_empty() && command.description.len() < 100, "{name}");
            assert!(!command.text.starts_with("---") && command.text.len() > 200, "{name}");
            assert_eq!(command.text.matches(ARGUMENTS).count(), usize::from(command.argument.is_some()), "{name}");
        }
    }

    #[test]
    fn the_header_lists_the_tools_that_the_text_calls() {
        let tools = deckwatch_tests::tool_names();
        for command in all() {
            for tool in &tools {
                let calls = command.text.contains(&format!("`{tool}`"));
                assert_eq!(command.tools.contains(tool), calls, "{}: {tool}", command.name);
            }
            assert!(command.tools.iter().all(|tool| tools.contains(tool)), "{}", command.name);
        }
    }

    #[test]
    fn no_text_contains_syntax_that_an_agent_cli_would_execute() {
        for command in all() {
            for trigger in ["!{", "@{", "$ARGUMENTS", "!`", "'''", "$1"] {
                assert!(!command.text.contains(trigger), "{}: {trigger}", command.name);
            }
        }
    }
}
