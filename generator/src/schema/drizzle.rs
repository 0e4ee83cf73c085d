//! Reads the tables that TypeScript code declares with Drizzle.

use std::collections::BTreeSet;
use std::ops::Range;

use super::model::{Column, ObjectKind, Schema, Table};
use crate::lex::{Language, Tokens};

/// Functions that declare a table.
const TABLES: [&str; 4] = ["sqliteTable", "pgTable", "mysqlTable", "singlestoreTable"];
/// Functions that create such a function.
const TABLE_CREATORS: [&str; 4] =
    ["sqliteTableCreator", "pgTableCreator", "mysqlTableCreator", "singlestoreTableCreator"];

/// The schema that a file declares.
pub(super) fn read(path: &str, text: &str) -> Schema {
    let tokens = Tokens::of(text, Language::JavaScript);
    let mut table_functions: BTreeSet<&str> = TABLES.into_iter().collect();
    let creators = (2..tokens.len()).filter(|at| tokens.word(*at).is_some_and(|word| TABLE_CREATORS.contains(&word)));
    table_functions.extend(creators.filter(|at| tokens.is_punct(at - 1, "=")).filter_map(|at| tokens.word(at - 2)));
    let mut schema = Schema::default();
    for at in 0..tokens.len() {
        let Some(word) = tokens.word(at) else { continue };
        let Some(open) = tokens.call_after(at) else { continue };
        let arguments = tokens.arguments(open);
        let Some(name) = arguments.first().and_then(|name| tokens.only_string(name)) else { continue };
        if table_functions.contains(word) {
            schema.create(table(&tokens, name, &format!("{path}:{}", tokens.line(at)), &arguments));
        } else if matches!(word, "pgEnum" | "mysqlEnum") {
            let values = arguments.get(1).map(|list| tokens.arguments(list.start)).unwrap_or_default();
            let values: Vec<&str> = values.iter().filter_map(|value| tokens.only_string(value)).collect();
            schema.add(ObjectKind::Enum, name, values.join(", "));
        }
    }
    schema
}

fn table(tokens: &Tokens<'_>, name: &str, place: &str, arguments: &[Range<usize>]) -> Table {
    let columns = arguments.get(1).and_then(|range| first(tokens, range, "{")).map(|open| tokens.arguments(open));
    let columns = columns.unwrap_or_default().into_iter().filter_map(|entry| column(tokens, &entry)).collect();
    let body = arguments.get(2).and_then(|range| {
        let arrow = range.clone().find(|at| tokens.is_punct(*at, "=>"))?;
        (arrow + 2..range.end).take(8).find(|at| tokens.is_punct(*at, "[") || tokens.is_punct(*at, "{"))
    });
    let constraints = body.map(|open| tokens.arguments(open)).unwrap_or_default();
    let constraints = constraints.into_iter().map(|range| tokens.source(range)).collect();
    Table { name: name.to_owned(), place: place.to_owned(), columns, constraints, ..Table::default() }
}

/// The first bracket of this kind among the first tokens of a range.
fn first(tokens: &Tokens<'_>, range: &Range<usize>, bracket: &str) -> Option<usize> {
    range.clone().take(16).find(|at| tokens.is_punct(*at, bracket))
}

/// Reads a column: `key: type("name", …).rule().rule()`.
fn column(tokens: &Tokens<'_>, entry: &Range<usize>) -> Option<Column> {
    let key = tokens
        .word(entry.start)
        .or_else(|| tokens.string(entry.start))
        .filter(|_| tokens.is_punct(entry.start + 1, ":"))?;
    // If a callback declares the columns, its builder comes before the type: `t.integer()`.
    let kind =
        (entry.start + 2..entry.end).find(|at| tokens.word(*at).is_some() && tokens.call_after(*at).is_some())?;
    let open = tokens.call_after(kind)?;
    let close = tokens.matching(open).min(entry.end);
    let arguments = tokens.arguments(open);
    let name = arguments.first().and_then(|name| tokens.only_string(name)).unwrap_or(key);
    let options: Vec<String> = arguments
        .iter()
        .filter(|range| tokens.only_string(range).is_none())
        .map(|range| tokens.source(range.clone()))
        .collect();
    let kind = tokens.word(kind)?;
    let kind = if options.is_empty() { kind.to_owned() } else { format!("{kind}({})", options.join(", ")) };
    let rules = tokens.source(close + 1..entry.end.max(close + 1));
    let rules: Vec<String> =
        Some(rules.trim_start_matches('.').to_owned()).filter(|rules| !rules.is_empty()).into_iter().collect();
    Some(Column { name: name.to_owned(), kind, rules })
}
