//! What one request told the model.

use serde_json::Value;

/// A request, read.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Its path.
    pub path: String,
    /// The names of the tools that the model may call.
    pub tools: Vec<String>,
    /// What its calls gave so far, one text for each.
    pub results: Vec<String>,
    /// Every text in the request: instructions, descriptions of tools, the conversation.
    pub told: String,
}

/// The values under a name in each of a list's items.
pub(super) fn each<'a>(list: &'a Value, name: &'a str) -> impl Iterator<Item = &'a Value> {
    items(list).filter_map(move |item| item.get(name))
}

/// The items of a list; none of anything else.
pub(super) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The texts of the items whose `name` is one.
pub(super) fn names(list: &Value) -> impl Iterator<Item = String> {
    each(list, "name").filter_map(Value::as_str).map(str::to_owned)
}

/// Every text within a value, a line for each: the APIs wrap a tool's answer in different ways.
pub(super) fn texts(value: &Value) -> String {
    let inner: Vec<String> = match value {
        Value::String(text) => return text.clone(),
        Value::Array(items) => items.iter().map(texts).collect(),
        Value::Object(fields) => fields.values().map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return String::new(),
    };
    inner.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}
