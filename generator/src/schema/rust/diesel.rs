//! The macro `table!` of Diesel.

use tree_sitter::Node;

use super::super::model::{Column, Table};
use super::syntax::each;
use crate::code::{line, source};

/// The tables of a file.
pub(super) fn tables(path: &str, text: &str, root: Node<'_>) -> Vec<Table> {
    let mut found = Vec::new();
    each(root, "macro_invocation", &mut |node| {
        let name = node.child_by_field_name("macro").map(|name| source(text, name)).unwrap_or_default();
        if name == "table" || name.ends_with("::table") {
            let place = format!("{path}:{}", line(node));
            found.extend(tokens(node).and_then(|tokens| table(text, &tokens, place)));
        }
        true
    });
    found
}

/// The tokens in the brackets of a node, without the brackets.
fn tokens(node: Node<'_>) -> Option<Vec<Node<'_>>> {
    let tree = if node.kind() == "token_tree" {
        node
    } else {
        let mut cursor = node.walk();
        node.children(&mut cursor).find(|child| child.kind() == "token_tree")?
    };
    let mut cursor = tree.walk();
    let all: Vec<_> = tree.children(&mut cursor).filter(|child| !child.is_extra()).collect();
    all.get(1..all.len().checked_sub(1)?).map(<[Node<'_>]>::to_vec)
}

/// The table of `use …; #[sql_name = "x"] schema.name (key) { column -> Type, … }`.
fn table(text: &str, tokens: &[Node<'_>], place: String) -> Option<Table> {
    let of = |at: usize| tokens.get(at).map(|token| source(text, *token)).unwrap_or_default();
    let last_semicolon = (0..tokens.len()).rev().find(|at| of(*at) == ";");
    let mut at = last_semicolon.map_or(0, |at| at + 1);
    let own = sql_name(text, tokens, &mut at);
    let mut name = own.unwrap_or_else(|| of(at).to_owned());
    at += 1;
    if of(at) == "." {
        name = format!("{name}.{}", of(at + 1));
        at += 2;
    }
    let body = tokens.get(at..)?.iter().find(|token| source(text, **token).starts_with('{'))?;
    let keys = of(at).strip_prefix('(').and_then(|keys| keys.strip_suffix(')'));
    let constraints = keys.map(|keys| format!("primary key ({keys})")).into_iter().collect();
    let columns = columns(text, &self::tokens(*body)?);
    Some(Table { name, place, columns, constraints, ..Table::default() })
}

/// Skips attributes. Returns the name that `#[sql_name = "x"]` gives.
fn sql_name(text: &str, tokens: &[Node<'_>], at: &mut usize) -> Option<String> {
    let mut name = None;
    while tokens.get(*at).is_some_and(|token| source(text, *token) == "#") {
        let attribute = tokens.get(*at + 1).map(|token| source(text, *token)).unwrap_or_default();
        name = name.or_else(|| super::syntax::attribute(attribute, "sql_name").map(str::to_owned));
        *at += 2;
    }
    name
}

fn columns(text: &str, tokens: &[Node<'_>]) -> Vec<Column> {
    let of = |at: usize| tokens.get(at).map(|token| source(text, *token)).unwrap_or_default();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let own = sql_name(text, tokens, &mut at);
        let name = own.unwrap_or_else(|| of(at).trim_start_matches("r#").to_owned());
        let is_column = of(at + 1) == "->";
        let mut kind = String::new();
        at += 2;
        let mut depth = 0_usize;
        while at < tokens.len() && (depth > 0 || of(at) != ",") {
            // `>>` is one token.
            depth = (depth + of(at).matches('<').count()).saturating_sub(of(at).matches('>').count());
            kind.push_str(of(at));
            at += 1;
        }
        at += 1;
        if is_column {
            found.push(Column { name, kind, rules: Vec::new() });
        }
    }
    found
}
