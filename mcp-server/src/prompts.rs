//! The slash commands as prompts. Gemini CLI turns each prompt into a slash command, so prompts have a prefix.

use deckwatch_commands::{ARGUMENTS, NAMES, SlashCommand, all};
use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};

const PREFIX: &str = "deckwatch-";
/// The name of a prompt's only argument.
const ARGUMENT: &str = "arguments";

/// Every prompt.
pub(crate) fn list() -> Vec<Prompt> {
    all().map(|command| prompt(&command)).collect()
}

/// The text of a prompt with the user's text filled in; `None` for an unknown prompt.
pub(crate) fn get(name: &str, arguments: Option<&JsonObject>) -> Option<GetPromptResult> {
    let command = all().find(|command| name.strip_prefix(PREFIX) == Some(command.name))?;
    let typed = arguments.and_then(|arguments| arguments.get(ARGUMENT)?.as_str()).unwrap_or_default();
    let text = command.text.replace(ARGUMENTS, typed);
    let result = GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]);
    Some(result.with_description(command.description))
}

/// All names, for the error about an unknown prompt.
pub(crate) fn names() -> String {
    NAMES.map(|name| format!("{PREFIX}{name}")).join(", ")
}

fn prompt(command: &SlashCommand) -> Prompt {
    let argument = command.argument.map(|hint| {
        let (description, required) = described(hint);
        vec![PromptArgument::new(ARGUMENT).with_description(description).with_required(required)]
    });
    Prompt::new(format!("{PREFIX}{}", command.name), Some(command.description), argument)
}

/// The description of a hint such as `[one] <two>`, and whether the argument is required: a part in `<>` is.
fn described(hint: &str) -> (String, bool) {
    let name = |part: &str| part.trim().trim_start_matches(['[', '<']).trim_end_matches([']', '>']).to_owned();
    let parts: Vec<String> = hint.split_inclusive([']', '>']).map(name).filter(|name| !name.is_empty()).collect();
    (parts.join(", then "), hint.contains('<'))
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
