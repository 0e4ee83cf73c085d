//! Writes the document `api`: the routes that the code serves, their descriptions in OpenAPI files, and the tests that
//! mention them.
//!
//! [`crate::routing`] finds the routes. A part of a path that is only known at run time keeps its name in the code.

mod coverage;
mod graphql;
mod model;
mod openapi;

use std::collections::{BTreeMap, BTreeSet};

use self::coverage::{Coverage, is_parameter};
use self::model::{ANY, ResolvedRoute};
use self::openapi::{Files, Node, Operation};
use super::code::Grammar;
use super::document::{Document, code, plain};
use super::paths;
use super::routing::{self, Found, Unresolved};
use super::tree::Tree;

/// The maximum number of test files that are listed for a route.
const MAX_TESTS: usize = 2;
/// The maximum number of files that are named whose evaluation a limit ended.
const MAX_UNFINISHED: usize = 20;
/// The maximum number of rounds in which the files are read that OpenAPI files refer to.
const MAX_REFERENCE_ROUNDS: usize = 4;

/// The facts from one file.
enum Fact {
    Specification(Node),
    GraphQl(graphql::Part),
    Test(Vec<String>),
}

/// A row of the table.
struct Row {
    method: String,
    path: String,
    place: String,
    handler: String,
    summary: String,
    tests: String,
}

/// Writes the document and returns the files that it was made from.
pub(super) fn write(tree: &mut Tree) -> (Document, BTreeSet<String>) {
    let mut specifications = Files::new();
    let mut parts = Vec::new();
    let mut coverage = Coverage::default();
    for (path, fact) in tree.read(is_wanted, extract) {
        match fact {
            Fact::Specification(node) => drop(specifications.insert(path, node)),
            Fact::GraphQl(part) => parts.push((path, part)),
            Fact::Test(paths) => coverage.add(&path, &paths),
        }
    }
    let specified = specified(tree, specifications);
    let graphql = graphql::operations(&parts);
    let (files, found) = routing::read(tree);
    let routes = found.routes.iter().map(|route| ResolvedRoute {
        path: route.path.clone(),
        method: route.method.clone(),
        file: files.get(route.file).cloned().unwrap_or_default(),
        line: route.line,
        handler: route.handler.clone(),
    });
    let routes: Vec<ResolvedRoute> = routes.collect();
    let (mut rows, only_specified) = rows(&routes, &specified, &coverage);
    rows.extend(graphql.iter().map(graphql_row));
    rows.sort_by(|a, b| (&a.path, &a.method, &a.place).cmp(&(&b.path, &b.method, &b.place)));
    let mut document = Document::new(
        "API",
        "This document lists the routes of the repository. They were read from its code, its OpenAPI files and its GraphQL schemas, and \
         nothing was run. A part of a path that is known only at run time is in braces, with its name in the code. The column `tests` names the test files \
         that contain the path.",
    );
    write_limits(&mut document, &files, &found);
    if rows.is_empty() {
        let message = "No routes were found: no file uses a supported framework for Rust, TypeScript, JavaScript, Python, Go, Ruby, \
                    PHP or Java, and there is no OpenAPI file and no GraphQL schema. Tests, examples and benchmarks were not read.";
        document.add("the finding", message);
    } else {
        document.add("the counts", &counts(&routes, &specified, only_specified, &graphql));
        write_rows(&mut document, &rows);
    }
    write_unresolved(&mut document, &files, &found);
    let mut sources: BTreeSet<String> = routes.into_iter().map(|route| route.file).collect();
    sources.extend(specified.into_iter().map(|(path, _)| path));
    sources.extend(graphql.into_iter().map(|operation| operation.file));
    (document, sources)
}

fn is_wanted(path: &str) -> bool {
    if openapi::is_wanted(path) {
        return !paths::is_test(path) && !paths::is_example(path);
    }
    let is_generated = path.ends_with(".d.ts") || path.ends_with(".min.js");
    let is_code = Grammar::of(paths::extension(path)).is_some();
    let is_test = paths::is_test(path);
    (is_code && is_test || graphql::is_wanted(path) && !is_test) && !is_generated && !paths::is_example(path)
}

/// The operations of the OpenAPI files, each with the file that it was found in. Files that they refer to are read too.
fn specified(tree: &mut Tree, mut files: Files) -> Vec<(String, Operation)> {
    let specifications: Vec<String> = files.keys().cloned().collect();
    for _ in 0..MAX_REFERENCE_ROUNDS {
        let referenced = files.iter().flat_map(|(path, node)| openapi::referenced(path, node));
        let missing: BTreeSet<String> = referenced.filter(|path| !files.contains_key(path)).collect();
        if missing.is_empty() {
            break;
        }
        let read = tree.read(|path| missing.contains(path), |path, text| Some(openapi::node(path, text)));
        files.extend(read);
    }
    let specifications = specifications.iter().filter_map(|path| files.get_key_value(path));
    let all = specifications.flat_map(|(path, node)| openapi::operations(path, node, &files));
    all.map(|operation| (operation.file.clone(), operation)).collect()
}

fn graphql_row(operation: &graphql::Operation) -> Row {
    Row {
        method: operation.kind.clone(),
        path: operation.name.clone(),
        place: format!("{}:{}", operation.file, operation.line),
        handler: String::new(),
        summary: operation.summary.clone(),
        tests: String::new(),
    }
}

fn extract(path: &str, text: &str) -> Option<Fact> {
    if openapi::is_wanted(path) {
        return openapi::specification(path, text).map(Fact::Specification);
    }
    if !paths::is_test(path) {
        return graphql::read(path, text).map(Fact::GraphQl);
    }
    let found = coverage::paths(text);
    (!found.is_empty()).then_some(Fact::Test(found))
}

/// The sorted rows, and the number of operations in OpenAPI files for which no route was found in the code.
fn rows(routes: &[ResolvedRoute], specified: &[(String, Operation)], coverage: &Coverage) -> (Vec<Row>, usize) {
    let mut by_route: BTreeMap<(String, &str), Vec<&(String, Operation)>> = BTreeMap::new();
    for entry in specified {
        by_route.entry((shape(&entry.1.path), entry.1.method.as_str())).or_default().push(entry);
    }
    // A server in front of the code may add the first part of a path, so the rest of it is compared too.
    let mut by_own_path: BTreeMap<(String, &str), &(String, Operation)> = BTreeMap::new();
    for entry in specified {
        by_own_path.entry((shape(&entry.1.own_path), entry.1.method.as_str())).or_insert(entry);
    }
    let mut described = BTreeSet::new();
    let mut rows = Vec::new();
    for route in routes {
        let key = (shape(&route.path), route.method.as_str());
        let whole = by_route.get(&key).and_then(|entries| entries.first().copied());
        let operation = whole.or_else(|| by_own_path.get(&key).copied());
        if let Some((_, operation)) = operation {
            described.insert((shape(&operation.path), operation.method.as_str()));
        }
        rows.push(Row {
            method: route.method.clone(),
            path: route.path.clone(),
            place: format!("{}:{}", route.file, route.line),
            handler: route.handler.clone(),
            summary: operation.map(|(_, operation)| summary_or_id(operation)).unwrap_or_default(),
            tests: tests(coverage, &route.path),
        });
    }
    let served: BTreeSet<String> =
        routes.iter().filter(|route| route.method == ANY).map(|route| shape(&route.path)).collect();
    let mut only_specified = 0;
    for ((path, method), entries) in &by_route {
        let Some((file, operation)) = entries.first().filter(|_| !described.contains(&(path.clone(), *method))) else {
            continue;
        };
        only_specified += usize::from(!served.contains(path));
        rows.push(Row {
            method: operation.method.clone(),
            path: operation.path.clone(),
            place: format!("{file}:{}", operation.line),
            handler: operation.id.clone(),
            summary: operation.summary.clone(),
            tests: tests(coverage, &operation.path),
        });
    }
    (rows, only_specified)
}

fn summary_or_id(operation: &Operation) -> String {
    if operation.summary.is_empty() { operation.id.clone() } else { operation.summary.clone() }
}

/// The path with every parameter replaced by `{}`, to compare the paths of code and specification.
fn shape(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.map(|segment| if is_parameter(segment) { "{}" } else { segment }).collect::<Vec<_>>().join("/")
}

fn tests(coverage: &Coverage, path: &str) -> String {
    let files = coverage.of(path);
    let named: Vec<String> = files.iter().take(MAX_TESTS).map(|file| code(file)).collect();
    let more = files.len().saturating_sub(MAX_TESTS);
    if more == 0 { named.join(", ") } else { format!("{} and {more} more", named.join(", ")) }
}

fn counts(
    routes: &[ResolvedRoute],
    specified: &[(String, Operation)],
    only_specified: usize,
    graphql: &[graphql::Operation],
) -> String {
    let files: BTreeSet<&str> = routes.iter().map(|route| route.file.as_str()).collect();
    let mut text = format!("The code has {} in {}.", counted(routes.len(), "route"), counted(files.len(), "file"));
    if !specified.is_empty() {
        let files: BTreeSet<&String> = specified.iter().map(|(file, _)| file).collect();
        let files: Vec<String> = files.into_iter().map(|file| code(file)).collect();
        let without_route = match only_specified {
            0 => String::new(),
            some => format!(" For {some} of them, no route was found in the code."),
        };
        let describe = if files.len() == 1 { "describes" } else { "describe" };
        text =
            format!("{text} {} {describe} {}.{without_route}", files.join(", "), counted(specified.len(), "operation"));
    }
    if !graphql.is_empty() {
        let files: BTreeSet<&str> = graphql.iter().map(|operation| operation.file.as_str()).collect();
        let (operations, files) = (counted(graphql.len(), "operation"), counted(files.len(), "file"));
        text = format!("{text} GraphQL schemas have {operations} in {files}.");
    }
    text
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Writes which limits ended the evaluation of the code.
fn write_limits(document: &mut Document, files: &[String], found: &Found) {
    if found.is_partial {
        document.add("the limit", "The code has more routes or calls than are read, so routes are missing.");
    }
    if !found.unfinished.is_empty() {
        let first = found.unfinished.iter().take(MAX_UNFINISHED).filter_map(|file| files.get(*file));
        let named: Vec<String> = first.map(|path| code(path)).collect();
        let more = found.unfinished.len().saturating_sub(MAX_UNFINISHED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let text = format!(
            "The code of these files was not evaluated to its end, because it takes too many steps, so routes of \
             them may be missing: {}{more}.",
            named.join(", "),
        );
        document.add("the files whose evaluation ended early", &text);
    }
}

/// Writes what looks like a route and was not understood, so that a reader can look there.
fn write_unresolved(document: &mut Document, files: &[String], found: &Found) {
    if found.unresolved.is_empty() {
        return;
    }
    let place = |unresolved: &Unresolved| {
        format!("{}:{}", files.get(unresolved.file).map_or("", String::as_str), unresolved.line)
    };
    let rows: Vec<Vec<String>> =
        found.unresolved.iter().map(|unresolved| vec![code(&unresolved.source), code(&place(unresolved))]).collect();
    let head = "## Not understood\n\nThese calls look like routes, but the router that they belong to was not found.";
    document.table("calls that were not understood", head, &["call", "where"], &rows);
}

/// Writes the table. Columns without any text are left out.
fn write_rows(document: &mut Document, rows: &[Row]) {
    let cells: Vec<[String; 6]> = rows
        .iter()
        .map(|row| {
            [
                code(&row.method),
                code(&row.path),
                plain(&row.summary),
                code(&row.handler),
                code(&row.place),
                row.tests.clone(),
            ]
        })
        .collect();
    let names = ["method", "path", "what it does", "handler", "where", "tests"];
    let used: Vec<bool> =
        (0..names.len()).map(|n| cells.iter().any(|row| row.get(n).is_some_and(|cell| !cell.is_empty()))).collect();
    let keep = |n: usize| used.get(n).copied().unwrap_or(false);
    let columns: Vec<&str> = names.iter().enumerate().filter(|(n, _)| keep(*n)).map(|(_, name)| *name).collect();
    let rows: Vec<Vec<String>> = cells
        .into_iter()
        .map(|row| row.into_iter().enumerate().filter(|(n, _)| keep(*n)).map(|(_, cell)| cell).collect())
        .collect();
    document.table("routes", "## Routes", &columns, &rows);
}
