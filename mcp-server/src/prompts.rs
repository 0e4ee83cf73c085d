//! The workflow commands as prompts. Their source is `commands/`, from which the launcher also writes slash commands
//! for each agent's CLI. Gemini CLI turns each prompt into a slash command, so prompts have the prefix `deckwatch-`.

use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};

/// The placeholder for the text that the user typed.
const ARGUMENTS: &str = "{{arguments}}";
/// The name of a prompt's only argument.
const ARGUMENT: &str = "arguments";

macro_rules! sources {
    ($($name:literal),+ $(,)?) => {
        const SOURCES: [(&str, &str); [$($name),+].len()] =
            [$((concat!("deckwatch-", $name), include_str!(concat!("../../commands/", $name, ".md")))),+];
    };
}

// In the order of a day.
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

/// Every prompt.
pub(crate) fn list() -> Vec<Prompt> {
    SOURCES.into_iter().map(|(name, source)| prompt(name, source)).collect()
}

/// The text of a prompt with the user's text filled in; `None` for an unknown prompt.
pub(crate) fn get(name: &str, arguments: Option<&JsonObject>) -> Option<GetPromptResult> {
    let (_, source) = SOURCES.into_iter().find(|(known, _)| *known == name)?;
    let typed = arguments.and_then(|arguments| arguments.get(ARGUMENT)?.as_str()).unwrap_or_default();
    let text = parts(source).1.trim().replace(ARGUMENTS, typed);
    let result = GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]);
    Some(result.with_description(field(source, "description").unwrap_or_default()))
}

/// All names, for the error about an unknown prompt.
pub(crate) fn names() -> String {
    SOURCES.map(|(name, _)| name).join(", ")
}

fn prompt(name: &str, source: &str) -> Prompt {
    let argument = field(source, "argument").map(|hint| {
        let (description, required) = described(hint);
        vec![PromptArgument::new(ARGUMENT).with_description(description).with_required(required)]
    });
    Prompt::new(name, field(source, "description"), argument)
}

/// The description of a hint such as `[one] <two>`, and whether the argument is required: a part in `<>` is.
fn described(hint: &str) -> (String, bool) {
    let name = |part: &str| part.trim().trim_start_matches(['[', '<']).trim_end_matches([']', '>']).to_owned();
    let parts: Vec<String> = hint.split_inclusive([']', '>']).map(name).filter(|name| !name.is_empty()).collect();
    (parts.join(", then "), hint.contains('<'))
}

/// The front matter of a command, and its text.
fn parts(source: &str) -> (&str, &str) {
    source.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).unwrap_or(("", source))
}

fn field<'a>(source: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = parts(source).0.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(found, _)| *found == key).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_gives_a_description_and_whether_the_argument_is_required() {
        for (hint, what, required) in [
            ("[pull request]", "pull request", false),
            ("<the question>", "the question", true),
            ("[agent] [what it is about]", "agent, then what it is about", false),
            ("<issue number> [what changed]", "issue number, then what changed", true),
            ("anything", "anything", false),
        ] {
            assert_eq!(described(hint), (what.to_owned(), required));
        }
    }
}
