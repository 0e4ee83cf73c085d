//! The Responses API, as Codex CLI uses it.

use serde_json::{Value, json};

use super::heard::{items, names, texts};
use super::script::{FINAL_TEXT, Step};
use super::serve::Reply;

/// The namespace under which Codex offers the tools of Deckwatch's server.
const NAMESPACE: &str = "mcp__deckwatch";

pub(super) fn tools(request: &Value) -> Vec<String> {
    items(&request["tools"]).flat_map(tool_names).collect()
}

pub(super) fn results(request: &Value) -> Vec<String> {
    let outputs = items(&request["input"]).filter(|item| item["type"] == "function_call_output");
    outputs.map(|item| texts(&item["output"])).collect()
}

/// The names of a tool, or of all tools of a namespace.
fn tool_names(tool: &Value) -> Vec<String> {
    let name = tool["name"].as_str().unwrap_or_default();
    if tool["type"] == "namespace" {
        names(&tool["tools"]).map(|inner| format!("{name}__{inner}")).collect()
    } else {
        vec![name.to_owned()]
    }
}

/// The name under which Codex lists a tool of Deckwatch.
pub(super) fn offered(tool: &str) -> String {
    format!("{NAMESPACE}__{tool}")
}

pub(super) fn reply(next: &Step) -> Reply {
    let item = match next {
        Step::Call { number, tool, arguments } => {
            let (namespace, name) = match tool.strip_prefix(&offered("")) {
                Some(name) => (Some(NAMESPACE), name),
                None => (None, tool.as_str()),
            };
            let mut call = json!({
                "type": "function_call", "id": format!("fc_{number}"), "call_id": format!("call_{number}"),
                "name": name, "arguments": arguments.to_string(), "status": "completed",
            });
            if let Some(namespace) = namespace {
                call["namespace"] = namespace.into();
            }
            call
        }
        Step::End => json!({
            "type": "message", "id": "msg_scripted", "role": "assistant", "status": "completed",
            "content": [{ "type": "output_text", "text": FINAL_TEXT, "annotations": [] }],
        }),
    };
    let usage = json!({
        "input_tokens": 1, "input_tokens_details": null, "output_tokens": 1, "output_tokens_details": null,
        "total_tokens": 2,
    });
    Reply::Events(vec![
        json!({ "type": "response.created", "response": { "id": "resp_scripted" } }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
        json!({ "type": "response.completed", "response": { "id": "resp_scripted", "usage": usage } }),
    ])
}
