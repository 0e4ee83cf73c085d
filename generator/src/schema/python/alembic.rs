//! Migrations of Alembic: the calls in `upgrade`, in the order of their revisions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::model::{Schema, Table};
use super::super::{NamedSchema, sql};
use super::Modules;
use super::sqlalchemy::declared;
use super::syntax::{Call, Module, Value};
use crate::document::code;
use crate::paths;

/// One schema for each folder of migrations.
pub(super) fn schemas(modules: &Modules) -> Vec<NamedSchema> {
    let mut folders: BTreeMap<&str, Vec<(&str, &Module)>> = BTreeMap::new();
    for (path, module) in modules.iter().filter(|(_, module)| assigned(module, "down_revision").is_some()) {
        folders.entry(paths::folder(path)).or_default().push((path, module));
    }
    let finish = |(folder, files): (&str, Vec<(&str, &Module)>)| {
        let mut schema = Schema::default();
        for (path, module) in in_order(&files) {
            let upgrades = module.functions.iter().filter(|function| function.name == "upgrade");
            apply_all(&mut schema, path, upgrades.flat_map(|function| &function.calls));
        }
        NamedSchema {
            title: format!("Alembic: {}, {} files", code(&format!("{folder}/")), files.len()),
            description: String::new(),
            schema,
            files: files.into_iter().map(|(path, _)| path.to_owned()).collect(),
        }
    };
    folders.into_iter().map(finish).collect()
}

fn assigned<'a>(module: &'a Module, name: &str) -> Option<&'a Value> {
    module.assignments.iter().find(|member| member.name == name)?.value.as_ref()
}

/// The files, each behind those that it builds on.
fn in_order<'a>(files: &[(&'a str, &'a Module)]) -> Vec<(&'a str, &'a Module)> {
    let revision = |module: &'a Module| assigned(module, "revision").and_then(Value::text).unwrap_or_default();
    let parents = |module: &'a Module| -> Vec<&'a str> {
        match assigned(module, "down_revision") {
            Some(Value::List(all)) => all.iter().filter_map(Value::text).collect(),
            Some(value) => value.text().into_iter().collect(),
            None => Vec::new(),
        }
    };
    let known: BTreeSet<&str> = files.iter().map(|(_, module)| revision(module)).collect();
    let mut waiting: VecDeque<&(&str, &Module)> = files.iter().collect();
    let (mut done, mut ordered, mut skipped) = (BTreeSet::new(), Vec::new(), 0);
    while let Some(file) = waiting.pop_front() {
        let is_ready = parents(file.1).iter().all(|parent| done.contains(parent) || !known.contains(parent));
        // Revisions that build on one another in a circle keep the order of their files.
        if is_ready || skipped > waiting.len() {
            done.insert(revision(file.1));
            ordered.push(*file);
            skipped = 0;
        } else {
            waiting.push_back(file);
            skipped += 1;
        }
    }
    ordered
}

fn apply_all<'a>(schema: &mut Schema, path: &str, calls: impl Iterator<Item = &'a Call>) {
    // The table of each `with op.batch_alter_table("table") as name`.
    let mut batches: BTreeMap<&str, &str> = BTreeMap::new();
    for call in calls {
        let object = call.function.rsplit_once('.').map_or("", |(object, _)| object);
        if let (Some(alias), "batch_alter_table", Some(table)) = (&call.alias, call.name(), call.text(0, "table_name"))
        {
            batches.insert(alias, table);
        } else {
            // An operation on a table that does not exist has no effect.
            let _ = apply(schema, path, call, batches.get(object).copied());
        }
    }
}

/// Applies one call. In a batch, the table is `batch`, and not the first argument.
fn apply(schema: &mut Schema, path: &str, call: &Call, batch: Option<&str>) -> Option<()> {
    let own = usize::from(batch.is_none());
    let name = |table: &str| match call.named("schema").and_then(Value::text) {
        Some(schema) => format!("{schema}.{table}"),
        None => table.to_owned(),
    };
    let table = || batch.map(str::to_owned).or_else(|| call.text(0, "table_name").map(name));
    match call.name() {
        "create_table" => schema.create(Table {
            name: name(call.text(0, "table_name")?),
            place: format!("{path}:{}", call.line),
            columns: call.arguments.iter().filter_map(|value| declared(value.call()?)).collect(),
            ..Table::default()
        }),
        "drop_table" => schema.drop_table(&name(call.text(0, "table_name")?)),
        "rename_table" => schema.rename_table(&name(call.text(0, "old_table_name")?), call.text(1, "new_table_name")?),
        "add_column" => {
            let column = declared(call.argument(own, "column")?.call()?)?;
            let table = schema.table(&table()?)?;
            if table.column(&column.name).is_none() {
                table.columns.push(column);
            }
        }
        "drop_column" => {
            let column = call.text(own, "column_name")?;
            schema.table(&table()?)?.columns.retain(|other| other.name != column);
        }
        "alter_column" => {
            let column = schema.table(&table()?)?.column(call.text(own, "column_name")?)?;
            if let Some(new) = call.named("new_column_name").and_then(Value::text) {
                new.clone_into(&mut column.name);
            }
        }
        "execute" => {
            let text = match call.arguments.first()? {
                Value::Call(inner) => inner.arguments.first()?.text()?,
                other => other.text()?,
            };
            sql::apply(schema, path, text);
        }
        _ => {}
    }
    Some(())
}
