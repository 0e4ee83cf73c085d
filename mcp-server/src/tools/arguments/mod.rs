//! Normalizes the arguments of a call, because agents' CLIs and models send them in several forms.
//!
//! Some send a list as JSON text, a flag as `"true"`, a number as `"3"` or `3.0`, a string where the schema has a list,
//! `null` or an empty string for an omitted argument, or a name in camel case. A form with one meaning is converted to
//! the type in the tool's schema. Any other value is unchanged, and the decoder refuses it; [`explain`] then adds the
//! value and an example to the error. A string is never read as JSON where the schema has a string.

pub(super) mod call;
pub(super) mod explain;

use rmcp::model::JsonObject;
use serde_json::{Number, Value};

/// Arguments that an agent's CLI adds to every call, although the tool's schema does not have them. Gemini CLI declares
/// `wait_for_previous` on every tool and passes it on (`addWaitForPreviousParameter` in its
/// `packages/core/src/tools/tools.ts`).
const OF_THE_CLI: [&str; 1] = ["wait_for_previous"];

/// The maximum length of an item in a list of short words, such as tags. For such a list, a string with a comma is
/// ambiguous.
const SHORT_WORD: u64 = 100;

/// Converts the arguments to the types in `schema`, where each has one meaning.
pub(super) fn read(arguments: JsonObject, schema: &JsonObject) -> JsonObject {
    let nothing = JsonObject::new();
    let wanted = schema.get("properties").and_then(Value::as_object).unwrap_or(&nothing);
    let given: Vec<String> = arguments.keys().cloned().collect();
    let mut read = JsonObject::new();
    for (name, value) in arguments {
        if OF_THE_CLI.contains(&name.as_str()) && !wanted.contains_key(&name) {
            continue;
        }
        let name = known_name(&name, &given, wanted);
        let value = match wanted.get(&name) {
            Some(schema) => value_for(value, schema),
            None => Some(value).filter(|value| !is_omitted(value)),
        };
        read.extend(value.map(|value| (name, value)));
    }
    read
}

/// The schema's name for an argument: `issueNumber` becomes `issue_number`, unless the call has both.
fn known_name(name: &str, given: &[String], wanted: &JsonObject) -> String {
    let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let same = |other: &&String| plain(other) == plain(name);
    match (wanted.keys().find(same), given.iter().filter(same).count()) {
        (Some(known), 1) => known.clone(),
        _ => name.to_owned(),
    }
}

/// Converts a value to the type in `schema`; `None` when the value means that the argument is omitted.
fn value_for(value: Value, schema: &Value) -> Option<Value> {
    if is_omitted(&value) {
        return None;
    }
    let is_text = |value: &Value| value.as_str().is_some_and(|text| text.trim() == "null");
    let of_type = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    let values = schema.get("enum").and_then(Value::as_array);
    match (of_type, values) {
        ("string", None) => Some(value),
        _ if is_text(&value) => None,
        ("string", Some(values)) => Some(enum_value(value, values)),
        ("boolean", _) => Some(flag(value)),
        ("integer", _) => Some(whole_number(value)),
        ("array", _) => Some(list(value, schema.get("items").unwrap_or(&Value::Null))),
        _ => Some(value),
    }
}

fn is_omitted(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

/// The value of the `enum` that is equal except for case.
fn enum_value(value: Value, values: &[Value]) -> Value {
    let Some(text) = value.as_str().map(str::trim) else { return value };
    let mut same = values.iter().filter(|word| word.as_str().is_some_and(|word| word.eq_ignore_ascii_case(text)));
    match (same.next(), same.next()) {
        (Some(word), None) => word.clone(),
        _ => value,
    }
}

fn flag(value: Value) -> Value {
    match value.as_str().map(|text| text.trim().to_ascii_lowercase()).as_deref() {
        Some("true") => Value::Bool(true),
        Some("false") => Value::Bool(false),
        _ => value,
    }
}

fn whole_number(value: Value) -> Value {
    let text = match &value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return value,
    };
    let (digits, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let is_whole = fraction.bytes().all(|digit| digit == b'0') && (fraction.is_empty() != text.contains('.'));
    match digits.parse::<i64>() {
        Ok(number) if is_whole => Value::Number(Number::from(number)),
        _ => value,
    }
}

/// Converts to a list of strings. A string becomes a list of one, unless it is ambiguous.
fn list(value: Value, items: &Value) -> Value {
    let given = match value {
        Value::Array(given) => given,
        Value::String(text) => match as_list(&text, items) {
            Some(given) => given,
            None => return Value::String(text),
        },
        other => return other,
    };
    given.into_iter().filter_map(|item| value_for(item, items)).collect()
}

fn as_list(text: &str, items: &Value) -> Option<Vec<Value>> {
    let trimmed = text.trim();
    match serde_json::from_str(trimmed) {
        Ok(Value::Array(given)) => return Some(given),
        // JSON text, but not a list.
        Ok(Value::Object(_) | Value::String(_)) => return None,
        Ok(_) | Err(_) => {}
    }
    let looks_like_a_list = trimmed.starts_with('[') && trimmed.ends_with(']');
    let is_of_short_words = items.get("maxLength").and_then(Value::as_u64).is_some_and(|longest| longest <= SHORT_WORD);
    let may_be_several = is_of_short_words && trimmed.contains([',', ';', '\n']);
    (!looks_like_a_list && !may_be_several).then(|| vec![Value::String(text.to_owned())])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> JsonObject {
        let schema = json!({"type": "object", "properties": {
            "title": {"type": "string"}, "issue_number": {"type": "integer"}, "keep_open": {"type": "boolean"},
            "status": {"type": "string", "enum": ["done", "in_progress"]},
            "steps": {"type": "array", "items": {"type": "string", "maxLength": 4000}},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 50}},
        }});
        schema.as_object().unwrap().clone()
    }

    #[track_caller]
    fn assert_read(arguments: &Value, expected: &Value) {
        let read = read(arguments.as_object().unwrap().clone(), &schema());
        assert_eq!(Value::Object(read), *expected, "{arguments}");
    }

    #[test]
    fn a_form_with_one_meaning_is_converted() {
        for (sent, wanted) in [
            (json!({"steps": "[\"a\", \"b\"]"}), json!({"steps": ["a", "b"]})),
            (json!({"steps": " [] "}), json!({"steps": []})),
            (json!({"steps": "a"}), json!({"steps": ["a"]})),
            (json!({"steps": "[x] tested"}), json!({"steps": ["[x] tested"]})),
            (json!({"steps": "42, then 43"}), json!({"steps": ["42, then 43"]})),
            (json!({"steps": "42"}), json!({"steps": ["42"]})),
            (json!({"steps": [null, "a", ""]}), json!({"steps": ["a"]})),
            (json!({"tags": "decision"}), json!({"tags": ["decision"]})),
            (json!({"keep_open": "true"}), json!({"keep_open": true})),
            (json!({"keep_open": " False "}), json!({"keep_open": false})),
            (json!({"issue_number": "0"}), json!({"issue_number": 0})),
            (json!({"issue_number": 1.0}), json!({"issue_number": 1})),
            (json!({"issue_number": "87.0"}), json!({"issue_number": 87})),
            (json!({"issue_number": "-1"}), json!({"issue_number": -1})),
            (json!({"status": "DONE"}), json!({"status": "done"})),
            (json!({"issueNumber": 3, "keep-open": true}), json!({"issue_number": 3, "keep_open": true})),
        ] {
            assert_read(&sent, &wanted);
        }
    }

    #[test]
    fn null_and_empty_strings_are_omitted() {
        for nothing in [json!(null), json!("")] {
            let names = ["title", "issue_number", "keep_open", "status", "steps", "tags", "unheard_of"];
            let arguments = names.map(|name| (name.to_owned(), nothing.clone()));
            assert_read(&Value::Object(arguments.into_iter().collect()), &json!({}));
        }
        assert_read(&json!({"issue_number": "null", "steps": "null", "status": "null"}), &json!({}));
        assert_read(&json!({"wait_for_previous": true}), &json!({}));
    }

    #[test]
    fn a_string_is_unchanged() {
        for text in ["[x]", "[\"a\"]", "{\"a\": 1}", "true", "42", "null", " padded "] {
            assert_read(&json!({"title": text}), &json!({"title": text}));
        }
    }

    #[test]
    fn an_ambiguous_form_is_unchanged() {
        for sent in [
            json!({"steps": "['a']"}),
            json!({"steps": "{\"a\": 1}"}),
            json!({"steps": "\"a\""}),
            json!({"steps": 3}),
            json!({"steps": {"0": "a"}}),
            json!({"tags": "decision, finance"}),
            json!({"keep_open": "yes"}),
            json!({"keep_open": 1}),
            json!({"issue_number": "#87"}),
            json!({"issue_number": "1.5"}),
            json!({"issue_number": "1."}),
            json!({"issue_number": 1.5}),
            json!({"issue_number": true}),
            json!({"status": "finished"}),
            json!({"title": 42}),
            json!({"issueNumber": 1, "issue_number": 2}),
            json!({"unheard_of": 1}),
        ] {
            assert_read(&sent, &sent);
        }
    }
}
