//! The Gemini API, as Gemini CLI uses it.

use serde_json::{Value, json};

use super::heard::{each, items, names, texts};
use super::script::{FINAL_TEXT, Step};
use super::serve::Reply;

pub(super) fn tools(request: &Value) -> Vec<String> {
    each(&request["tools"], "functionDeclarations").flat_map(names).collect()
}

pub(super) fn results(request: &Value) -> Vec<String> {
    let parts = each(&request["contents"], "parts").flat_map(items);
    parts.filter_map(|part| part.get("functionResponse")).map(|result| texts(&result["response"])).collect()
}

/// The name under which Gemini CLI offers a tool of Deckwatch.
pub(super) fn offered(tool: &str) -> String {
    format!("mcp_deckwatch_{tool}")
}

pub(super) fn reply(path: &str, next: &Step) -> Reply {
    let part = match next {
        Step::Call { tool, arguments, .. } => json!({ "functionCall": { "name": tool, "args": arguments } }),
        Step::End => json!({ "text": FINAL_TEXT }),
    };
    let answer = json!({
        "candidates": [{
            "index": 0, "content": { "role": "model", "parts": [part] }, "finishReason": "STOP",
        }],
        "usageMetadata": { "promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2 },
    });
    if path.ends_with(":streamGenerateContent") { Reply::Events(vec![answer]) } else { Reply::Json(answer) }
}
