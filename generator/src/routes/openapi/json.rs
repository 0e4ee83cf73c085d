//! Reads JSON from tokens, because they have line numbers and accept any depth of nesting.

use super::node::{MAX_DEPTH, Node, Value};
use crate::lex::{Language, Tokens};

pub(super) fn read(text: &str) -> Node {
    let tokens = Tokens::of(text, Language::Json);
    node(&tokens, 0, 0)
}

fn node(tokens: &Tokens<'_>, at: usize, depth: usize) -> Node {
    let value = if let Some(text) = tokens.string(at) {
        Value::Text(unescaped(text))
    } else if depth >= MAX_DEPTH {
        Value::Other
    } else if tokens.is_punct(at, "{") {
        let entries = tokens.entries(at).into_iter();
        Value::Mapping(entries.map(|(key, at)| (unescaped(key), node(tokens, at, depth + 1))).collect())
    } else if tokens.is_punct(at, "[") {
        Value::List(tokens.arguments(at).into_iter().map(|range| node(tokens, range.start, depth + 1)).collect())
    } else {
        Value::Other
    };
    Node { line: tokens.line(at), value }
}

/// Resolves the escapes of a JSON string. If the string is invalid, the text is returned unchanged.
fn unescaped(text: &str) -> String {
    serde_json::from_str(&format!("\"{text}\"")).unwrap_or_else(|_| text.to_owned())
}
