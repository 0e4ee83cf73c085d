//! Reads the operations and their summaries from OpenAPI and Swagger files.

mod json;
mod yaml;

use crate::paths;

/// The maximum number of operations of one file.
const MAX_OPERATIONS: usize = 5_000;

/// An operation that a file describes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) summary: String,
    pub(super) id: String,
}

/// Whether the name of a file shows that it is a specification.
pub(super) fn is_wanted(path: &str) -> bool {
    let name = paths::name(path).to_ascii_lowercase();
    matches!(paths::extension(&name), "json" | "yaml" | "yml") && (name.contains("openapi") || name.contains("swagger"))
}

/// The operations of a specification. Empty if the file is not one.
pub(super) fn read(path: &str, text: &str) -> Vec<Operation> {
    let mut operations = if paths::extension(path) == "json" { json::read(text) } else { yaml::read(text) };
    operations.truncate(MAX_OPERATIONS);
    operations
}

/// Whether a key is an HTTP method.
fn is_method(key: &str) -> bool {
    super::model::METHODS.iter().any(|method| method.to_ascii_lowercase() == key)
}
