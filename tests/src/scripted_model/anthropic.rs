//! The Messages API, as Claude Code uses it.

use serde_json::{Value, json};

use super::heard::{each, items, names, texts};
use super::script::{FINAL_TEXT, Step};
use super::serve::Reply;

pub(super) fn tools(request: &Value) -> Vec<String> {
    names(&request["tools"]).collect()
}

pub(super) fn results(request: &Value) -> Vec<String> {
    let blocks = each(&request["messages"], "content").flat_map(items);
    blocks.filter(|block| block["type"] == "tool_result").map(|block| texts(&block["content"])).collect()
}

/// The name under which Claude Code offers a tool of Deckwatch.
pub(super) fn offered(tool: &str) -> String {
    format!("mcp__deckwatch__{tool}")
}

pub(super) fn reply(path: &str, request: &Value, next: &Step) -> Reply {
    if path.ends_with("/count_tokens") {
        return Reply::Json(json!({ "input_tokens": 1 }));
    }
    let (opening, delta, whole, reason) = match next {
        Step::Call { number, tool, arguments } => {
            let block = |input: &Value| json!({ "type": "tool_use", "id": format!("toolu_{number}"), "name": tool, "input": input });
            let delta = json!({ "type": "input_json_delta", "partial_json": arguments.to_string() });
            (block(&json!({})), delta, block(arguments), "tool_use")
        }
        Step::End => {
            let block = |text: &str| json!({ "type": "text", "text": text });
            (block(""), json!({ "type": "text_delta", "text": FINAL_TEXT }), block(FINAL_TEXT), "end_turn")
        }
    };
    if request["stream"] == true {
        Reply::Events(events(&message(request, &[], None), &opening, &delta, reason))
    } else {
        Reply::Json(message(request, &[whole], Some(reason)))
    }
}

fn message(request: &Value, content: &[Value], stop_reason: Option<&str>) -> Value {
    json!({
        "id": "msg_scripted", "type": "message", "role": "assistant", "model": request["model"], "content": content,
        "stop_reason": stop_reason, "stop_sequence": null, "usage": { "input_tokens": 1, "output_tokens": 1 },
    })
}

fn events(message: &Value, block: &Value, delta: &Value, stop_reason: &str) -> Vec<Value> {
    vec![
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "content_block_start", "index": 0, "content_block": block }),
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({
            "type": "message_delta", "delta": { "stop_reason": stop_reason, "stop_sequence": null },
            "usage": { "output_tokens": 1 },
        }),
        json!({ "type": "message_stop" }),
    ]
}
