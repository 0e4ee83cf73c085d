//! What stands between two commas of a table: a column with its rules, or a constraint.

use std::ops::Range;

use super::model::{Column, Table};
use super::statement::Statement;
use crate::lex::Tokens;

/// Words that start a constraint of a table, where a column could stand.
const CONSTRAINTS: [&str; 10] =
    ["constraint", "primary", "foreign", "unique", "check", "exclude", "like", "fulltext", "spatial", "period"];
/// Words that start a rule of a column, and so end its type.
const RULES: [&str; 15] = [
    "not",
    "null",
    "primary",
    "unique",
    "check",
    "default",
    "references",
    "collate",
    "generated",
    "as",
    "constraint",
    "auto_increment",
    "comment",
    "on",
    "identity",
];

/// Adds what stands between two commas of a table: a column or a constraint.
pub(super) fn add_entry(table: &mut Table, tokens: &Tokens<'_>, entry: Range<usize>) {
    let mut statement = Statement::of(tokens, entry);
    if statement.is_any(&CONSTRAINTS) || is_key(&statement) {
        table.constraints.push(statement.rest());
    } else if let Some(column) = column(&mut statement) {
        table.columns.push(column);
    }
}

/// `MySQL`'s `key name (columns)`; a column may have that name too, and then has a type.
fn is_key(statement: &Statement<'_>) -> bool {
    let opens = |n: usize| statement.tokens.is(statement.at + n, "(");
    let is_type =
        Statement { at: statement.at + 1, ..*statement }.is_any(&["varchar", "char", "decimal", "numeric", "int"]);
    statement.is_any(&["key", "index"]) && (opens(1) || opens(2) && !is_type)
}

/// A column: its name, its type, its rules.
pub(super) fn column(statement: &mut Statement<'_>) -> Option<Column> {
    let name = statement.peek()?.to_owned();
    statement.at += 1;
    let start = statement.at;
    while statement.at < statement.end && !statement.is_any(&RULES) {
        statement.at = statement.tokens.after(statement.at);
    }
    let kind = statement.tokens.source(start..statement.at.min(statement.end));
    Some(Column { name, kind, rules: rules(statement) })
}

/// The rules of a column, one by one.
fn rules(statement: &mut Statement<'_>) -> Vec<String> {
    let tokens = statement.tokens;
    let mut found = Vec::new();
    let mut start = statement.at;
    while statement.at < statement.end {
        let last = statement.at.checked_sub(1).and_then(|last| tokens.word(last)).unwrap_or_default();
        // `not null`, `default null`, `on delete set null`, `constraint c unique` are one rule each.
        let goes_on =
            ["not", "default", "set", "by", "generated", "always"].iter().any(|word| last.eq_ignore_ascii_case(word));
        let named =
            statement.at == start + 2 && tokens.word(start).is_some_and(|word| word.eq_ignore_ascii_case("constraint"));
        let starts = statement.is_any(&RULES) && !statement.is_any(&["on", "as"]);
        if starts && !goes_on && !named && statement.at > start {
            found.push(tokens.source(start..statement.at));
            start = statement.at;
        }
        statement.at = tokens.after(statement.at);
    }
    if start < statement.end {
        found.push(tokens.source(start..statement.end));
    }
    found
}
