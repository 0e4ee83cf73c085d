//! `schema`: the tables of a repository as its migrations and schema files leave them.
//!
//! Migrations of a folder are applied in their order to a [`model::Schema`]; Prisma and Drizzle
//! declare one. No database is asked and no statement is run.

mod alter;
mod column;
mod drizzle;
mod migrations;
mod model;
mod prisma;
mod sql;
mod statement;
mod wrangler;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use self::migrations::Order;
use self::model::{Schema, Table};
use super::document::{Document, code, plain};
use super::lex::Language;
use super::places;
use super::tree::Tree;

/// Names in a list.
const NAMES: usize = 100;

/// What a file says about the schema.
enum Fact {
    Sql(String),
    Declared(&'static str, Schema),
    D1(Vec<wrangler::Database>),
}

/// A schema and what it is called.
struct Found {
    title: String,
    about: String,
    schema: Schema,
    files: Vec<String>,
}

/// Writes the document, and names what it is made from.
pub(super) fn write(tree: &mut Tree) -> (Document, BTreeSet<String>) {
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut databases = Vec::new();
    let mut found = Vec::new();
    for (path, fact) in tree.read(is_wanted, extract) {
        match fact {
            Fact::Sql(text) => texts.push((path, text)),
            Fact::D1(declared) => databases.extend(declared),
            Fact::Declared(tool, schema) => found.push(Found {
                title: format!("{tool}: {}", code(&path)),
                about: String::new(),
                schema,
                files: vec![path],
            }),
        }
    }
    found.extend(migrated(&texts, &databases));
    found.retain(|found| !found.schema.is_empty());
    found.sort_by(|a, b| a.files.cmp(&b.files));
    let mut document = Document::new(
        "Schema",
        "The tables of this repository as its migrations and schema files leave them, read without a database.",
    );
    if found.is_empty() {
        let none = "No tables found: no SQL that creates one, no Prisma schema, no Drizzle table. SQL in tests is not looked at.";
        document.add("the finding", none);
    }
    write_contents(&mut document, &found);
    for found in &found {
        write_schema(&mut document, found);
    }
    (document, found.into_iter().flat_map(|found| found.files).collect())
}

fn is_wanted(path: &str) -> bool {
    if places::is_test(path) || places::is_show(path) {
        return false;
    }
    matches!(places::ending(path), "sql" | "prisma")
        || wrangler::is_config(path)
        || Language::of(places::ending(path)) == Some(Language::JavaScript) && !path.ends_with(".d.ts")
}

fn extract(path: &str, text: &str) -> Option<Fact> {
    match places::ending(path) {
        "sql" => migrations::declares(text).then(|| Fact::Sql(text.to_owned())),
        "prisma" => Some(Fact::Declared("Prisma", prisma::read(path, text))),
        _ if wrangler::is_config(path) => Some(Fact::D1(wrangler::databases(path, text))),
        _ => text.contains("drizzle-orm").then(|| Fact::Declared("Drizzle", drizzle::read(path, text))),
    }
}

/// The schemas that SQL files end with: one of each folder of migrations, one of each other file.
fn migrated(texts: &[(String, String)], databases: &[wrangler::Database]) -> Vec<Found> {
    let folders: Vec<&str> = databases.iter().map(|database| database.migrations.as_str()).collect();
    let mut sets: BTreeMap<String, Vec<&(String, String)>> = BTreeMap::new();
    for file in texts.iter().filter(|(path, _)| !migrations::is_undo(path)) {
        sets.entry(migrations::set_of(&file.0, &folders)).or_default().push(file);
    }
    let finish = |(set, mut files): (String, Vec<&(String, String)>)| {
        files.sort_by(|(a, _), (b, _)| Order::of(a).cmp(&Order::of(b)));
        let mut schema = Schema::default();
        for (path, text) in &files {
            sql::apply(&mut schema, path, migrations::forward(text));
        }
        let names =
            databases.iter().filter(|database| database.migrations == set).map(|database| database.name.as_str());
        let names: BTreeSet<String> = names.map(code).collect();
        let about = if names.is_empty() {
            String::new()
        } else {
            format!("D1: {}.", names.into_iter().collect::<Vec<_>>().join(", "))
        };
        let title = match files.as_slice() {
            [(path, _)] if *path == set => code(path),
            [_] => code(&format!("{set}/")),
            _ => format!("{}, {} files", code(&format!("{set}/")), files.len()),
        };
        Found { title, about, schema, files: files.into_iter().map(|(path, _)| path.clone()).collect() }
    };
    sets.into_iter().map(finish).collect()
}

/// The names of all tables first: who reads no further knows what there is.
fn write_contents(document: &mut Document, found: &[Found]) {
    let mut list = String::new();
    for found in found {
        let names: Vec<String> = found.schema.tables().take(NAMES).map(|table| code(&table.name)).collect();
        let total = found.schema.tables().count();
        let more = if total > names.len() { ", …" } else { "" };
        let _ = writeln!(
            list,
            "- {}: {total} {}: {}{more}",
            found.title,
            if total == 1 { "table" } else { "tables" },
            names.join(", ")
        );
    }
    if !list.is_empty() {
        document.add("the list of tables", &list);
    }
}

fn write_schema(document: &mut Document, found: &Found) {
    document.add(&found.title, &format!("## {}\n\n{}", found.title, found.about));
    for table in found.schema.tables() {
        document.add(&format!("table {}", table.name), &block(table));
    }
    let others = found.schema.others();
    if !others.is_empty() {
        let line = |(what, name, about): &(&str, &str, &str)| format!("- {what} {}{}", code(name), said(about));
        let lines = others.iter().map(line).collect::<Vec<_>>().join(
            "
",
        );
        document
            .add(&format!("views, triggers and types of {}", found.title), &format!("### Besides tables\n\n{lines}"));
    }
}

fn said(about: &str) -> String {
    if about.is_empty() { String::new() } else { format!(": {}", code(about)) }
}

fn block(table: &Table) -> String {
    let options = if table.options.is_empty() { String::new() } else { format!(", {}", plain(&table.options)) };
    let mut out = format!("### {}\n\n{}{options}\n\n", code(&table.name), code(&table.place));
    if !table.columns.is_empty() {
        out.push_str("| column | type | rules |\n| --- | --- | --- |\n");
    }
    for column in &table.columns {
        let _ =
            writeln!(out, "| {} | {} | {} |", code(&column.name), code(&column.kind), code(&column.rules.join(" ")));
    }
    if !(table.constraints.is_empty() && table.indexes.is_empty()) {
        out.push('\n');
    }
    for constraint in &table.constraints {
        let _ = writeln!(out, "- {}", code(constraint));
    }
    for (name, index) in &table.indexes {
        let _ = writeln!(out, "- index {}{}", code(name), said(index));
    }
    out
}
