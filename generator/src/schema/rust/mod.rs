//! Tables that Rust code declares: `table!` of Diesel, entities and migrations of `SeaORM`.

mod diesel;
mod entities;
mod sea_migrations;
mod syntax;

use super::NamedSchema;
use super::model::{Schema, Table};
use crate::code::{Grammar, syntax_tree};
use crate::document::code;
use crate::paths;

/// What a file declares.
#[derive(Debug, Default)]
pub(super) struct File {
    /// Tables of Diesel.
    tables: Vec<Table>,
    entities: Vec<Table>,
    migration: sea_migrations::File,
}

/// Reads a file if it may declare tables.
pub(super) fn read(path: &str, text: &str) -> Option<File> {
    let words = ["table!", "DeriveEntityModel", "MigrationTrait", "DeriveIden", "Iden)"];
    if !words.iter().any(|word| text.contains(word)) {
        return None;
    }
    let tree = syntax_tree(Grammar::Rust, text)?;
    let root = tree.root_node();
    Some(File {
        tables: diesel::tables(path, text, root),
        entities: entities::tables(path, text, root),
        migration: sea_migrations::read(text, root),
    })
}

/// The schemas that the files declare.
pub(super) fn schemas(files: Vec<(String, File)>) -> Vec<NamedSchema> {
    let mut found = Vec::new();
    let (mut entities, mut entity_files) = (Schema::default(), Vec::new());
    let mut migrations = Vec::new();
    for (path, file) in files {
        if !file.tables.is_empty() {
            let schema = file.tables.into_iter().collect();
            found.push(NamedSchema::of(format!("Diesel: {}", code(&path)), schema, vec![path.clone()]));
        }
        if !file.entities.is_empty() {
            entities.extend(file.entities);
            entity_files.push(path.clone());
        }
        migrations.push((path, file.migration));
    }
    if entities.is_empty() {
        found.extend(sea_migrations::schema(&migrations));
    } else {
        let folder = entity_files.first().map(|path| paths::folder(path)).unwrap_or_default();
        let title = format!("SeaORM: {}", code(&format!("{folder}/")));
        found.push(NamedSchema::of(title, entities, entity_files));
    }
    found
}
