//! Reads the operations and their summaries from OpenAPI and Swagger files, also from files that these refer to.

mod json;
mod node;
mod yaml;

use std::collections::BTreeMap;

pub(super) use self::node::Node;
use super::model::{METHODS, joined};
use crate::paths;

/// The maximum number of operations of one file.
const MAX_OPERATIONS: usize = 5_000;
/// The maximum number of references that are followed to one value.
const MAX_REFERENCES: usize = 8;

/// The values of files by their paths.
pub(super) type Files = BTreeMap<String, Node>;

/// An operation that a file describes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) method: String,
    /// The path with that of the server.
    pub(super) path: String,
    /// The path as the file has it. A server in front of the code may add the rest.
    pub(super) own_path: String,
    /// The file that describes the operation.
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) summary: String,
    pub(super) id: String,
}

/// Whether the name of a file or of its folder shows that it may be a specification.
pub(super) fn is_wanted(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let stem = paths::stem(paths::name(&lower));
    let is_usual = stem.contains("api") || matches!(stem, "spec" | "schema" | "reference");
    matches!(paths::extension(&lower), "json" | "yaml" | "yml")
        && (lower.contains("openapi") || lower.contains("swagger") || is_usual)
}

/// The values of a file.
pub(super) fn node(path: &str, text: &str) -> Node {
    if paths::extension(path).eq_ignore_ascii_case("json") { json::read(text) } else { yaml::read(text) }
}

/// The values of a file, if it is a specification.
pub(super) fn specification(path: &str, text: &str) -> Option<Node> {
    let is_named = |text: &str| text.contains("openapi") || text.contains("swagger");
    is_named(text)
        .then(|| node(path, text))
        .filter(|node| node.get("openapi").or_else(|| node.get("swagger")).is_some())
}

/// The files that the paths of a file refer to.
pub(super) fn referenced(path: &str, node: &Node) -> Vec<String> {
    let mut found = Vec::new();
    let items = node.get("paths").map_or(node, |paths| paths);
    for item in std::iter::once(items).chain(items.entries().iter().map(|(_, item)| item)) {
        for part in std::iter::once(item).chain(item.entries().iter().map(|(_, part)| part)) {
            found.extend(part.get("$ref").and_then(Node::as_text).and_then(|name| target(path, name)?.0));
        }
    }
    found
}

/// The file, if it is another one, and the pointer of a reference. `None` for a reference to another host.
fn target(from: &str, reference: &str) -> Option<(Option<String>, String)> {
    let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
    (!reference.contains("://")).then_some(())?;
    let file = (!file.is_empty()).then(|| crate::paths::joined(paths::folder(from), file));
    Some((file, pointer.to_owned()))
}

/// The operations of a specification.
pub(super) fn operations(path: &str, specification: &Node, files: &Files) -> Vec<Operation> {
    let base = base_path(specification);
    let mut found = Vec::new();
    let Some(all) = specification.get("paths") else { return found };
    let (list_file, list) = resolved(path, all, specification, files);
    for (own_path, item) in list.entries().iter().filter(|(own_path, _)| own_path.starts_with('/')) {
        let (item_file, item) = resolved(&list_file, item, specification, files);
        for (method, operation) in item.entries().iter().filter(|(method, _)| is_method(method)) {
            let line = operation.line;
            let (_, operation) = resolved(&item_file, operation, specification, files);
            let (summary, description) = (operation.text("summary"), operation.text("description"));
            found.push(Operation {
                method: method.to_uppercase(),
                path: joined(&base, own_path),
                own_path: joined("", own_path),
                file: item_file.clone(),
                line,
                summary: if summary.is_empty() { description } else { summary }.to_owned(),
                id: operation.text("operationId").to_owned(),
            });
        }
    }
    found.truncate(MAX_OPERATIONS);
    found
}

/// The value that a reference leads to, with its file.
fn resolved<'n>(file: &str, node: &'n Node, specification: &'n Node, files: &'n Files) -> (String, &'n Node) {
    let (mut file, mut node) = (file.to_owned(), node);
    for _ in 0..MAX_REFERENCES {
        let Some(name) = node.get("$ref").and_then(Node::as_text) else { break };
        let Some((other, pointer)) = target(&file, name) else { break };
        let whole = match &other {
            Some(other) => files.get(other),
            None => files.get(&file).or(Some(specification)),
        };
        let Some(found) = whole.and_then(|whole| whole.at(&pointer)) else { break };
        (file, node) = (other.unwrap_or(file), found);
    }
    (file, node)
}

/// The path before all others: `basePath`, or that of the first server.
fn base_path(specification: &Node) -> String {
    let base = specification.text("basePath");
    if !base.is_empty() {
        return base.to_owned();
    }
    let Some(server) = specification.get("servers").and_then(|servers| servers.list().first()) else {
        return String::new();
    };
    let mut url = server.text("url").to_owned();
    for (name, variable) in server.get("variables").map(Node::entries).unwrap_or_default() {
        url = url.replace(&format!("{{{name}}}"), variable.text("default"));
    }
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => url.strip_prefix("//").map_or(url.as_str(), |rest| rest.split_once('/').map_or("", |(_, path)| path)),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    if path.starts_with('.') { String::new() } else { path.to_owned() }
}

/// Whether a key is an HTTP method.
fn is_method(key: &str) -> bool {
    METHODS.iter().any(|method| method.to_ascii_lowercase() == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let Some(node) = specification("a.yaml", text) else { return Vec::new() };
        let found = operations("a.yaml", &node, &Files::new());
        found.iter().map(|o| format!("{} {} {}:{}:{}", o.line, o.method, o.path, o.summary, o.id)).collect()
    }

    #[test]
    fn block_style_flow_style_and_aliases_are_read() {
        let text = r#"openapi: 3.1.0
info: { title: "A: b", x: [get, {paths: 1}] }
paths:
  /a: # the list
    parameters: [{ name: get, in: query }]
    get: &list
      description: >-
        Lists
        all.
      responses: { '200': { description: ok, summary: not this } }
    ? [complex, key]
    : { get: { summary: not this } }
  "/b/{id}": { put: { summary: 'It''s "put"', operationId: putB }, head: *list }
  x-extension: { get: { summary: no path } }
basePath: /v1
"#;
        assert_eq!(
            lines(text),
            ["6 GET /v1/a:Lists all.:", r#"13 PUT /v1/b/{id}:It's "put":putB"#, "13 HEAD /v1/b/{id}::"]
        );
    }

    #[test]
    fn an_error_keeps_what_is_before_it_and_other_files_are_ignored() {
        assert_eq!(lines("swagger: '2.0'\npaths:\n  /a:\n    get: {}\n  /b: [\n"), ["4 GET /a::"]);
        assert!(lines("paths:\n  /a:\n    get: {}\n").is_empty());
    }

    #[test]
    fn nested_aliases_are_not_expanded() {
        let bomb = (1..40).fold("openapi: 3\na0: &a0 [x]\n".to_owned(), |text, n| {
            text + &format!("a{n}: &a{n} [{}]\n", format!("*a{},", n - 1).repeat(10))
        });
        assert_eq!(lines(&(bomb + "paths:\n  /a: { get: { summary: s } }\n")).len(), 1);
    }

    #[test]
    fn deep_nesting_is_read_without_recursion() {
        let deep = format!("openapi: 3\nx: {}{}\npaths: {{ /a: {{ get: {{}} }} }}\n", "[".repeat(200), "]".repeat(200));
        assert_eq!(lines(&deep), ["3 GET /a::"]);
    }

    #[test]
    fn the_path_of_a_server_may_have_variables_and_no_host() {
        let base = |servers: &str| {
            let text = format!("openapi: 3.0.0\nservers: {servers}\npaths: {{}}\n");
            base_path(&node("a.yaml", &text))
        };
        assert_eq!(
            base("[{url: 'https://{host}/{base}/', variables: {base: {default: v2}, host: {default: a}}}]"),
            "v2"
        );
        assert_eq!(base("[{url: /api/v1}, {url: /other}]"), "api/v1");
        assert_eq!(
            (base("[{url: './'}]"), base("[]"), base("[{url: 'http://localhost:80'}]")),
            (<_>::default(), <_>::default(), <_>::default())
        );
    }
}
