//! Parses a tool call whose arguments are not an object.

use rmcp::ErrorData;
use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};

/// Parses the call. Some clients send the object as JSON text, or an empty list for no arguments.
pub(crate) fn parse_call(params: Option<Value>) -> Result<CallToolRequestParams, ErrorData> {
    let mut params = params.unwrap_or_default();
    let arguments = params.get("arguments").map_or(Value::Null, parse_arguments);
    if !arguments.is_object() && !arguments.is_null() {
        return Err(refusal("arguments must be a JSON object"));
    }
    if let Some(params) = params.as_object_mut() {
        params.insert("arguments".to_owned(), arguments);
    }
    serde_json::from_value(params).map_err(|_| refusal("name must be the name of a tool"))
}

fn parse_arguments(arguments: &Value) -> Value {
    match arguments {
        Value::String(text) if text.trim().is_empty() => Value::Null,
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| arguments.clone()),
        Value::Array(items) if items.is_empty() => Value::Null,
        other => other.clone(),
    }
}

fn refusal(what: &str) -> ErrorData {
    let example = json!({"name": "sod", "arguments": {"track": 1}});
    let text = format!("These params of tools/call are not valid: {what}. Send for example {example}.");
    ErrorData::invalid_params(text, None)
}
