//! The definitions of the tools.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::Machine;

pub(crate) fn definitions() -> Vec<Value> {
    let machine = Machine::new();
    let dir = machine.folder("anywhere");
    let list = machine.agent("mac1-claude-1", &dir).request("tools/list", &json!({}));
    list["result"]["tools"].as_array().unwrap().clone()
}

/// `UPDATE_GENERATED=1` writes the file again.
#[test]
fn definitions_are_the_committed_ones() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tools.json");
    let now = serde_json::to_string_pretty(&definitions()).unwrap() + "\n";
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&file, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        now == committed,
        "the tools changed; look at the change, then UPDATE_GENERATED=1 writes {}",
        file.display()
    );
}

#[test]
fn all_definitions_together_are_small() {
    let size = json!(definitions()).to_string().chars().count();
    assert!(size < 16_000, "{size} characters");
}

#[test]
fn every_tool_has_a_name_a_title_and_a_description() {
    let definitions = definitions();
    let names: Vec<_> = definitions.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "sod",
            "handoff",
            "handoffs",
            "status",
            "plan",
            "note",
            "notes",
            "doc",
            "doc_audit",
            "ventures",
            "context",
            "preflight"
        ]
    );
    for tool in &definitions {
        let name = &tool["name"];
        let description = tool["description"].as_str().unwrap();
        assert!((40..=300).contains(&description.len()), "{name}: {description}");
        assert!(tool["title"].as_str().is_some_and(|title| !title.is_empty()), "{name}");
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{name}: {hint}");
        }
        let report = &tool["outputSchema"]["properties"]["report"]["type"];
        assert_eq!(report, "string", "{name}: the result has no report");
    }
}

#[test]
fn every_schema_is_portable_and_every_argument_has_a_description() {
    for tool in definitions() {
        for schema in ["inputSchema", "outputSchema"] {
            assert_eq!(tool[schema]["type"], "object", "{}", tool["name"]);
            assert_plain(&tool[schema], &format!("{}.{schema}", tool["name"]));
        }
        assert_eq!(tool["inputSchema"]["additionalProperties"], false);
        for (field, schema) in tool["inputSchema"]["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "{}: {field}", tool["name"]);
        }
    }
}

fn assert_plain(schema: &Value, at: &str) {
    match schema {
        Value::Object(object) => {
            for key in ["$ref", "$defs", "anyOf", "oneOf", "allOf", "$schema", "pattern", "format"] {
                assert!(!object.contains_key(key), "{at}: {key}");
            }
            if let Some(kind) = object.get("type") {
                assert!(kind.is_string() || kind.is_object(), "{at}: {kind}");
            }
            object.iter().for_each(|(key, value)| assert_plain(value, &format!("{at}.{key}")));
        }
        Value::Array(items) => items.iter().for_each(|item| assert_plain(item, at)),
        _ => {}
    }
}

/// The answers of the tools match their output schemas.
#[test]
fn answers_have_the_fields_that_their_schemas_require() {
    let machine = Machine::new();
    let dir = machine.repository("https://github.com/example-org/alpha.git");
    let mut agent = machine.agent("mac1-claude-1", &dir);
    let calls = [
        ("sod", json!({})),
        ("context", json!({})),
        ("preflight", json!({})),
        ("note", json!({"action": "create", "title": "t", "content": "c"})),
        ("notes", json!({})),
        ("doc", json!({"name": "api.md"})),
        ("doc", json!({})),
        ("handoffs", json!({})),
        ("doc_audit", json!({"action": "heal"})),
        ("plan", json!({})),
        ("ventures", json!({})),
        ("handoff", crate::harness::handoff("x")),
    ];
    for (name, arguments) in calls {
        let answer = agent.call(name, &arguments).good();
        let tool = definitions().into_iter().find(|tool| tool["name"] == name).unwrap();
        let (schema, facts) = (&tool["outputSchema"], answer.facts.as_object().unwrap());
        for field in schema["required"].as_array().unwrap() {
            assert!(facts.contains_key(field.as_str().unwrap()), "{name}: {field}");
        }
        for field in facts.keys() {
            assert!(schema["properties"].as_object().unwrap().contains_key(field), "{name}: {field}");
        }
    }
}
