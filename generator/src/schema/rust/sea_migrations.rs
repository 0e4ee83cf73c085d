//! Migrations of `SeaORM` in Rust. They are read if the repository has no entities.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::super::NamedSchema;
use super::super::model::{Column, Schema, Table};
use super::super::names::snake_case;
use super::syntax::{Chain, attribute, chain, each, has_word, with_attributes};
use crate::code::{line, source};
use crate::document::code;
use crate::paths;

/// What a file says about migrations.
#[derive(Debug, Default)]
pub(super) struct File {
    steps: Vec<Step>,
    /// The names that the variants of an enum stand for: `Post::Title`.
    names: BTreeMap<String, String>,
}

/// A statement in `up`. Names are as they are written.
#[derive(Debug)]
struct Step {
    action: String,
    line: usize,
    /// The method and the name of each call.
    calls: Vec<(String, Vec<String>)>,
}

/// Reads a file.
pub(super) fn read(text: &str, root: Node<'_>) -> File {
    let mut file = File::default();
    for (node, attributes) in with_attributes(text, root) {
        if node.kind() == "enum_item" && (has_word(&attributes, "DeriveIden") || has_word(&attributes, "Iden")) {
            add_names(text, node, &attributes, &mut file.names);
        }
    }
    each(root, "function_item", &mut |function| {
        let is_up = function.child_by_field_name("name").is_some_and(|name| source(text, name) == "up");
        if is_up {
            each(function, "call_expression", &mut |call| match chain(text, call)
                .and_then(|chain| step(text, call, &chain))
            {
                Some(step) => {
                    file.steps.push(step);
                    true
                }
                None => false,
            });
        }
        is_up
    });
    file
}

fn add_names(text: &str, node: Node<'_>, attributes: &str, names: &mut BTreeMap<String, String>) {
    let (Some(name), Some(body)) = (node.child_by_field_name("name"), node.child_by_field_name("body")) else { return };
    let name = source(text, name);
    let own = attribute(attributes, "iden").map(str::to_owned);
    for (variant, attributes) in with_attributes(text, body) {
        let Some(variant) = variant.child_by_field_name("name").map(|name| source(text, name)) else { continue };
        let renamed = attribute(&attributes, "iden").map(str::to_owned);
        let default =
            if variant == "Table" { own.clone().unwrap_or_else(|| snake_case(name)) } else { snake_case(variant) };
        names.insert(format!("{name}::{variant}"), renamed.unwrap_or(default));
    }
}

fn step(text: &str, node: Node<'_>, chain: &Chain<'_>) -> Option<Step> {
    let action = chain.start.rsplit("Table::").next().filter(|action| *action != chain.start)?.to_owned();
    let call = |(method, arguments): &(String, Vec<Node<'_>>)| {
        (method.clone(), arguments.iter().filter_map(|argument| name(text, *argument)).collect())
    };
    let calls = chain.calls.iter().map(call).collect();
    Some(Step { action, line: line(node), calls })
}

/// The first name in an argument: `Post::Title`, or a text.
fn name(text: &str, node: Node<'_>) -> Option<String> {
    let of = |node: Node<'_>| match node.kind() {
        "string_literal" => Some(source(text, node).trim_matches('"').to_owned()),
        "scoped_identifier" => {
            let parts: Vec<&str> = source(text, node).rsplit("::").take(2).collect();
            let is_name = parts.iter().all(|part| part.starts_with(char::is_uppercase)) && parts.len() == 2;
            is_name.then(|| parts.into_iter().rev().collect::<Vec<_>>().join("::"))
        }
        _ => None,
    };
    of(node).or_else(|| crate::code::children(node).into_iter().find_map(|child| name(text, child)))
}

/// The schema that the migrations of the repository make.
pub(super) fn schema(files: &[(String, File)]) -> Option<NamedSchema> {
    let names: BTreeMap<&str, &str> =
        files.iter().flat_map(|(_, file)| &file.names).map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let mut schema = Schema::default();
    let mut used = Vec::new();
    for (path, file) in files.iter().filter(|(_, file)| !file.steps.is_empty()) {
        used.push(path.clone());
        for step in &file.steps {
            // A step on a table that does not exist has no effect.
            let _ = apply(&mut schema, path, step, &names);
        }
    }
    let folder = paths::folder(used.first()?);
    let title = format!("SeaORM: {}, {} migrations", code(&format!("{folder}/")), used.len());
    Some(NamedSchema::of(title, schema, used))
}

fn apply(schema: &mut Schema, path: &str, step: &Step, names: &BTreeMap<&str, &str>) -> Option<()> {
    let resolved = |name: &String| {
        let known = names.get(name.as_str()).map(|known| (*known).to_owned());
        known.unwrap_or_else(|| name.rsplit("::").next().map(snake_case).unwrap_or_default())
    };
    let of = |method: &str| -> Vec<Vec<String>> {
        let calls = step.calls.iter().filter(|(called, _)| called == method);
        calls.map(|(_, names)| names.iter().map(resolved).collect()).collect()
    };
    let columns = |method: &str| {
        let first = of(method).into_iter().filter_map(|names| names.into_iter().next());
        first.map(column).collect::<Vec<_>>()
    };
    let table = of("table").into_iter().next().unwrap_or_default();
    match step.action.as_str() {
        "create" => schema.create(Table {
            name: table.first()?.clone(),
            place: format!("{path}:{}", step.line),
            columns: columns("col"),
            ..Table::default()
        }),
        "alter" => {
            let table = schema.table(table.first()?)?;
            table.columns.extend(columns("add_column"));
            table.columns.extend(columns("add_column_if_not_exists"));
            for name in of("drop_column").into_iter().flatten() {
                table.columns.retain(|column| column.name != name);
            }
            for names in of("rename_column") {
                let [from, to] = names.as_slice() else { continue };
                table.column(from)?.name.clone_from(to);
            }
        }
        "drop" => schema.drop_table(table.first()?),
        "rename" => schema.rename_table(table.first()?, table.get(1)?),
        _ => {}
    }
    Some(())
}

fn column(name: String) -> Column {
    Column { name, kind: String::new(), rules: Vec::new() }
}
