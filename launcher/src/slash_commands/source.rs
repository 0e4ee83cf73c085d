//! The commands in `commands/`: each has a header of a few lines, then the text for the agent.

/// The placeholder for the words that the user types after the command.
pub(super) const ARGUMENTS: &str = "{{arguments}}";

macro_rules! sources {
    ($($name:literal),+ $(,)?) => {
        /// Every command.
        pub(super) const NAMES: [&str; [$($name),+].len()] = [$($name),+];
        const TEXTS: [(&str, &str); NAMES.len()] =
            [$(($name, include_str!(concat!("../../../commands/", $name, ".md")))),+];
    };
}

sources!(
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

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Its name, which the user types after the slash.
    pub(super) name: String,
    /// Its description in menus.
    pub(super) description: String,
    /// A hint for the words that may follow it.
    pub(super) argument: Option<String>,
    /// The MCP tools that it calls.
    pub(super) tools: Vec<String>,
    /// The beginnings of the command lines that it runs.
    pub(super) programs: Vec<String>,
    /// The text for the agent.
    pub(super) text: String,
}

/// All commands, in the order in which a day uses them.
pub(super) fn all() -> impl Iterator<Item = Source> {
    TEXTS.into_iter().map(|(name, text)| read(name, text))
}

fn read(name: &str, text: &str) -> Source {
    let (head, body) = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).unwrap_or(("", text));
    let field = |key: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| *found == key).map(|(_, value)| value.to_owned()).next()
    };
    let list = |key: &str| {
        let value = field(key).unwrap_or_default();
        value.split(", ").filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    Source {
        name: name.to_owned(),
        description: field("description").unwrap_or_default(),
        argument: field("argument"),
        tools: list("tools"),
        programs: list("programs"),
        text: body.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_header_and_uses_its_argument() {
        for source in all() {
            let name = &source.name;
            assert!(!source.description.is_empty() && source.description.len() < 100, "{name}");
            assert!(!source.text.starts_with("---") && source.text.len() > 200, "{name}");
            assert_eq!(source.text.matches(ARGUMENTS).count(), usize::from(source.argument.is_some()), "{name}");
        }
    }

    #[test]
    fn the_header_lists_the_tools_that_the_text_calls() {
        let tools = deckwatch_tests::tool_names();
        for source in all() {
            for tool in &tools {
                let calls = source.text.contains(&format!("`{tool}`"));
                assert_eq!(source.tools.iter().any(|listed| listed == tool), calls, "{}: {tool}", source.name);
            }
            assert!(source.tools.iter().all(|tool| tools.contains(&tool.as_str())), "{}", source.name);
        }
    }

    #[test]
    fn no_text_contains_syntax_that_an_agent_cli_would_execute() {
        for source in all() {
            for trigger in ["!{", "@{", "$ARGUMENTS", "!`", "'''", "$1"] {
                assert!(!source.text.contains(trigger), "{}: {trigger}", source.name);
            }
        }
    }
}
