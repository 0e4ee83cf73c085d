//! Writes the document `schema`: the tables that result from the migrations and schema files of a repository.
//!
//! The migrations of a folder are applied in order to a [`model::Schema`]. Files of Prisma and Drizzle declare one. No
//! database is used and no statement is executed.

mod active_record;
mod alter;
mod column;
mod drizzle;
mod gorm;
mod gorm_names;
mod migrations;
mod model;
mod names;
mod prisma;
mod python;
mod rust;
mod sql;
mod statement;
mod wrangler;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use self::model::{Schema, Table};
use super::code::{Grammar, Language};
use super::document::{Document, code, plain};
use super::paths;
use super::tree::Tree;

/// The maximum number of table names in the list of a schema.
const MAX_NAMES: usize = 100;

/// The facts from one file.
enum Fact {
    Sql(String),
    Declared(&'static str, Schema),
    D1(Vec<wrangler::Database>),
    Python(python::Module),
    Drizzle(drizzle::File),
    Go(gorm::File),
    Rust(rust::File),
    Prisma(Vec<prisma::Block>),
}

/// A schema with its title and the files that it comes from.
struct NamedSchema {
    title: String,
    description: String,
    schema: Schema,
    files: Vec<String>,
}

impl NamedSchema {
    fn of(title: String, schema: Schema, files: Vec<String>) -> Self {
        Self { title, description: String::new(), schema, files }
    }
}

/// Writes the document and returns the files that it was made from.
pub(super) fn write(tree: &mut Tree) -> (Document, BTreeSet<String>) {
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut databases = Vec::new();
    let mut python = python::Modules::new();
    let (mut rust, mut go, mut drizzle) = (Vec::new(), Vec::new(), Vec::new());
    let mut prisma: BTreeMap<String, Vec<(String, Vec<prisma::Block>)>> = BTreeMap::new();
    let mut found = Vec::new();
    for (path, fact) in tree.read(is_wanted, extract) {
        match fact {
            Fact::Sql(text) => texts.push((path, text)),
            Fact::D1(declared) => databases.extend(declared),
            Fact::Prisma(blocks) => prisma.entry(paths::folder(&path).to_owned()).or_default().push((path, blocks)),
            Fact::Rust(file) => rust.push((path, file)),
            Fact::Go(file) => go.push((path, file)),
            Fact::Drizzle(file) => drizzle.push((path, file)),
            Fact::Python(module) => drop(python.insert(path, module)),
            Fact::Declared(tool, schema) => found.push(NamedSchema {
                title: format!("{tool}: {}", code(&path)),
                description: String::new(),
                schema,
                files: vec![path],
            }),
        }
    }
    found.extend(migrated(&texts, &databases));
    found.extend(python::schemas(&python));
    found.extend(rust::schemas(rust));
    found.extend(gorm::schema(&go));
    found.extend(drizzle::schemas(&drizzle));
    found.extend(prisma.into_iter().map(|(folder, files)| declared_by_prisma(&folder, &files)));
    found.retain(|found| !found.schema.is_empty());
    found.sort_by(|a, b| a.files.cmp(&b.files));
    let mut document = Document::new(
        "Schema",
        "This document lists the tables that the migrations and schema files of the repository define. It was made from \
         these files, without a database.",
    );
    if found.is_empty() {
        let message = "No tables were found: no SQL file creates a table, and there is no Prisma schema and no Drizzle table. SQL in \
             tests was not read.";
        document.add("the finding", message);
    }
    write_contents(&mut document, &found);
    write_coverage(&mut document, &found);
    for found in &found {
        write_schema(&mut document, found);
    }
    (document, found.into_iter().flat_map(|found| found.files).collect())
}

fn is_wanted(path: &str) -> bool {
    if paths::is_test(path) || paths::is_example(path) {
        return false;
    }
    matches!(paths::extension(path), "sql" | "prisma" | "py" | "rs" | "go")
        || wrangler::is_config(path)
        || active_record::is_schema(path)
        || Grammar::of(paths::extension(path)).map(Grammar::described) == Some(Language::JavaScript)
            && !path.ends_with(".d.ts")
}

fn extract(path: &str, text: &str) -> Option<Fact> {
    match paths::extension(path) {
        "sql" => migrations::declares(text).then(|| Fact::Sql(text.to_owned())),
        "go" => gorm::read(path, text).map(Fact::Go),
        "rs" => rust::read(path, text).map(Fact::Rust),
        "py" => python::read(text).map(Fact::Python),
        "prisma" => Some(Fact::Prisma(prisma::blocks(text))),
        "rb" => Some(Fact::Declared("Rails", active_record::read(path, text))),
        _ if wrangler::is_config(path) => Some(Fact::D1(wrangler::databases(path, text))),
        _ => drizzle::read(path, text).map(Fact::Drizzle),
    }
}

/// The schema of the Prisma files of a folder.
fn declared_by_prisma(folder: &str, files: &[(String, Vec<prisma::Block>)]) -> NamedSchema {
    let place = match files {
        [(path, _)] => code(path),
        _ => format!("{}, {} files", code(&format!("{folder}/")), files.len()),
    };
    let (schema, files) = (prisma::schema(files), files.iter().map(|(path, _)| path.clone()).collect());
    NamedSchema { title: format!("Prisma: {place}"), description: String::new(), schema, files }
}

/// The schemas that result from the SQL files: one for each folder of migrations, and one for each other file.
fn migrated(texts: &[(String, String)], databases: &[wrangler::Database]) -> Vec<NamedSchema> {
    let folders: Vec<&str> = databases.iter().map(|database| database.migrations.as_str()).collect();
    let mut sets: BTreeMap<String, Vec<&(String, String)>> = BTreeMap::new();
    for file in texts.iter().filter(|(path, _)| !migrations::is_down_migration(path)) {
        sets.entry(migrations::migration_set(&file.0, &folders)).or_default().push(file);
    }
    let finish = |(set, mut files): (String, Vec<&(String, String)>)| {
        files.sort_by_cached_key(|(path, _)| migrations::order(path));
        let mut schema = Schema::default();
        for (path, text) in &files {
            sql::apply(&mut schema, path, migrations::up_part(text));
        }
        let names =
            databases.iter().filter(|database| database.migrations == set).map(|database| database.name.as_str());
        let names: BTreeSet<String> = names.map(code).collect();
        let description = if names.is_empty() {
            String::new()
        } else {
            format!("D1: {}.", names.into_iter().collect::<Vec<_>>().join(", "))
        };
        let title = match files.as_slice() {
            [(path, _)] if *path == set => code(path),
            [_] => code(&format!("{set}/")),
            _ => format!("{}, {} files", code(&format!("{set}/")), files.len()),
        };
        NamedSchema { title, description, schema, files: files.into_iter().map(|(path, _)| path.clone()).collect() }
    };
    sets.into_iter().map(finish).collect()
}

/// Writes the list of all tables. It comes first, so that a reader sees all names without reading the whole document.
fn write_contents(document: &mut Document, found: &[NamedSchema]) {
    let mut list = String::new();
    for found in found {
        let names: Vec<String> = found.schema.tables().take(MAX_NAMES).map(|table| code(&table.name)).collect();
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

/// Writes what was found, and what was not understood.
fn write_coverage(document: &mut Document, found: &[NamedSchema]) {
    let tables = || found.iter().flat_map(|found| found.schema.tables());
    let columns: usize = tables().map(|table| table.columns.len()).sum();
    let files: usize = found.iter().map(|found| found.files.len()).sum();
    let unknown: Vec<_> = found.iter().flat_map(|found| found.schema.not_understood()).collect();
    let mut text = format!("Found: {} tables with {columns} columns in {files} files.", tables().count());
    if unknown.is_empty() {
        text.push_str(" Nothing else in these files looked like a table.");
    } else {
        let _ = write!(text, " Not understood: {}. Read these places yourself:\n\n", unknown.len());
    }
    for (place, what) in unknown.iter().take(MAX_NAMES) {
        let _ = writeln!(text, "- {}: {}", code(place), code(what));
    }
    if unknown.len() > MAX_NAMES {
        let _ = writeln!(text, "- and {} more", unknown.len() - MAX_NAMES);
    }
    if !found.is_empty() {
        document.add("what was not understood", &text);
    }
}

fn write_schema(document: &mut Document, found: &NamedSchema) {
    document.add(&found.title, &format!("## {}\n\n{}", found.title, found.description));
    for table in found.schema.tables() {
        document.add(&format!("table {}", table.name), &block(table));
    }
    let others = found.schema.other_objects();
    if !others.is_empty() {
        let line = |(kind, name, description): &(&str, &str, &str)| {
            format!("- {kind} {}{}", code(name), after_colon(description))
        };
        let lines = others.iter().map(line).collect::<Vec<_>>().join(
            "
",
        );
        document.add(
            &format!("views, triggers and types of {}", found.title),
            &format!("### Views, triggers and types\n\n{lines}"),
        );
    }
}

fn after_colon(description: &str) -> String {
    if description.is_empty() { String::new() } else { format!(": {}", code(description)) }
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
        let _ = writeln!(out, "- index {}{}", code(name), after_colon(index));
    }
    out
}
