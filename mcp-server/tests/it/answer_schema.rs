//! Checks an answer against the schema of its tool, with the keywords that these schemas use.

use std::sync::LazyLock;

use serde_json::Value;

use crate::tools::definitions;

static DEFINITIONS: LazyLock<Vec<Value>> = LazyLock::new(definitions);

/// Fails if the answer of this tool does not match the schema that clients get.
#[track_caller]
pub(crate) fn assert_matches(tool: &str, facts: &Value) {
    let definition = DEFINITIONS.iter().find(|definition| definition["name"] == tool).expect("a known tool");
    let mut wrong = Vec::new();
    compare(&definition["outputSchema"], facts, tool, &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn compare(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    for keyword in schema.as_object().unwrap().keys() {
        let is_known = ["type", "enum", "items", "properties", "additionalProperties"].contains(&keyword.as_str());
        assert!(is_known, "{at}: this check does not know {keyword}");
    }
    let has_type = match schema["type"].as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        _ => false,
    };
    if !has_type || schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        wrong.push(format!("{at} is {value}, not {schema}"));
    }
    for item in value.as_array().into_iter().flatten() {
        compare(&schema["items"], item, &format!("{at}[]"), wrong);
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        let wanted = schema["properties"].get(name).or(schema.get("additionalProperties"));
        if let Some(wanted) = wanted {
            compare(wanted, field, &format!("{at}.{name}"), wrong);
        }
    }
}

#[test]
#[should_panic(expected = "preflight.checks[].status is \\\"broken\\\"")]
fn an_answer_that_does_not_match_is_detected() {
    assert_matches("preflight", &serde_json::json!({"ok": true, "checks": [{"status": "broken"}]}));
}
