//! `api`: the routes that a repository's code serves, what OpenAPI says of them, and which tests
//! name them.
//!
//! A scanner for each language finds routes and mounts in its files, [`mounts`] puts prefixes before
//! paths across files. What a router gets only at run time is not known, and the document says so.

mod coverage;
mod go;
mod javascript;
mod model;
mod mounts;
mod nest;
mod next;
mod openapi;
mod python;
mod rust;

use std::collections::{BTreeMap, BTreeSet};

use self::coverage::{Coverage, is_parameter};
use self::model::{ANY, Facts};
use self::mounts::Placed;
use self::openapi::Operation;
use super::document::{Document, code, plain};
use super::lex::Language;
use super::places;
use super::tree::Tree;

/// Test files that are named for a route.
const TESTS: usize = 2;

/// What a file says.
enum Fact {
    Code(Facts),
    Specification(Vec<Operation>),
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

/// Writes the document, and names what it is made from.
pub(super) fn write(tree: &mut Tree) -> (Document, BTreeSet<String>) {
    let mut code_files = Vec::new();
    let mut specified: Vec<(String, Operation)> = Vec::new();
    let mut coverage = Coverage::default();
    for (path, fact) in tree.read(is_wanted, extract) {
        match fact {
            Fact::Code(facts) => code_files.push((path, facts)),
            Fact::Specification(operations) => {
                specified.extend(operations.into_iter().map(|operation| (path.clone(), operation)));
            }
            Fact::Test(paths) => coverage.add(&path, &paths),
        }
    }
    let placed = mounts::place(&code_files);
    let (rows, only_specified) = rows(&placed, &specified, &coverage);
    let mut document = Document::new(
        "API",
        "The routes of this repository, read from its code and its OpenAPI files without running anything. A path is as \
         its router sees it; a prefix that is only known at run time is not in it. Tests are files that name the path.",
    );
    if rows.is_empty() {
        let none = "No routes found: none of the frameworks known for Rust, TypeScript, JavaScript, Python and Go, and no OpenAPI \
                    file. Tests, examples and benchmarks are not looked at.";
        document.add("the finding", none);
    } else {
        document.add("the counts", &counts(&placed, &specified, only_specified));
        write_rows(&mut document, &rows);
    }
    let mut sources: BTreeSet<String> = placed.into_iter().map(|placed| placed.file).collect();
    sources.extend(specified.into_iter().map(|(path, _)| path));
    (document, sources)
}

fn is_wanted(path: &str) -> bool {
    if openapi::is_wanted(path) {
        return !places::is_test(path) && !places::is_show(path);
    }
    let made = path.ends_with(".d.ts") || path.ends_with(".min.js");
    Language::of(places::ending(path)).is_some() && !made && !places::is_show(path)
}

fn extract(path: &str, text: &str) -> Option<Fact> {
    if openapi::is_wanted(path) {
        return Some(Fact::Specification(openapi::read(path, text)))
            .filter(|fact| !matches!(fact, Fact::Specification(none) if none.is_empty()));
    }
    if places::is_test(path) {
        return Some(Fact::Test(coverage::paths(text)))
            .filter(|fact| !matches!(fact, Fact::Test(none) if none.is_empty()));
    }
    let has_any = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    let mut facts = match Language::of(places::ending(path))? {
        Language::Rust if has_any(&rust::SIGNS) => rust::read(text),
        Language::JavaScript if has_any(&javascript::SIGNS) => javascript::read(text),
        Language::Python if has_any(&python::SIGNS) => python::read(text),
        Language::Go if has_any(&go::SIGNS) => go::read(text),
        _ => Facts::default(),
    };
    if Language::of(places::ending(path)) == Some(Language::JavaScript) {
        next::read(path, text, &mut facts);
    }
    (!facts.is_empty()).then_some(Fact::Code(facts))
}

/// The rows, sorted, and how many of them stand in no code that was found.
fn rows(placed: &[Placed], specified: &[(String, Operation)], coverage: &Coverage) -> (Vec<Row>, usize) {
    let mut by_route: BTreeMap<(String, &str), Vec<&(String, Operation)>> = BTreeMap::new();
    for entry in specified {
        by_route.entry((shape(&entry.1.path), entry.1.method.as_str())).or_default().push(entry);
    }
    let mut described = BTreeSet::new();
    let mut rows = Vec::new();
    for route in placed {
        let key = (shape(&route.path), route.method.as_str());
        let operation = by_route.get(&key).and_then(|entries| entries.first());
        if operation.is_some() {
            described.insert(key);
        }
        rows.push(Row {
            method: route.method.clone(),
            path: route.path.clone(),
            place: format!("{}:{}", route.file, route.line),
            handler: route.handler.clone(),
            summary: operation.map(|(_, operation)| about(operation)).unwrap_or_default(),
            tests: tests(coverage, &route.path),
        });
    }
    let served: BTreeSet<String> =
        placed.iter().filter(|route| route.method == ANY).map(|route| shape(&route.path)).collect();
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
    rows.sort_by(|a, b| (&a.path, &a.method, &a.place).cmp(&(&b.path, &b.method, &b.place)));
    (rows, only_specified)
}

fn about(operation: &Operation) -> String {
    if operation.summary.is_empty() { operation.id.clone() } else { operation.summary.clone() }
}

/// A path in which all parameters look alike, so that code and specification can be compared.
fn shape(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.map(|segment| if is_parameter(segment) { "{}" } else { segment }).collect::<Vec<_>>().join("/")
}

fn tests(coverage: &Coverage, path: &str) -> String {
    let files = coverage.of(path);
    let named: Vec<String> = files.iter().take(TESTS).map(|file| code(file)).collect();
    let more = files.len().saturating_sub(TESTS);
    if more == 0 { named.join(", ") } else { format!("{} and {more} more", named.join(", ")) }
}

fn counts(placed: &[Placed], specified: &[(String, Operation)], only_specified: usize) -> String {
    let files: BTreeSet<&str> = placed.iter().map(|route| route.file.as_str()).collect();
    let mut said = format!("{} in the code, in {}.", counted(placed.len(), "route"), counted(files.len(), "file"));
    if !specified.is_empty() {
        let files: BTreeSet<&String> = specified.iter().map(|(file, _)| file).collect();
        let files: Vec<String> = files.into_iter().map(|file| code(file)).collect();
        let alone = match only_specified {
            0 => String::new(),
            some => format!(", {some} of them with no route that was found"),
        };
        said = format!("{said} {} in {}{alone}.", counted(specified.len(), "operation"), files.join(", "));
    }
    said
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Writes the table, without the columns that would be empty.
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
