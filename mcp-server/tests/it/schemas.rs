//! Checks that no vendor's API or command line tool refuses a schema of a tool. With one refused schema, an agent can't
//! use any tool of any server.
//!
//! Claude: its API refuses tool names outside `^[a-zA-Z0-9_-]{1,128}$`, property names outside
//! `^[a-zA-Z0-9_.-]{1,64}$`, `oneOf`, `anyOf` and `allOf` at the top level, and `$ref` anywhere
//! (anthropics/claude-code issues 4753 and 4886; freee/freee-mcp issue 15; "Self-hosted sandboxes" in the documents of
//! Claude's platform). Claude Code prefixes `mcp__deckwatch__`, and the whole name has at most 64 characters in older
//! versions.
//!
//! Gemini: function declarations are a subset of an OpenAPI 3.0 schema. The API refuses a value of `enum` that is not
//! a string or is empty, an `enum` of a type other than string, a schema without a type, and a list without items
//! (sbroenne/mcp-server-excel issue 607; microsoft/azure-devops-mcp issues 139 and 145; google-gemini/gemini-cli issue
//! 4400). Gemini CLI passes the schema on, and only turns `["string", "null"]` into `nullable` (`discoverTools` in
//! `packages/core/src/tools/mcp-client.ts`); it makes names of letters, digits, `_`, `-`, `.` and `:` with at most 64
//! characters (`generateValidName` in `packages/core/src/tools/mcp-tool.ts`).
//!
//! Codex: `parse_tool_input_schema` and `sanitize_json_schema` in openai/codex, `codex-rs/tools/src/json_schema.rs`. A
//! unknown keyword is dropped without a message, a schema without a type becomes a string, and a schema of type `null`
//! is an error. The root is an object.
//!
//! No model sees the output schemas. The TypeScript SDK of MCP, which Claude Code and Gemini CLI use, refuses the whole
//! list of tools if the type of one output schema is not `object` (opentokenz/mcpx issue 28). The same rules apply
//! here.

use serde_json::{Value, json};

use crate::tools::definitions;

/// The keywords that all three accept. The last four are bounds. Codex drops them.
const KEYWORDS: [&str; 12] = [
    "type",
    "description",
    "enum",
    "items",
    "properties",
    "required",
    "additionalProperties",
    "default",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
];

const TYPES: [&str; 6] = ["object", "array", "string", "integer", "number", "boolean"];

/// The parts of a schema that some vendor refuses, each with its path.
fn refused(schema: &Value, at: &str, found: &mut Vec<String>) {
    let Some(object) = schema.as_object() else {
        found.push(format!("{at} is no object: Codex reads it as a text"));
        return;
    };
    found.extend(object.keys().filter(|key| !KEYWORDS.contains(&key.as_str())).map(|key| format!("{at}: {key}")));
    let of_type = object.get("type").and_then(Value::as_str).unwrap_or_default();
    if !TYPES.contains(&of_type) {
        found.push(format!("{at} has no single type: Gemini refuses it"));
    }
    if let Some(words) = object.get("enum") {
        let is_word = |word: &Value| word.as_str().is_some_and(|word| !word.is_empty());
        if of_type != "string" || !words.as_array().is_some_and(|words| !words.is_empty() && words.iter().all(is_word))
        {
            found.push(format!("{at}: Gemini takes only texts in enum, not {words}"));
        }
    }
    if of_type == "array" && !object.contains_key("items") {
        found.push(format!("{at}: Gemini refuses a list without items"));
    }
    if let Some(more) = object.get("additionalProperties").filter(|more| !more.is_boolean()) {
        refused(more, &format!("{at}.additionalProperties"), found);
    }
    if let Some(items) = object.get("items") {
        refused(items, &format!("{at}[]"), found);
    }
    let nothing = serde_json::Map::new();
    let properties = object.get("properties").and_then(Value::as_object).unwrap_or(&nothing);
    for (name, inner) in properties {
        if !is_name(name, 64) {
            found.push(format!("{at}.{name}: Claude refuses this name"));
        }
        refused(inner, &format!("{at}.{name}"), found);
    }
    for name in object.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !name.as_str().is_some_and(|name| properties.contains_key(name)) {
            found.push(format!("{at}: {name} is required and no property, Gemini refuses it"));
        }
    }
}

fn is_name(name: &str, longest: usize) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    !name.is_empty() && name.len() <= longest && name.chars().all(fits)
}

#[test]
fn no_schema_is_refused_by_a_vendor() {
    for tool in definitions() {
        let name = tool["name"].as_str().unwrap();
        let offered = format!("mcp__deckwatch__{name}");
        assert!(is_name(&offered, 64) && !offered.contains('.'), "{offered}");
        for schema in ["inputSchema", "outputSchema"] {
            assert_eq!(tool[schema]["type"], "object", "{name}.{schema}");
            let mut found = Vec::new();
            refused(&tool[schema], &format!("{name}.{schema}"), &mut found);
            assert!(found.is_empty(), "{found:#?}");
        }
    }
}

#[test]
fn refused_schemas_are_detected() {
    for (property, part) in [
        (json!({"type": "string", "enum": ["a", null]}), "Gemini takes only texts in enum"),
        (json!({"type": "string", "enum": ["a", ""]}), "Gemini takes only texts in enum"),
        (json!({"type": "integer", "enum": [1, 2]}), "Gemini takes only texts in enum"),
        (json!({"enum": ["a"]}), "has no single type"),
        (json!({"type": ["string", "null"]}), "has no single type"),
        (json!({"type": "null"}), "has no single type"),
        (json!({"type": "array"}), "without items"),
        (json!({"type": "array", "items": {}}), "has no single type"),
        (json!({"anyOf": [{"type": "string"}]}), "anyOf"),
        (json!({"$ref": "#/x"}), "$ref"),
        (json!({"const": "a", "type": "string"}), "const"),
        (json!(true), "is no object"),
        (json!({"type": "object", "additionalProperties": {}}), "has no single type"),
        (json!({"type": "object", "properties": {}, "required": ["a"]}), "is required and no property"),
        (json!({"type": "object", "properties": {"a b": {"type": "string"}}}), "Claude refuses this name"),
    ] {
        let mut found = Vec::new();
        refused(&json!({"type": "object", "properties": {"x": property}}), "t", &mut found);
        assert!(found.iter().any(|one| one.contains(part)), "{property}: {found:?}");
    }
}
