//! Applies `alter table` and `alter type` to a schema.

use std::ops::Range;

use super::column::{add_entry, column};
use super::model::{ObjectKind, Schema, Table};
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
            // An action on a column or constraint that does not exist has no effect.
            let _ = change(schema.table(&name)?, &mut action);
        }
    }
    Some(())
}

/// Applies `alter type … add value` and `alter type … rename to`.
pub(super) fn enum_type(schema: &mut Schema, statement: &mut Statement<'_>) -> Option<()> {
    let name = statement.name()?;
    if statement.take("add value") {
        statement.take("if not exists");
        schema.extend_description(ObjectKind::Enum, &name, statement.tokens.string(statement.at)?);
    } else if statement.take("rename to") {
        // The values are not copied. The new description says which type was renamed.
        schema.remove(ObjectKind::Enum, &name);
        schema.add(ObjectKind::Enum, &statement.name()?, format!("renamed from {name}"));
    }
    Some(())
}

/// The token ranges of the actions, which are separated by commas.
fn actions(statement: &Statement<'_>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut at) = (statement.at, statement.at);
    while at < statement.end {
        if statement.tokens.is_punct(at, ",") {
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
        // Oracle writes the column in brackets.
        let entry = if action.tokens.is_punct(action.at, "(") {
            action.at + 1..action.tokens.matching(action.at)
        } else {
            action.at..action.end
        };
        // An engine refuses a second column of this name, or skips it with `if not exists`.
        let name = action.tokens.word(entry.start);
        if name.is_none_or(|name| table.column(name).is_none()) {
            add_entry(table, action.tokens, entry);
        }
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
        let has_name = |constraint: &str| {
            let mut words = constraint.split([' ', '"', '`']).filter(|word| !word.is_empty());
            words.next().is_some_and(|word| word.eq_ignore_ascii_case("constraint"))
                && words.next().is_some_and(|word| word.eq_ignore_ascii_case(&name))
        };
        table.constraints.retain(|constraint| !has_name(constraint));
    } else if is_index {
        table.indexes.retain(|index, _| !index.eq_ignore_ascii_case(&name));
    } else {
        table.columns.retain(|column| !column.name.eq_ignore_ascii_case(&name));
    }
    Some(())
}

/// Applies `alter column` of `PostgreSQL`.
fn alter_column(table: &mut Table, action: &mut Statement<'_>) -> Option<()> {
    let column = table.column(&action.name()?)?;
    let remove = |rules: &mut Vec<String>, start: &str| rules.retain(|rule| !rule.to_lowercase().starts_with(start));
    if action.take("set data type") || action.take("type") {
        let start = action.at;
        while action.at < action.end && !action.is("using") {
            action.at = action.tokens.after(action.at);
        }
        column.kind = action.tokens.source(start..action.at);
    } else if action.take("set not null") {
        remove(&mut column.rules, "not null");
        column.rules.push("NOT NULL".to_owned());
    } else if action.take("drop not null") {
        remove(&mut column.rules, "not null");
    } else if action.take("drop default") {
        remove(&mut column.rules, "default");
    } else if action.take("set") && action.is("default") {
        remove(&mut column.rules, "default");
        column.rules.push(action.rest());
    }
    Some(())
}
