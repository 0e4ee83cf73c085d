//! Reads an entry of `create table`: a column with its rules, or a constraint.

use std::ops::Range;

use super::model::{Column, Table};
use super::statement::Statement;
use crate::lex::Tokens;

/// Words at the start of an entry that is a constraint and not a column.
const CONSTRAINTS: [&str; 9] =
    ["constraint", "primary", "foreign", "unique", "check", "exclude", "like", "fulltext", "spatial"];
/// Words that start a rule of a column. They end its type.
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

/// Adds the column or constraint of an entry to the table.
pub(super) fn add_entry(table: &mut Table, tokens: &Tokens<'_>, entry: Range<usize>) {
    let mut statement = Statement::of(tokens, entry);
    let is_period = Statement { ..statement }.take("period for");
    if statement.is_any(&CONSTRAINTS) || is_key(&statement) || is_period {
        table.constraints.push(statement.rest());
    } else if let Some(column) = column(&mut statement) {
        table.columns.push(column);
    }
}

/// Whether the entry is `key name (columns)` of `MySQL`. A column can also have the name `key`, but then a type
/// follows.
fn is_key(statement: &Statement<'_>) -> bool {
    let opens = |n: usize| statement.tokens.is_punct(statement.at + n, "(");
    let is_type =
        Statement { at: statement.at + 1, ..*statement }.is_any(&["varchar", "char", "decimal", "numeric", "int"]);
    statement.is_any(&["key", "index"]) && (opens(1) || opens(2) && !is_type)
}

/// Reads a column: its name, its type and its rules.
pub(super) fn column(statement: &mut Statement<'_>) -> Option<Column> {
    // SQLite also accepts a name in the quotes of a string.
    let name = statement.peek().or_else(|| statement.tokens.string(statement.at))?.to_owned();
    statement.at += 1;
    let start = statement.at;
    while statement.at < statement.end && !statement.is_any(&RULES) {
        statement.at = statement.tokens.after(statement.at);
    }
    let kind = statement.tokens.source(start..statement.at.min(statement.end));
    Some(Column { name, kind, rules: rules(statement) })
}

/// Reads the rules of a column, one by one.
fn rules(statement: &mut Statement<'_>) -> Vec<String> {
    let tokens = statement.tokens;
    let mut found = Vec::new();
    let mut start = statement.at;
    while statement.at < statement.end {
        let last = statement.at.checked_sub(1).and_then(|last| tokens.word(last)).unwrap_or_default();
        // Each of `not null`, `default null`, `on delete set null` and `constraint c unique` is one rule.
        let continues_rule =
            ["not", "default", "set", "by", "generated", "always"].iter().any(|word| last.eq_ignore_ascii_case(word));
        let follows_constraint_name =
            statement.at == start + 2 && tokens.word(start).is_some_and(|word| word.eq_ignore_ascii_case("constraint"));
        let starts = statement.is_any(&RULES) && !statement.is_any(&["on", "as"]);
        if starts && !continues_rule && !follows_constraint_name && statement.at > start {
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
