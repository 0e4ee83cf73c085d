//! The workflow commands as prompts. Their one source is `commands/`, which the launcher also writes for each
//! agent's CLI as slash commands. Gemini CLI makes a slash command of each prompt too, so a prompt has a name of its own.

use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};

/// Where the text takes what the user typed.
const ARGUMENTS: &str = "{{arguments}}";
/// The one argument of a prompt that takes any.
const ARGUMENT: &str = "arguments";

macro_rules! sources {
    ($($name:literal),+ $(,)?) => {
        const SOURCES: [(&str, &str); [$($name),+].len()] =
            [$((concat!("deckwatch-", $name), include_str!(concat!("../../commands/", $name, ".md")))),+];
    };
}

// In the order of a day.
sources!("sod", "eod", "handoff", "question", "merge", "status", "update", "heartbeat", "escalate");

/// Every prompt.
pub(crate) fn list() -> Vec<Prompt> {
    SOURCES.into_iter().map(|(name, source)| prompt(name, source)).collect()
}

/// The text of a prompt with what the user typed in it; `None` when there is no such prompt.
pub(crate) fn get(name: &str, arguments: Option<&JsonObject>) -> Option<GetPromptResult> {
    let (_, source) = SOURCES.into_iter().find(|(known, _)| *known == name)?;
    let typed = arguments.and_then(|arguments| arguments.get(ARGUMENT)?.as_str()).unwrap_or_default();
    let text = parts(source).1.trim().replace(ARGUMENTS, typed);
    let result = GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]);
    Some(result.with_description(field(source, "description").unwrap_or_default()))
}

/// The names, for who asked for another.
pub(crate) fn names() -> String {
    SOURCES.map(|(name, _)| name).join(", ")
}

fn prompt(name: &str, source: &str) -> Prompt {
    let argument = field(source, "argument").map(|hint| {
        let (what, required) = described(hint);
        vec![PromptArgument::new(ARGUMENT).with_description(what).with_required(required)]
    });
    Prompt::new(name, field(source, "description"), argument)
}

/// What `[one] <two>` means in words, and whether it must be given: what stands in `<>` must.
fn described(hint: &str) -> (String, bool) {
    let words = |part: &str| part.trim().trim_start_matches(['[', '<']).trim_end_matches([']', '>']).to_owned();
    let parts: Vec<String> = hint.split_inclusive([']', '>']).map(words).filter(|words| !words.is_empty()).collect();
    (parts.join(", then "), hint.contains('<'))
}

/// Its head and its text.
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
    fn a_hint_becomes_words_and_says_whether_it_must_be_given() {
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
