//! Applies the `create`, `alter` and `drop` statements of an SQL file to a schema.
//!
//! It supports the syntax that SQLite, `PostgreSQL` and `MySQL` have in common and skips other statements.

use std::ops::Range;

use super::alter;
use super::column::add_entry;
use super::model::{Column, ObjectKind, Schema, Table};
use super::statement::{Statement, split};
use crate::lex::{Language, Tokens};

/// Applies an SQL file to a schema.
pub(super) fn apply(schema: &mut Schema, path: &str, text: &str) {
    let tokens = Tokens::of(text, Language::Sql);
    for range in split(&tokens) {
        let place = format!("{path}:{}", tokens.line(range.start));
        let mut statement = Statement::of(&tokens, range.clone());
        let is_of_table = is_of_table(&statement);
        let applied = if statement.take("create") {
            create(schema, &mut statement, place.clone())
        } else if statement.take("alter table") {
            alter::table(schema, &mut statement)
        } else if statement.take("alter type") {
            alter::enum_type(schema, &mut statement)
        } else if statement.take("drop") {
            drop_all(schema, &mut statement)
        } else {
            None
        };
        if applied.is_none() && is_of_table {
            let words = Statement::of(&tokens, range.start..range.end.min(range.start + 8)).rest();
            schema.add_not_understood(place, words);
        }
    }
}

/// Whether a statement creates or changes a table.
fn is_of_table(statement: &Statement<'_>) -> bool {
    let words = [statement.tokens.word(statement.at), statement.tokens.word(statement.at + 1)];
    let is = |word: Option<&str>, other: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(other));
    (is(words[0], "create") || is(words[0], "alter")) && is(words[1], "table")
}

fn create(schema: &mut Schema, statement: &mut Statement<'_>, place: String) -> Option<()> {
    statement.take("or replace");
    statement.skip(&["temp", "temporary", "unlogged", "global", "local", "materialized", "recursive", "constraint"]);
    if statement.take("table") {
        let table = table(schema, statement, place)?;
        schema.create(table);
    } else if statement.take("virtual table") {
        schema.create(virtual_table(statement, place)?);
    } else if statement.is_any(&["unique", "index", "fulltext", "spatial"]) {
        index(schema, statement)?;
    } else if statement.take("view") {
        statement.take("if not exists");
        schema.add(ObjectKind::View, &statement.name()?, place);
    } else if statement.take("trigger") {
        statement.take("if not exists");
        let name = statement.name()?;
        let (event, on) = trigger(statement);
        schema.add(ObjectKind::Trigger, &name, format!("{event} on {on}"));
    } else if statement.take("type") {
        let name = statement.name()?;
        if statement.take("as enum") {
            let values = statement.tokens.arguments(statement.bracket()?);
            let values: Vec<&str> = values.iter().filter_map(|value| statement.tokens.only_string(value)).collect();
            schema.add(ObjectKind::Enum, &name, values.join(", "));
        }
    }
    Some(())
}

fn table(schema: &mut Schema, statement: &mut Statement<'_>, place: String) -> Option<Table> {
    statement.take("if not exists");
    let name = statement.name()?;
    let mut table = Table { name, place, ..Table::default() };
    if !statement.tokens.is_punct(statement.at, "(") {
        table.options = statement.rest();
        table.columns = selected(schema, statement);
        return Some(table);
    }
    for entry in statement.tokens.arguments(statement.at) {
        add_entry(&mut table, statement.tokens, entry);
    }
    statement.at = statement.tokens.matching(statement.at) + 1;
    table.options = statement.rest().to_lowercase();
    Some(table)
}

/// The columns that `as select …` defines.
fn selected(schema: &mut Schema, statement: &mut Statement<'_>) -> Vec<Column> {
    let tokens = statement.tokens;
    while statement.peek().is_some() && !statement.is("select") {
        statement.at += 1;
    }
    statement.at += 1;
    statement.skip(&["distinct", "all"]);
    let mut items = Vec::new();
    let mut start = statement.at;
    while statement.at < statement.end && !statement.is("from") {
        if tokens.is_punct(statement.at, ",") {
            items.push(start..statement.at);
            start = statement.at + 1;
        }
        statement.at = tokens.after(statement.at);
    }
    items.push(start..statement.at);
    if statement.take("from") && items.iter().any(|item| tokens.is_punct(item.start, "*")) {
        let from = statement.name();
        return from.and_then(|from| schema.table(&from)).map(|table| table.columns.clone()).unwrap_or_default();
    }
    let column = |item: &Range<usize>| {
        let name = tokens.word(item.end.checked_sub(1)?)?.to_owned();
        Some(Column { name, kind: String::new(), rules: vec![tokens.source(item.clone())] })
    };
    items.iter().filter_map(column).collect()
}

fn virtual_table(statement: &mut Statement<'_>, place: String) -> Option<Table> {
    statement.take("if not exists");
    let name = statement.name()?;
    let options = format!("virtual {}", statement.rest());
    let is_fts = statement.take("using") && statement.is_any(&["fts3", "fts4", "fts5"]);
    let entries = statement.bracket().map(|open| statement.tokens.arguments(open)).filter(|_| is_fts);
    // An entry of the full text search is a column, or an option: `content = 'notes'`.
    let column = |entry: Range<usize>| {
        let is_option = statement.tokens.is_punct(entry.start + 1, "=");
        let name = statement.tokens.word(entry.start).filter(|_| !is_option)?;
        Some(Column { name: name.to_owned(), kind: String::new(), rules: Vec::new() })
    };
    let columns = entries.unwrap_or_default().into_iter().filter_map(column).collect();
    Some(Table { name, place, columns, options, ..Table::default() })
}

fn index(schema: &mut Schema, statement: &mut Statement<'_>) -> Option<()> {
    let unique = if statement.is("unique") { "unique " } else { "" };
    statement.skip(&["unique", "fulltext", "spatial", "index", "concurrently"]);
    statement.take("if not exists");
    let name = if statement.is("on") { String::new() } else { statement.name()? };
    let _ = statement.take("on only") || statement.take("on");
    let table = statement.name()?;
    let on = statement.rest();
    let name = if name.is_empty() { format!("on {on}") } else { name };
    schema.table(&table)?.indexes.insert(name, format!("{unique}{on}"));
    Some(())
}

/// The event and the table of a trigger.
fn trigger(statement: &mut Statement<'_>) -> (String, String) {
    let start = statement.at;
    while statement.at < statement.end && !statement.is("on") {
        statement.at += 1;
    }
    let event = statement.tokens.source(start..statement.at);
    statement.take("on");
    (event.to_lowercase(), statement.name().unwrap_or_default())
}

fn drop_all(schema: &mut Schema, statement: &mut Statement<'_>) -> Option<()> {
    statement.take("materialized");
    let kind = statement.peek()?.to_ascii_lowercase();
    statement.at += 1;
    statement.take("concurrently");
    statement.take("if exists");
    loop {
        let name = statement.name()?;
        match kind.as_str() {
            "table" => schema.drop_table(&name),
            "index" => schema.drop_index(&name),
            "view" => schema.remove(ObjectKind::View, &name),
            "trigger" => schema.remove(ObjectKind::Trigger, &name),
            "type" => schema.remove(ObjectKind::Enum, &name),
            _ => return None,
        }
        if !statement.tokens.is_punct(statement.at, ",") {
            return Some(());
        }
        statement.at += 1;
    }
}
