//! What `alter table` and `alter type` do to a schema.

use std::ops::Range;

use super::column::{add_entry, column};
use super::model::{Other, Schema, Table};
use super::statement::Statement;

/// Applies the actions after `alter table`.
pub(super) fn table(schema: &mut Schema, statement: &mut Statement<'_>) -> Option<()> {
    statement.take("if exists");
    statement.take("only");
    let mut name = statement.name()?;
    for action in actions(statement) {
        let mut action = Statement::of(statement.tokens, action);
        if action.take("rename to") || action.take("rename as") {
            let to = action.name()?;
            schema.rename_table(&name, &to);
            name = to;
        } else {
            // An action on what is not there has no effect on what is.
            let _ = change(schema.table(&name)?, &mut action);
        }
    }
    Some(())
}

/// Applies `alter type … add value`.
pub(super) fn kind(schema: &mut Schema, statement: &mut Statement<'_>) -> Option<()> {
    let name = statement.name()?;
    if statement.take("add value") {
        statement.take("if not exists");
        schema.extend(Other::Enum, &name, statement.tokens.text(statement.at)?);
    } else if statement.take("rename to") {
        // Its values are not known under the new name; it is said to be there.
        schema.remove(Other::Enum, &name);
        schema.put(Other::Enum, &statement.name()?, format!("renamed from {name}"));
    }
    Some(())
}

/// The actions of a statement, which commas separate.
fn actions(statement: &Statement<'_>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut at) = (statement.at, statement.at);
    while at < statement.end {
        if statement.tokens.is(at, ",") {
            found.push(start..at);
            start = at + 1;
        }
        at = statement.tokens.after(at);
    }
    found.push(start..statement.end);
    found
}

fn change(table: &mut Table, action: &mut Statement<'_>) -> Option<()> {
    if action.take("add") {
        action.take("column");
        action.take("if not exists");
        // Oracle's way puts the column in brackets.
        let entry = if action.tokens.is(action.at, "(") {
            action.at + 1..action.tokens.partner(action.at)
        } else {
            action.at..action.end
        };
        add_entry(table, action.tokens, entry);
    } else if action.take("drop") {
        drop_part(table, action)?;
    } else if action.take("rename") {
        action.take("column");
        let from = action.name()?;
        action.take("to");
        table.column(&from)?.name = action.name()?;
    } else if action.take("alter") {
        action.take("column");
        alter_column(table, action)?;
    } else if action.take("modify") || action.take("change") {
        let renames = action.tokens.word(action.at.checked_sub(1)?)?.eq_ignore_ascii_case("change");
        action.take("column");
        let old = if renames { action.name()? } else { action.peek()?.to_owned() };
        let new = column(action)?;
        *table.column(&old)? = new;
    }
    Some(())
}

fn drop_part(table: &mut Table, action: &mut Statement<'_>) -> Option<()> {
    let is_constraint = action.take("constraint") || action.take("foreign key") || action.take("check");
    let is_index = !is_constraint && (action.take("index") || action.take("key"));
    action.take("column");
    action.take("if exists");
    if action.take("primary key") {
        table.constraints.retain(|constraint| !constraint.to_lowercase().starts_with("primary key"));
        return Some(());
    }
    let name = action.name()?;
    if is_constraint {
        let is_it = |constraint: &str| {
            let mut words = constraint.split([' ', '"', '`']).filter(|word| !word.is_empty());
            words.next().is_some_and(|word| word.eq_ignore_ascii_case("constraint"))
                && words.next().is_some_and(|word| word.eq_ignore_ascii_case(&name))
        };
        table.constraints.retain(|constraint| !is_it(constraint));
    } else if is_index {
        table.indexes.retain(|index, _| !index.eq_ignore_ascii_case(&name));
    } else {
        table.columns.retain(|column| !column.name.eq_ignore_ascii_case(&name));
    }
    Some(())
}

/// `PostgreSQL`'s `alter column`.
fn alter_column(table: &mut Table, action: &mut Statement<'_>) -> Option<()> {
    let column = table.column(&action.name()?)?;
    let without = |rules: &mut Vec<String>, start: &str| rules.retain(|rule| !rule.to_lowercase().starts_with(start));
    if action.take("set data type") || action.take("type") {
        let start = action.at;
        while action.at < action.end && !action.is("using") {
            action.at = action.tokens.after(action.at);
        }
        column.kind = action.tokens.source(start..action.at);
    } else if action.take("set not null") {
        without(&mut column.rules, "not null");
        column.rules.push("NOT NULL".to_owned());
    } else if action.take("drop not null") {
        without(&mut column.rules, "not null");
    } else if action.take("drop default") {
        without(&mut column.rules, "default");
    } else if action.take("set") && action.is("default") {
        without(&mut column.rules, "default");
        column.rules.push(action.rest());
    }
    Some(())
}
