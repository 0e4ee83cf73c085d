//! A request to the model, parsed.

use serde_json::Value;

/// A request that the model has received.
#[derive(Debug, Clone, Default)]
pub struct ModelRequest {
    /// The request's path.
    pub path: String,
    /// The names of the tools that the model may call.
    pub tools: Vec<String>,
    /// The results of the calls so far, one text for each call.
    pub results: Vec<String>,
    /// All texts in the request: instructions, descriptions of tools, the conversation.
    pub text: String,
    /// The first message of the conversation. Only Claude Code's requests have one.
    pub opening: String,
}

/// The values of the field `name` of each item of a list.
pub(super) fn each<'a>(list: &'a Value, name: &'a str) -> impl Iterator<Item = &'a Value> {
    items(list).filter_map(move |item| item.get(name))
}

/// The items of a list; no items if `list` is not a list.
pub(super) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The string values of the field `name` of each item.
pub(super) fn names(list: &Value) -> impl Iterator<Item = String> {
    each(list, "name").filter_map(Value::as_str).map(str::to_owned)
}

/// All texts within a value, one per line, because each API wraps the answer of a tool differently.
pub(super) fn texts(value: &Value) -> String {
    let inner: Vec<String> = match value {
        Value::String(text) => return text.clone(),
        Value::Array(items) => items.iter().map(texts).collect(),
        Value::Object(fields) => fields.values().map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return String::new(),
    };
    inner.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}
