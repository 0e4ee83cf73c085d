//! Reads the operations of GraphQL schemas: the fields of the root types, in files of a schema and in the schemas that
//! code of JavaScript and TypeScript contains.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use crate::code::{children, line, parsed, source};
use crate::paths;

/// The kinds of operations with the usual names of their root types.
const KINDS: [(&str, &str); 3] = [("query", "Query"), ("mutation", "Mutation"), ("subscription", "Subscription")];
/// The maximum number of operations of a repository.
const MAX_OPERATIONS: usize = 5_000;
/// The maximum depth of the nodes around a field of a type.
const MAX_DEPTH: usize = 10;

/// A field of an object type.
#[derive(Debug)]
struct Field {
    type_name: String,
    name: String,
    summary: String,
    line: usize,
}

/// What a file adds to the schema.
#[derive(Debug, Default)]
pub(super) struct Part {
    fields: Vec<Field>,
    /// The names of root types with the kinds of their fields.
    roots: Vec<(String, String)>,
}

/// An operation: a field of a root type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Operation {
    /// `QUERY`, `MUTATION` or `SUBSCRIPTION`
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) summary: String,
    pub(super) file: String,
    pub(super) line: usize,
}

/// Whether a file contains GraphQL, or code that may contain a schema.
pub(super) fn is_wanted(path: &str) -> bool {
    is_schema(path) || matches!(paths::extension(path), "ts" | "js" | "mjs" | "cjs" | "mts")
}

fn is_schema(path: &str) -> bool {
    matches!(paths::extension(path), "graphql" | "graphqls" | "gql")
}

/// What a file adds to the schema. `None` if it declares no object type and no root.
pub(super) fn read(path: &str, text: &str) -> Option<Part> {
    let mut part = Part::default();
    if is_schema(path) {
        part.add(text, 0);
    } else {
        for (lines, schema) in embedded(text) {
            part.add(schema, lines);
        }
    }
    (!part.fields.is_empty() || !part.roots.is_empty()).then_some(part)
}

/// The template texts of code that declare a root type, with the number of lines before each.
fn embedded(text: &str) -> Vec<(usize, &str)> {
    let declares_root = |text: &str| KINDS.iter().any(|(_, name)| text.contains(&format!("type {name}")));
    if !declares_root(text) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let (mut at, mut lines) = (0, 0);
    for (index, part) in text.split('`').enumerate() {
        // Every second part is inside a template, as long as no backtick is escaped.
        if index % 2 == 1 && declares_root(part) {
            found.push((lines, part));
        }
        at += part.len() + 1;
        lines = text.get(..at.min(text.len())).map_or(lines, |before| before.matches('\n').count());
    }
    found
}

impl Part {
    fn add(&mut self, text: &str, lines: usize) {
        if let Some(tree) = parsed(&tree_sitter_graphql::LANGUAGE.into(), text) {
            self.definitions(tree.root_node(), text, lines, 0);
        }
    }

    fn definitions(&mut self, node: Node<'_>, text: &str, lines: usize, depth: usize) {
        for child in children(node) {
            match child.kind() {
                "object_type_definition" | "object_type_extension" => self.fields(child, text, lines),
                "root_operation_type_definition" => {
                    let named = |kind| part_of(child, kind).map(|part| source(text, part).to_owned());
                    self.roots.extend(named("named_type").zip(named("operation_type")));
                }
                _ if depth < MAX_DEPTH => self.definitions(child, text, lines, depth + 1),
                _ => {}
            }
        }
    }

    fn fields(&mut self, object: Node<'_>, text: &str, lines: usize) {
        let Some(name) = part_of(object, "name") else { return };
        let type_name = source(text, name);
        let fields = part_of(object, "fields_definition").map(children).unwrap_or_default();
        for field in fields.into_iter().filter(|field| field.kind() == "field_definition") {
            let Some(name) = part_of(field, "name") else { continue };
            let summary = part_of(field, "description").map_or("", |node| source(text, node));
            self.fields.push(Field {
                type_name: type_name.to_owned(),
                name: source(text, name).to_owned(),
                summary: summary.trim_matches(['"', ' ', '\n']).to_owned(),
                line: line(name) + lines,
            });
        }
    }
}

fn part_of<'t>(node: Node<'t>, kind: &str) -> Option<Node<'t>> {
    children(node).into_iter().find(|child| child.kind() == kind)
}

/// The operations of all parts, each once. A schema that is stored in several files counts once.
pub(super) fn operations(parts: &[(String, Part)]) -> Vec<Operation> {
    let declared = parts.iter().flat_map(|(_, part)| &part.roots);
    let mut roots: BTreeMap<&str, &str> = KINDS.iter().map(|(kind, name)| (*name, *kind)).collect();
    roots.extend(declared.map(|(name, kind)| (name.as_str(), kind.as_str())));
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (file, part) in parts {
        for field in &part.fields {
            let Some(kind) = roots.get(field.type_name.as_str()) else { continue };
            if seen.insert((*kind, field.name.as_str())) && found.len() < MAX_OPERATIONS {
                found.push(Operation {
                    kind: kind.to_uppercase(),
                    name: field.name.clone(),
                    summary: field.summary.clone(),
                    file: file.clone(),
                    line: field.line,
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_in_code_has_the_lines_of_its_file() {
        let text =
            "const a = `x`;\nexport const typeDefs = gql`\n  type Query {\n    \"All.\" users: [User]\n  }\n`;\n";
        let part = read("src/schema.ts", text).unwrap();
        let found = operations(&[("src/schema.ts".to_owned(), part)]);
        let lines: Vec<String> =
            found.iter().map(|o| format!("{} {} {} {}", o.kind, o.name, o.line, o.summary)).collect();
        assert_eq!(lines, ["QUERY users 4 All."]);
    }

    #[test]
    fn a_schema_with_an_error_keeps_its_other_types() {
        let part = read("a.graphql", "type Query { a: Int }\ntype } {\ntype Mutation { b: Int }\n").unwrap();
        assert_eq!(operations(&[("a.graphql".to_owned(), part)]).len(), 2);
        assert!(read("a.ts", "const type = `type User { a: Int }`").is_none());
    }
}
