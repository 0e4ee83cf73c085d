//! Parts of Rust code: items with their attributes, and chains of calls.

use tree_sitter::Node;

use crate::code::{children, source};

/// The children of a node, each with the attributes before it.
pub(super) fn with_attributes<'t>(text: &str, node: Node<'t>) -> Vec<(Node<'t>, String)> {
    let mut found = Vec::new();
    let mut attributes = String::new();
    for child in children(node) {
        if child.kind() == "attribute_item" {
            attributes.push_str(source(text, child));
        } else {
            found.push((child, std::mem::take(&mut attributes)));
        }
    }
    found
}

/// Calls `visit` with each node of a kind, from the top. Does not go into nodes for which it returns true.
pub(super) fn each<'t>(node: Node<'t>, kind: &str, visit: &mut impl FnMut(Node<'t>) -> bool) {
    for child in children(node) {
        if child.kind() != kind || !visit(child) {
            each(child, kind, visit);
        }
    }
}

/// The value of `name = "value"` in attributes.
pub(super) fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = attributes;
    while let Some(at) = rest.find(name) {
        let before = rest.get(..at).unwrap_or_default();
        let after = rest.get(at + name.len()..).unwrap_or_default();
        let is_word = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if let Some(value) = after.trim_start().strip_prefix('=').filter(|_| is_word) {
            return value.split('"').nth(1);
        }
        rest = after;
    }
    None
}

/// Whether attributes have the word `name`.
pub(super) fn has_word(attributes: &str, name: &str) -> bool {
    attributes.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

/// A chain of calls: `Table::create().table(x)` is `Table::create` with the call `table(x)`.
pub(super) struct Chain<'t> {
    pub(super) start: String,
    pub(super) calls: Vec<(String, Vec<Node<'t>>)>,
}

/// The chain that a call ends.
pub(super) fn chain<'t>(text: &str, call: Node<'t>) -> Option<Chain<'t>> {
    let function = call.child_by_field_name("function")?;
    let arguments = call.child_by_field_name("arguments").map(children).unwrap_or_default();
    if function.kind() == "field_expression" {
        let value = function.child_by_field_name("value").filter(|value| value.kind() == "call_expression")?;
        let mut chain = chain(text, value)?;
        chain.calls.push((source(text, function.child_by_field_name("field")?).to_owned(), arguments));
        return Some(chain);
    }
    Some(Chain { start: source(text, function).to_owned(), calls: Vec::new() })
}
