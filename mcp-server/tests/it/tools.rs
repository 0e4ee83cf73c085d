//! The definitions of the tools.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::Machine;

pub(crate) fn definitions() -> Vec<Value> {
    let machine = Machine::new();
    let dir = machine.folder("anywhere");
    let list = machine.agent("mac1-claude-1", &dir).request("tools/list", &json!({}));
    list["result"]["tools"].as_array().unwrap().clone()
}

/// The limit for all definitions together: every agent pays for them with its context in every session.
const BUDGET: usize = 12_000;

/// The names of arguments that need no description.
const PLAIN_NAMES: [&str; 25] = [
    "accomplished",
    "ack_required",
    "acknowledge",
    "action",
    "archived",
    "body",
    "content",
    "cursor",
    "escalation",
    "id",
    "in_progress",
    "keep_open",
    "key",
    "kind",
    "offset",
    "priority",
    "q",
    "reason",
    "sealed",
    "sent",
    "tag",
    "this_repository",
    "to_agent",
    "value",
    "version",
];

fn size(definitions: &[Value]) -> usize {
    json!(definitions).to_string().chars().count()
}

#[test]
fn all_definitions_together_are_small() {
    let size = size(&definitions());
    assert!(size <= BUDGET, "{size} characters");
}

/// `UPDATE_GENERATED=1` writes the page again.
#[test]
fn the_tools_in_the_documentation_are_in_step() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/mcp.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (open, close) = ("<!-- generated: tools -->\n", "<!-- end of tools -->");
    let (before, rest) = page.split_once(open).expect("docs/mcp.md has the opening marker");
    let (committed, after) = rest.split_once(close).expect("docs/mcp.md has the closing marker");
    let made = documentation(&definitions());
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, format!("{before}{open}{made}{close}{after}")).unwrap();
    } else {
        assert!(committed == made, "the tools in docs/mcp.md are out of date; run `just gen`");
    }
}

/// Everything that clients get, as Markdown.
fn documentation(definitions: &[Value]) -> String {
    let mut page = String::from("| tool | hints | what it does |\n|---|---|---|\n");
    for tool in definitions {
        let hints = tool["annotations"].as_object().unwrap().iter().filter(|(_, is_true)| is_true.as_bool().unwrap());
        let hints: Vec<&str> = hints.map(|(hint, _)| hint.strip_suffix("Hint").unwrap()).collect();
        let [name, description] = ["name", "description"].map(|field| tool[field].as_str().unwrap());
        writeln!(page, "| `{name}` | {} | {description} |", hints.join(", ")).unwrap();
    }
    for tool in definitions {
        writeln!(page, "\n### `{}`: {}", tool["name"].as_str().unwrap(), tool["title"].as_str().unwrap()).unwrap();
        page.push_str(&fields("argument", &tool["inputSchema"]));
        page.push_str(&fields("field of the answer", &tool["outputSchema"]));
    }
    writeln!(page, "\nAll definitions together are {} characters of JSON; the limit is {BUDGET}.", size(definitions))
        .unwrap();
    page
}

fn fields(title: &str, schema: &Value) -> String {
    let Some(fields) = schema["properties"].as_object() else { return String::new() };
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut table = format!("\n| {title} | type | |\n|---|---|---|\n");
    for (name, field) in fields {
        let need = if required.contains(&name.as_str()) { "Required. " } else { "" };
        let description = field["description"].as_str().unwrap_or_default();
        let line = format!("| {name} | {} | {need}{description}", kind(field));
        writeln!(table, "{} |", line.trim_end()).unwrap();
    }
    table
}

fn kind(schema: &Value) -> String {
    match schema["type"].as_str().unwrap() {
        "array" => format!("list of {}", kind(&schema["items"])),
        "object" if schema["properties"].is_object() => {
            let fields = schema["properties"].as_object().unwrap().iter();
            let fields: Vec<String> = fields.map(|(name, field)| format!("{name}: {}", kind(field))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        "object" => format!("object of {}", kind(&schema["additionalProperties"])),
        "string" if schema["enum"].is_array() => {
            let words: Vec<String> =
                schema["enum"].as_array().unwrap().iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect();
            words.join(", ")
        }
        other => other.to_owned(),
    }
}

#[test]
fn every_tool_has_a_title_and_a_description_and_says_whether_it_only_reads() {
    for tool in &definitions() {
        let name = &tool["name"];
        let description = tool["description"].as_str().unwrap();
        assert!((40..=200).contains(&description.len()), "{name}: {description}");
        assert!(tool["title"].as_str().is_some_and(|title| !title.is_empty()), "{name}");
        let hints = &tool["annotations"];
        if hints["readOnlyHint"] != true {
            // Codex asks before each call of a tool that leaves one of these out.
            for hint in ["destructiveHint", "openWorldHint"] {
                assert!(hints[hint].is_boolean(), "{name}: {hint}");
            }
        }
    }
}

#[test]
fn every_schema_is_portable_and_every_argument_explains_itself() {
    for tool in definitions() {
        for schema in ["inputSchema", "outputSchema"] {
            assert_eq!(tool[schema]["type"], "object", "{}", tool["name"]);
            assert_plain(&tool[schema], &format!("{}.{schema}", tool["name"]));
        }
        for (field, schema) in tool["inputSchema"]["properties"].as_object().into_iter().flatten() {
            let is_clear = schema["description"].is_string() || PLAIN_NAMES.contains(&field.as_str());
            assert!(is_clear, "{}: {field} needs a description", tool["name"]);
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

/// The harness checks each answer against its schema. This test calls every tool.
#[test]
fn every_answer_matches_its_schema() {
    let machine = Machine::new();
    let dir = machine.repository("https://github.com/example-org/alpha.git");
    let mut agent = machine.agent("mac1-claude-1", &dir);
    let _ = agent.call("note", &json!({"action": "create", "title": "t", "content": "c"})).good();
    let _ = agent.call("doc_audit", &json!({"action": "heal"})).good();
    let mut handoff = crate::harness::handoff("x");
    handoff["keep_open"] = json!(true);
    let _ = agent.call("handoff", &handoff).good();
    for tool in definitions().iter().filter(|tool| tool["inputSchema"]["required"].is_null()) {
        let name = tool["name"].as_str().unwrap();
        let answer = agent.call(name, &json!({}));
        // No GitHub answers here. `github.rs` and `status.rs` have one. `send` needs one of two sets of arguments.
        assert!(!answer.is_error || ["send", "status"].contains(&name), "{name}: {}", answer.text);
    }
}
