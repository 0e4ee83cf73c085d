//! Rows of tables of routes: `(Method::GET, "/path")` in a constant, and `"GET" "/path"` among the tokens of a macro.

use std::ops::ControlFlow;

use tree_sitter::Node;

use super::super::parse::children;
use super::super::{Element, Entry, Expression, Located, Statement, TextPart};
use super::{Lowering, macros};

/// The HTTP methods.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
/// The maximum number of rows of one file.
const MAX_ROWS: usize = 2_000;

/// The name of a call that has the rows of an attribute. No function has this name.
pub(crate) const TABLE: &str = "attribute_table!";
/// The maximum depth of brackets around the rows of an attribute.
const MAX_BRACKETS: usize = 3;

impl Lowering<'_> {
    /// The rows `"/path" => get(handler)` among the arguments of an attribute, also inside brackets.
    pub(super) fn attribute_table(&mut self, tree: Node<'_>, depth: usize) -> Option<Located> {
        let mut cursor = tree.walk();
        let tokens: Vec<Node<'_>> = tree.children(&mut cursor).filter(|child| !child.is_extra()).collect();
        let mut entries = Vec::new();
        for row in tokens.get(1..tokens.len().saturating_sub(1))?.split(|token| token.kind() == ",") {
            let [path, arrow, value @ ..] = row else { continue };
            if path.kind() != "string_literal" || arrow.kind() != "=>" {
                continue;
            }
            let value = match value {
                [list] if list.kind() == "token_tree" && self.source(*list).starts_with('[') => {
                    let elements = self.macro_arguments(*list);
                    Some(self.at(*list, Expression::List(elements)))
                }
                value => self.argument(value),
            };
            entries.extend(value.map(|value| Entry { key: Some(self.located(*path)), value }));
        }
        if entries.is_empty() {
            let inner = tokens.into_iter().filter(|token| token.kind() == "token_tree" && depth < MAX_BRACKETS);
            return inner.into_iter().find_map(|tree| self.attribute_table(tree, depth + 1));
        }
        let rows = Element { is_spread: false, name: None, value: self.at(tree, Expression::Record(entries)) };
        let callee = self.at(tree, Expression::Name(TABLE.to_owned()));
        Some(self.at(tree, macros::call(callee, vec![rows], "")))
    }

    /// The rows of a list of tuples.
    pub(super) fn table_rows(&mut self, value: Node<'_>) {
        let list = match value.kind() {
            "reference_expression" => value.child_by_field_name("value"),
            _ => Some(value),
        };
        for tuple in list.filter(|list| list.kind() == "array_expression").map(children).unwrap_or_default() {
            let cells = if tuple.kind() == "tuple_expression" { children(tuple) } else { Vec::new() };
            let Some([method, path]) = cells.get(..2) else { continue };
            let method_name = self.source(*method).rsplit("::").next().unwrap_or_default().trim_matches('"');
            if path.kind() == "string_literal" && METHODS.contains(&method_name) {
                let text = self.string(*path);
                self.row(*method, method_name, &text, "");
            }
        }
    }

    /// The rows among the tokens of a macro. The arguments of a call are no row.
    pub(super) fn token_rows(&mut self, node: Node<'_>) {
        let mut last: [Option<Node<'_>>; 3] = [None; 3];
        let mut cursor = node.walk();
        let _: ControlFlow<()> = loop {
            let token = cursor.node();
            let is_leaf = token.child_count() == 0 || token.kind() == "string_literal";
            if is_leaf && !token.is_extra() {
                self.token_row(&last, token);
                if !(token.kind() == "," && last[2].is_some_and(|before| METHODS.contains(&self.method_in(before)))) {
                    last = [last[1], last[2], Some(token)];
                }
            }
            if !is_leaf && cursor.goto_first_child() || cursor.goto_next_sibling() {
                continue;
            }
            let mut is_done = false;
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() || cursor.node() == node {
                    is_done = true;
                    break;
                }
            }
            if is_done {
                break ControlFlow::Break(());
            }
        };
    }

    fn method_in(&self, token: Node<'_>) -> &str {
        self.source(token).trim_matches('"')
    }

    fn token_row(&mut self, last: &[Option<Node<'_>>; 3], token: Node<'_>) {
        let (Some(method), before) = (last[2], last[1]) else { return };
        if token.kind() != "string_literal" || !METHODS.contains(&self.method_in(method)) {
            return;
        }
        let text = self.string(token);
        let before_kind = before.map_or("", |before| before.kind());
        let is_call = before_kind == "(" && last[0].is_some_and(|name| matches!(name.kind(), "identifier" | "!"));
        if text.starts_with('/') && !is_call && !matches!(before_kind, "," | ".") {
            let name = before.filter(|_| matches!(before_kind, "identifier" | "string_literal"));
            let name = name.map_or("", |name| self.method_in(name)).to_owned();
            let method_name = self.method_in(method).to_owned();
            self.row(method, &method_name, &text, &name);
        }
    }

    fn row(&mut self, node: Node<'_>, method: &str, path: &str, name: &str) {
        if self.rows.len() >= MAX_ROWS || !path.starts_with('/') {
            return;
        }
        let cell = |text: &str| {
            let value = self.at(node, Expression::Text(vec![TextPart::Literal(text.to_owned())]));
            Element { is_spread: false, name: None, value }
        };
        let arguments = vec![cell(method), cell(path), cell(name)];
        let callee = self.at(node, Expression::Name("table_row!".to_owned()));
        let row = self.at(node, macros::call(callee, arguments, ""));
        self.rows.push(Statement::Expression(row));
    }
}
