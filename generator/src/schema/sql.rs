//! Applies the statements of an SQL file to a schema: what creates, changes and drops.
//!
//! It knows the words that SQLite, `PostgreSQL` and `MySQL` share and passes over the rest.

use super::alter;
use super::column::add_entry;
use super::model::{Other, Schema, Table};
use super::statement::{Statement, split};
use crate::lex::{Language, Tokens};

/// Applies a file to a schema.
pub(super) fn apply(schema: &mut Schema, path: &str, text: &str) {
    let tokens = Tokens::of(text, Language::Sql);
    for range in split(&tokens) {
        let place = format!("{path}:{}", tokens.line(range.start));
        let mut statement = Statement::of(&tokens, range);
        // A statement that breaks off half way has no effect.
        let _ = if statement.take("create") {
            create(schema, &mut statement, place)
        } else if statement.take("alter table") {
            alter::table(schema, &mut statement)
        } else if statement.take("alter type") {
            alter::kind(schema, &mut statement)
        } else if statement.take("drop") {
            drop_all(schema, &mut statement)
        } else {
            None
        };
    }
}

fn create(schema: &mut Schema, statement: &mut Statement<'_>, place: String) -> Option<()> {
    statement.take("or replace");
    statement.skip(&["temp", "temporary", "unlogged", "global", "local", "materialized", "recursive", "constraint"]);
    if statement.take("table") {
        schema.create(table(statement, place)?);
    } else if statement.take("virtual table") {
        schema.create(virtual_table(statement, place)?);
    } else if statement.is_any(&["unique", "index", "fulltext", "spatial"]) {
        index(schema, statement)?;
    } else if statement.take("view") {
        statement.take("if not exists");
        schema.put(Other::View, &statement.name()?, place);
    } else if statement.take("trigger") {
        statement.take("if not exists");
        let name = statement.name()?;
        let (event, on) = trigger(statement);
        schema.put(Other::Trigger, &name, format!("{event} on {on}"));
    } else if statement.take("type") {
        let name = statement.name()?;
        if statement.take("as enum") {
            let values = statement.tokens.arguments(statement.bracket()?);
            let values: Vec<&str> = values.iter().filter_map(|value| statement.tokens.only_text(value)).collect();
            schema.put(Other::Enum, &name, values.join(", "));
        }
    }
    Some(())
}

fn table(statement: &mut Statement<'_>, place: String) -> Option<Table> {
    statement.take("if not exists");
    let name = statement.name()?;
    let mut table = Table { name, place, ..Table::default() };
    if !statement.tokens.is(statement.at, "(") {
        // `create table … as select`: its columns are those of the query.
        table.options = statement.rest();
        return Some(table);
    }
    for entry in statement.tokens.arguments(statement.at) {
        add_entry(&mut table, statement.tokens, entry);
    }
    statement.at = statement.tokens.partner(statement.at) + 1;
    table.options = statement.rest().to_lowercase();
    Some(table)
}

fn virtual_table(statement: &mut Statement<'_>, place: String) -> Option<Table> {
    statement.take("if not exists");
    let name = statement.name()?;
    Some(Table { name, place, options: format!("virtual {}", statement.rest()), ..Table::default() })
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

/// When a trigger fires, and on which table.
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
    let what = statement.peek()?.to_ascii_lowercase();
    statement.at += 1;
    statement.take("concurrently");
    statement.take("if exists");
    loop {
        let name = statement.name()?;
        match what.as_str() {
            "table" => schema.drop_table(&name),
            "index" => schema.drop_index(&name),
            "view" => schema.remove(Other::View, &name),
            "trigger" => schema.remove(Other::Trigger, &name),
            "type" => schema.remove(Other::Enum, &name),
            _ => return None,
        }
        if !statement.tokens.is(statement.at, ",") {
            return Some(());
        }
        statement.at += 1;
    }
}
