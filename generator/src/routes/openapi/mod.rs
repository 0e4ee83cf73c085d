//! OpenAPI and Swagger files: what they say each operation is for.

mod json;
mod yaml;

use crate::places;

/// Operations of one file.
const OPERATIONS: usize = 5_000;

/// An operation that a file describes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) summary: String,
    pub(super) id: String,
}

/// Whether a file is a specification, by its name.
pub(super) fn is_wanted(path: &str) -> bool {
    let name = places::name(path).to_ascii_lowercase();
    matches!(places::ending(&name), "json" | "yaml" | "yml") && (name.contains("openapi") || name.contains("swagger"))
}

/// The operations of a specification; none where it is none.
pub(super) fn read(path: &str, text: &str) -> Vec<Operation> {
    let mut operations = if places::ending(path) == "json" { json::read(text) } else { yaml::read(text) };
    operations.truncate(OPERATIONS);
    operations
}

/// Whether a key names a method.
fn is_method(key: &str) -> bool {
    super::model::METHODS.iter().any(|method| method.to_ascii_lowercase() == key)
}
