//! The answers of the model in the forms of the three APIs.

use serde_json::{Value, json};

const DONE: &str = "Done.";
const COMMAND: &str = "true";

/// An answer over HTTP.
pub(super) struct Reply {
    pub(super) kind: &'static str,
    pub(super) text: String,
}

/// The answer to a request for the model. `None` for every other path.
pub(super) fn reply(path: &str, request: &Value) -> Option<Reply> {
    if path.ends_with("/messages") {
        Some(anthropic(request))
    } else if path.ends_with("/responses") {
        Some(openai(request))
    } else if path.ends_with("enerateContent") {
        Some(google(path, request))
    } else {
        None
    }
}

/// Whether the model asks for the command: the conversation has no result yet, and the agent CLI offers this tool. It also
/// sends requests without tools, for example for a title.
fn asks(request: &Value, tool: &str, result: &str) -> bool {
    let text = request.to_string();
    text.contains(&format!("\"name\":\"{tool}\"")) && !text.contains(result)
}

fn anthropic(request: &Value) -> Reply {
    let asks = asks(request, "Bash", "\"type\":\"tool_result\"");
    let input = json!({ "command": COMMAND, "description": "look whether hooks run" });
    let (opening, delta, whole, reason) = if asks {
        let block = |input: &Value| json!({ "type": "tool_use", "id": "toolu_1", "name": "Bash", "input": input });
        let delta = json!({ "type": "input_json_delta", "partial_json": input.to_string() });
        (block(&json!({})), delta, block(&input), "tool_use")
    } else {
        let block = |text: &str| json!({ "type": "text", "text": text });
        (block(""), json!({ "type": "text_delta", "text": DONE }), block(DONE), "end_turn")
    };
    let message = |content: &[Value], reason: Option<&str>| {
        json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": request.get("model"), "content": content,
            "stop_reason": reason, "stop_sequence": null, "usage": { "input_tokens": 1, "output_tokens": 1 },
        })
    };
    if request.get("stream") != Some(&true.into()) {
        return document(&message(&[whole], Some(reason)));
    }
    let end = json!({ "stop_reason": reason, "stop_sequence": null });
    stream(&[
        json!({ "type": "message_start", "message": message(&[], None) }),
        json!({ "type": "content_block_start", "index": 0, "content_block": opening }),
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": end, "usage": { "output_tokens": 1 } }),
        json!({ "type": "message_stop" }),
    ])
}

fn openai(request: &Value) -> Reply {
    let item = if asks(request, "exec_command", "\"type\":\"function_call_output\"") {
        json!({
            "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "exec_command",
            "arguments": json!({ "cmd": COMMAND }).to_string(), "status": "completed",
        })
    } else {
        json!({
            "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{ "type": "output_text", "text": DONE, "annotations": [] }],
        })
    };
    let usage = json!({
        "input_tokens": 1, "input_tokens_details": null, "output_tokens": 1, "output_tokens_details": null,
        "total_tokens": 2,
    });
    stream(&[
        json!({ "type": "response.created", "response": { "id": "resp_1" } }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
        json!({ "type": "response.completed", "response": { "id": "resp_1", "usage": usage } }),
    ])
}

fn google(path: &str, request: &Value) -> Reply {
    let tool = "run_shell_command";
    let part = if asks(request, tool, "\"functionResponse\"") {
        json!({ "functionCall": { "name": tool, "args": { "command": COMMAND, "description": "look whether hooks run" } } })
    } else {
        json!({ "text": DONE })
    };
    let content = json!({ "role": "model", "parts": [part] });
    let answer = json!({
        "candidates": [{ "index": 0, "content": content, "finishReason": "STOP" }],
        "usageMetadata": { "promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2 },
    });
    if path.ends_with(":streamGenerateContent") { stream(&[answer]) } else { document(&answer) }
}

fn document(value: &Value) -> Reply {
    Reply { kind: "application/json", text: value.to_string() }
}

/// Server-sent events, each named after its `type` if it has one.
fn stream(events: &[Value]) -> Reply {
    let event = |data: &Value| {
        let name = data.get("type").and_then(Value::as_str).map(|name| format!("event: {name}\n"));
        format!("{}data: {data}\n\n", name.unwrap_or_default())
    };
    Reply { kind: "text/event-stream", text: events.iter().map(event).collect() }
}
