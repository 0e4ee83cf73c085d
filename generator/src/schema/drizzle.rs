//! Tables that Drizzle declares in TypeScript.

use std::collections::BTreeSet;
use std::ops::Range;

use super::model::{Column, Other, Schema, Table};
use crate::lex::{Language, Tokens};

/// Functions that declare a table.
const TABLES: [&str; 4] = ["sqliteTable", "pgTable", "mysqlTable", "singlestoreTable"];
/// Functions that make such a function.
const MAKERS: [&str; 4] = ["sqliteTableCreator", "pgTableCreator", "mysqlTableCreator", "singlestoreTableCreator"];

/// The schema that a file declares.
pub(super) fn read(path: &str, text: &str) -> Schema {
    let tokens = Tokens::of(text, Language::JavaScript);
    let mut declares: BTreeSet<&str> = TABLES.into_iter().collect();
    let made = (2..tokens.len()).filter(|at| tokens.word(*at).is_some_and(|word| MAKERS.contains(&word)));
    declares.extend(made.filter(|at| tokens.is(at - 1, "=")).filter_map(|at| tokens.word(at - 2)));
    let mut schema = Schema::default();
    for at in 0..tokens.len() {
        let Some(word) = tokens.word(at) else { continue };
        let Some(open) = tokens.call_after(at) else { continue };
        let arguments = tokens.arguments(open);
        let Some(name) = arguments.first().and_then(|name| tokens.only_text(name)) else { continue };
        if declares.contains(word) {
            schema.create(table(&tokens, name, &format!("{path}:{}", tokens.line(at)), &arguments));
        } else if matches!(word, "pgEnum" | "mysqlEnum") {
            let values = arguments.get(1).map(|list| tokens.arguments(list.start)).unwrap_or_default();
            let values: Vec<&str> = values.iter().filter_map(|value| tokens.only_text(value)).collect();
            schema.put(Other::Enum, name, values.join(", "));
        }
    }
    schema
}

fn table(tokens: &Tokens<'_>, name: &str, place: &str, arguments: &[Range<usize>]) -> Table {
    let columns = arguments.get(1).and_then(|range| first(tokens, range, "{")).map(|open| tokens.arguments(open));
    let columns = columns.unwrap_or_default().into_iter().filter_map(|entry| column(tokens, &entry)).collect();
    let body = arguments.get(2).and_then(|range| {
        let arrow = range.clone().find(|at| tokens.is(*at, "=>"))?;
        (arrow + 2..range.end).take(8).find(|at| tokens.is(*at, "[") || tokens.is(*at, "{"))
    });
    let constraints = body.map(|open| tokens.arguments(open)).unwrap_or_default();
    let constraints = constraints.into_iter().map(|range| tokens.source(range)).collect();
    Table { name: name.to_owned(), place: place.to_owned(), columns, constraints, ..Table::default() }
}

/// The first such bracket of a range, in front of everything that is in brackets of other kinds.
fn first(tokens: &Tokens<'_>, range: &Range<usize>, bracket: &str) -> Option<usize> {
    range.clone().take(16).find(|at| tokens.is(*at, bracket))
}

/// `key: type("name", …).rule().rule()`.
fn column(tokens: &Tokens<'_>, entry: &Range<usize>) -> Option<Column> {
    let key =
        tokens.word(entry.start).or_else(|| tokens.text(entry.start)).filter(|_| tokens.is(entry.start + 1, ":"))?;
    // A builder that a callback is given stands before the type: `t.integer()`.
    let kind =
        (entry.start + 2..entry.end).find(|at| tokens.word(*at).is_some() && tokens.call_after(*at).is_some())?;
    let open = tokens.call_after(kind)?;
    let close = tokens.partner(open).min(entry.end);
    let given = tokens.arguments(open);
    let name = given.first().and_then(|name| tokens.only_text(name)).unwrap_or(key);
    let options: Vec<String> = given
        .iter()
        .filter(|range| tokens.only_text(range).is_none())
        .map(|range| tokens.source(range.clone()))
        .collect();
    let kind = tokens.word(kind)?;
    let kind = if options.is_empty() { kind.to_owned() } else { format!("{kind}({})", options.join(", ")) };
    let rules = tokens.source(close + 1..entry.end.max(close + 1));
    let rules: Vec<String> =
        Some(rules.trim_start_matches('.').to_owned()).filter(|rules| !rules.is_empty()).into_iter().collect();
    Some(Column { name: name.to_owned(), kind, rules })
}
