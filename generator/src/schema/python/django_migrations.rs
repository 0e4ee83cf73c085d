//! Migrations of Django, for apps whose models are not in the repository.

use std::collections::{BTreeMap, BTreeSet};

use super::super::NamedSchema;
use super::super::migrations::NaturalOrder;
use super::super::model::{Schema, Table};
use super::Modules;
use super::django::{app_folder, column, label};
use super::syntax::{Call, Value, last_name};
use crate::document::code;
use crate::paths;

/// One schema for each app with migrations. `apps` are the folders of the apps with models.
pub(super) fn schemas(modules: &Modules, apps: &BTreeSet<String>) -> Vec<NamedSchema> {
    let mut sets: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for path in modules.keys().filter(|path| paths::folder(path).ends_with("migrations")) {
        let folder = app_folder(path);
        if !apps.contains(&folder) {
            sets.entry(folder).or_default().push(path);
        }
    }
    let finish = |(folder, mut files): (String, Vec<&str>)| {
        files.sort_by_key(|path| NaturalOrder::of(path));
        let label = label(&folder, &BTreeMap::new());
        let mut schema = Schema::default();
        for path in &files {
            for operation in modules.get(*path).map(operations).unwrap_or_default() {
                // An operation on a model that does not exist has no effect.
                let _ = apply(&mut schema, &label, path, operation);
            }
        }
        NamedSchema {
            title: format!("Django: {}, {} migrations", code(&format!("{folder}/")), files.len()),
            description: String::new(),
            schema,
            files: files.into_iter().map(str::to_owned).collect(),
        }
    };
    sets.into_iter().map(finish).collect()
}

fn operations(module: &super::Module) -> Vec<&Call> {
    let migrations =
        module.classes.iter().filter(|class| class.bases.iter().any(|base| last_name(base) == "Migration"));
    let lists = migrations.filter_map(|class| class.member("operations"));
    let calls = lists.flat_map(|list| list.items().iter().filter_map(Value::call));
    calls.flat_map(with_inner).collect()
}

/// The operation, or those that it wraps.
fn with_inner(call: &Call) -> Vec<&Call> {
    let inner = call.argument(0, "database_operations").filter(|_| call.name() == "SeparateDatabaseAndState");
    let inner = inner.map(|list| list.items().iter().filter_map(Value::call).collect());
    inner.unwrap_or_else(|| vec![call])
}

fn apply(schema: &mut Schema, label: &str, path: &str, call: &Call) -> Option<()> {
    let table_of = |model: &str| format!("{label}_{}", model.to_lowercase());
    match call.name() {
        "CreateModel" => {
            let fields = call.argument(1, "fields")?.items().iter();
            let field = |field: &Value| match field.items() {
                [name, value] => column(name.text()?, value.call()?),
                _ => None,
            };
            let options = call.argument(2, "options");
            let is_proxy = options.and_then(|options| options.get("proxy")).is_some_and(|value| value.is("True"));
            let name = options.and_then(|options| options.get("db_table")).and_then(Value::text).map(str::to_owned);
            let alias = table_of(call.text(0, "name")?);
            let table = Table {
                name: name.unwrap_or_else(|| alias.clone()),
                alias,
                place: format!("{path}:{}", call.line),
                columns: fields.filter_map(field).collect(),
                ..Table::default()
            };
            if !is_proxy {
                schema.create(table);
            }
        }
        "DeleteModel" => schema.remove_alias(&table_of(call.text(0, "name")?)),
        "RenameModel" => {
            let (from, to) = (table_of(call.text(0, "old_name")?), table_of(call.text(1, "new_name")?));
            let table = schema.alias(&from)?;
            let is_default = table.name == from;
            table.alias.clone_from(&to);
            if is_default {
                schema.rename_table(&from, &to);
            }
        }
        "AlterModelTable" => {
            let table = schema.alias(&table_of(call.text(0, "name")?))?.name.clone();
            schema.rename_table(&table, call.text(1, "table")?);
        }
        _ => return change(schema.alias(&table_of(call.text(0, "model_name")?))?, call),
    }
    Some(())
}

fn change(table: &mut Table, call: &Call) -> Option<()> {
    let has_name = |name: &str, field: &str| name == field || name == format!("{field}_id");
    match call.name() {
        "AddField" => table.columns.extend(column(call.text(1, "name")?, call.argument(2, "field")?.call()?)),
        "RemoveField" => {
            let name = call.text(1, "name")?;
            table.columns.retain(|column| !has_name(&column.name, name));
        }
        "AlterField" => {
            let name = call.text(1, "name")?;
            let new = column(name, call.argument(2, "field")?.call()?)?;
            *table.columns.iter_mut().find(|column| has_name(&column.name, name))? = new;
        }
        "RenameField" => {
            let (from, to) = (call.text(1, "old_name")?, call.text(2, "new_name")?);
            let column = table.columns.iter_mut().find(|column| has_name(&column.name, from))?;
            column.name = if column.name == from { to.to_owned() } else { format!("{to}_id") };
        }
        _ => {}
    }
    Some(())
}
