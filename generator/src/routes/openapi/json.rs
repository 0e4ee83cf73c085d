//! Reads OpenAPI files in JSON. It works on tokens, because they have line numbers and accept any depth of nesting.

use super::super::model::joined;
use super::{Operation, is_method};
use crate::lex::{Language, Tokens};

pub(super) fn read(text: &str) -> Vec<Operation> {
    let tokens = Tokens::of(text, Language::Json);
    let top = tokens.entries(0);
    let find = |key: &str| top.iter().find(|(name, _)| *name == key).map(|(_, at)| *at);
    if find("openapi").or_else(|| find("swagger")).is_none() {
        return Vec::new();
    }
    let base = find("basePath").and_then(|at| tokens.string(at)).unwrap_or_default();
    let mut operations = Vec::new();
    for (path, at) in find("paths").map(|open| tokens.entries(open)).unwrap_or_default() {
        for (method, open) in tokens.entries(at).into_iter().filter(|(method, _)| is_method(method)) {
            let fields = tokens.entries(open);
            let text = |key: &str| {
                let value = fields.iter().find(|(name, _)| *name == key).and_then(|(_, at)| tokens.string(*at));
                value.map(unescaped).unwrap_or_default()
            };
            let (summary, description) = (text("summary"), text("description"));
            operations.push(Operation {
                method: method.to_uppercase(),
                path: joined(base, &unescaped(path)),
                line: tokens.line(open),
                summary: if summary.is_empty() { description } else { summary },
                id: text("operationId"),
            });
        }
    }
    operations
}

/// Resolves the escapes of a JSON string. If the string is invalid, the text is returned unchanged.
fn unescaped(text: &str) -> String {
    serde_json::from_str(&format!("\"{text}\"")).unwrap_or_else(|_| text.to_owned())
}
