//! Adds to the error of each refused argument the value that was sent and a valid example.

use deckwatch_protocol::{Violation, Violations};
use rmcp::model::JsonObject;
use serde_json::{Value, json};

use super::super::secret_names::holds_secret;
use crate::render::budget::clip;

/// The maximum length of a value in an error.
const SHOWN: usize = 60;

/// The violations of `arguments`, each with the value that was sent and an example.
pub(in crate::tools) fn explained(violations: Violations, arguments: &JsonObject, schema: &JsonObject) -> Violations {
    let explained = |violation: Violation| {
        // The violation is about the arguments together.
        let Some(name) = violation.pointer.split('/').nth(1) else { return violation };
        let sent = match value_at(&violation.pointer, arguments) {
            Some(value) => format!("it was {}", shown(value)),
            None => "it was left out or empty".to_owned(),
        };
        // A valid value helps only if the argument is allowed.
        let is_allowed = violation.detail.starts_with("must ") || violation.detail == "is required";
        let wanted = schema.get("properties").and_then(|properties| properties.get(name)).filter(|_| is_allowed);
        let example = wanted.map(|schema| format!("; for example {}", json!({ name: example(name, schema) })));
        let detail = format!("{} ({sent}{})", violation.detail, example.unwrap_or_default());
        Violation { detail, ..violation }
    };
    Violations(violations.0.into_iter().map(explained).collect())
}

/// The value that a violation is about: an argument, or an item of a list.
fn value_at<'a>(pointer: &str, arguments: &'a JsonObject) -> Option<&'a Value> {
    let mut steps = pointer.split('/').skip(1);
    let name = steps.next()?.replace("~1", "/").replace("~0", "~");
    let argument = arguments.get(&name)?;
    let item = steps.next().and_then(|step| step.parse::<usize>().ok()).and_then(|index| argument.get(index));
    Some(item.unwrap_or(argument))
}

/// A value as an error shows it: short, and without a secret.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(items) => match items.len() {
            1 => "a list of 1".to_owned(),
            count => format!("a list of {count}"),
        },
        Value::String(text) if text.chars().count() > SHOWN => {
            format!("a text of {} characters", text.chars().count())
        }
        Value::String(text) if holds_secret(text) => "a text that holds a secret".to_owned(),
        Value::String(text) => format!("the text {}", json!(text)),
        Value::Bool(_) => format!("the flag {value}"),
        Value::Number(_) => format!("the number {}", clip(&value.to_string(), SHOWN)),
        Value::Null => "null".to_owned(),
    }
}

/// A valid value: the example of the argument, or one for its type and name.
fn example(name: &str, schema: &Value) -> Value {
    if let Some(own) = schema.pointer("/examples/0") {
        return own.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => json!(true),
        Some("integer") => json!(schema.get("minimum").and_then(Value::as_u64).unwrap_or_default().max(1)),
        Some("array") => json!([text(name)]),
        _ => schema.get("enum").and_then(|values| values.get(0)).cloned().unwrap_or_else(|| json!(text(name))),
    }
}

fn text(name: &str) -> &'static str {
    match name {
        "to_agent" => "mac1-claude-1",
        "links" => "https://github.com/example-org/alpha/pull/7",
        "scope" => "global",
        "name" => "api.md",
        "tag" | "tags" => "decision",
        "q" => "passkey login",
        "cursor" => "next_cursor-of-the-answer-before",
        _ => "Login works with passkeys.",
    }
}
