//! Finds the routes of a repository by evaluating the code that declares them.
//!
//! Routers are values: they flow through variables, functions, objects and files, and a router that is mounted in four
//! places has four times its routes. Texts are folded; a part that only the running program knows keeps its name, as in
//! `{config.base}/items`. The tables in `frameworks` say what the names of each framework mean.

mod calls;
mod compared_paths;
mod evaluate;
mod file_routes;
mod framework;
mod go;
mod laravel;
mod mentions;
mod modules;
mod nest;
mod procedures;
mod program;
mod python_modules;
mod rails;
mod react_router;
mod router;
mod rust;
mod spring;
mod text;
mod value;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use self::modules::Modules;
pub(crate) use self::program::{Found, Unresolved};
use self::program::{Program, SourceFile};
use self::python_modules::PythonModule;
use self::rust::Crates;
use crate::code::{Grammar, Language, Statement, is_too_nested, parse};
use crate::paths;
use crate::tree::Tree;

/// The maximum number of rounds in which imported files are read.
const MAX_ROUNDS: usize = 12;
/// Texts of which a file that declares routes has one, beside the package of a framework.
const MARKERS: [&str; 9] = [".get(", ".post(", ".put(", ".patch(", ".delete(", ".del(", ".all(", ".openapi(", ".on("];
/// Texts of which a file without a framework that declares routes has one.
const TABLE_MARKERS: [&str; 5] = ["'GET /", "\"GET /", "'POST /", "\"POST /", "Bun.serve"];
/// Texts of which a file that puts routers together has one. The files that it imports are read too.
const MOUNTS: [&str; 15] = [
    "initTRPC",
    "serve(",
    ".use(",
    ".route(",
    ".routes",
    ".register(",
    ".group(",
    ".basePath(",
    ".mount(",
    "outer({",
    "outers(",
    "@Controller",
    "@Module",
    "setGlobalPrefix",
    "createRoute(",
];

/// The size from which a file may be minified, in bytes.
const MIN_MINIFIED: usize = 4 * 1024;
/// The mean length of lines that people write is below this number of bytes.
const MAX_MEAN_LINE: usize = 300;

/// Texts of which a file of Python that declares routes has one, beside the import of a framework.
const PYTHON_MARKERS: [&str; 13] = [
    "urlpatterns",
    "APIRouter",
    "Blueprint(",
    "RouteTableDef",
    ".add_url_rule(",
    ".add_api_route(",
    ".add_route",
    ".add_subapp(",
    "web.View",
    "(app):",
    "(app,",
    ".route(",
    "Route(",
];
/// The number of imports from a file that declares routes to the files that are still read, in languages in which most
/// files import most others.
const NEAR_ROUNDS: usize = 4;

/// A file with the modules that it names, if what they export matters.
struct Parsed {
    statements: Vec<Statement>,
    specifiers: Vec<String>,
    compares_paths: bool,
    language: Language,
    /// Whether the file has a text that files which declare routes have.
    is_candidate: bool,
}

/// The routes of the code, with the paths of the files in the order of their indices.
pub(crate) fn read(tree: &mut Tree) -> (Vec<String>, Found) {
    let is_settings = |path: &str| {
        modules::is_settings(path)
            || paths::name(path) == "Cargo.toml"
            || path.ends_with("config/application.rb")
            || spring::is_settings(path)
    };
    let settings = tree.read(is_settings, |_, text| Some(text.to_owned()));
    let modules = Modules::new(tree.files(), &settings);
    let crates = Crates::new(tree.files(), &settings);
    let mut files: BTreeMap<String, Parsed> = BTreeMap::new();
    let mut wanted: Option<BTreeSet<String>> = None;
    let too_nested = Mutex::new(BTreeSet::new());
    for round in 0..MAX_ROUNDS {
        let read = tree.read(
            |path| is_source(path) && wanted.as_ref().is_none_or(|wanted| wanted.contains(path)),
            |path, text| {
                let is_candidate = is_candidate(path, text, &modules);
                let is_read = wanted.is_some() && is_needed(path, text) || is_candidate;
                let grammar = Grammar::of(paths::extension(path)).filter(|_| is_read)?;
                if is_too_nested(grammar, text) {
                    too_nested.lock().ok()?.insert(path.to_owned());
                    return None;
                }
                parsed(path, text, is_candidate)
            },
        );
        files.extend(read);
        let follows = |file: &&Parsed| !reads_imports_only_near(file.language) || round < NEAR_ROUNDS;
        let named = files.iter().filter(|(_, file)| follows(file));
        let named = named.flat_map(|(path, file)| file.specifiers.iter().map(move |module| (path, module)));
        let missing: BTreeSet<String> = named
            .flat_map(|(path, module)| named_files(&modules, &crates, path, module))
            .filter(|path| !files.contains_key(path) && is_source(path))
            .collect();
        if missing.is_empty() || wanted.as_ref() == Some(&missing) {
            break;
        }
        wanted = Some(missing);
    }
    for path in too_nested.into_inner().unwrap_or_default() {
        tree.add_too_nested(&path);
    }
    let imports = imports(&files, &modules, &crates);
    let sources: Vec<SourceFile> = files
        .into_iter()
        .map(|(path, file)| SourceFile {
            language: file.language,
            runs_alone: runs_alone(file.language) && (file.is_candidate || !reads_imports_only_near(file.language)),
            path,
            statements: file.statements,
            compares_paths: file.compares_paths,
        })
        .collect();
    let found = Program::new(&sources, &modules, &crates).run(&imports);
    (sources.into_iter().map(|file| file.path).collect(), found)
}

/// The files that an import or a path in a file names.
fn named_files(modules: &Modules, crates: &Crates, from: &str, name: &str) -> Vec<String> {
    match language(from) {
        Some(Language::Rust) => crates.files_of(from, name),
        Some(Language::Go) => modules.go.files_of(from, name),
        Some(Language::Java) => modules.java.files_of(from, name),
        Some(Language::Python) => match modules.python_module(from, name) {
            Some(PythonModule::File(file)) => vec![file],
            Some(PythonModule::Folder(_)) | None => Vec::new(),
        },
        _ => modules.resolve(from, name).into_iter().collect(),
    }
}

/// The indices of the files that each file imports.
fn imports(files: &BTreeMap<String, Parsed>, modules: &Modules, crates: &Crates) -> Vec<Vec<usize>> {
    let index: BTreeMap<&String, usize> = files.keys().enumerate().map(|(index, path)| (path, index)).collect();
    let targets = |path: &String, file: &Parsed| {
        let targets = file.specifiers.iter().flat_map(|module| named_files(modules, crates, path, module));
        targets.filter_map(|target| index.get(&target).copied()).collect()
    };
    files.iter().map(|(path, file)| targets(path, file)).collect()
}

fn reads_imports_only_near(language: Language) -> bool {
    matches!(language, Language::Python | Language::Go)
}

/// Whether functions that nothing calls may add routes.
fn runs_alone(language: Language) -> bool {
    !matches!(language, Language::Ruby | Language::Php | Language::Java)
}

fn language(path: &str) -> Option<Language> {
    Grammar::of(paths::extension(path)).map(Grammar::described)
}

fn is_source(path: &str) -> bool {
    let is_generated = path.ends_with(".d.ts") || path.ends_with(".min.js");
    Grammar::of(paths::extension(path)).is_some() && !is_generated && !paths::is_example(path) && !paths::is_test(path)
}

/// Whether a file that another one names is read.
fn is_needed(path: &str, text: &str) -> bool {
    match language(path) {
        Some(Language::Rust) => rust::is_useful(text),
        Some(Language::Java) => spring::is_needed(text),
        Some(Language::Go) => go::is_needed(text),
        Some(Language::JavaScript) => !is_minified(text),
        _ => true,
    }
}

fn is_candidate(path: &str, text: &str, modules: &Modules) -> bool {
    match language(path) {
        Some(Language::Python) => {
            return PYTHON_MARKERS.iter().any(|marker| text.contains(marker)) || framework::imports_package(text);
        }
        Some(Language::Rust) => return rust::is_candidate(text),
        Some(Language::Go) => return go::is_candidate(text),
        Some(Language::Ruby) => return rails::is_candidate(path, text),
        Some(Language::Php) => return laravel::is_candidate(path, text),
        Some(Language::Java) => return spring::is_candidate(text),
        _ => {}
    }
    if is_minified(text) {
        return false;
    }
    // A component of a page that names no framework serves nothing.
    let is_component = matches!(paths::extension(path), "tsx" | "jsx");
    let declares = || TABLE_MARKERS.iter().any(|marker| text.contains(marker)) || framework::names_package(text);
    let may_declare = || MARKERS.iter().chain(&MOUNTS).any(|marker| text.contains(marker));
    file_routes::is_file_route(path)
        || compares_paths(text)
        || declares()
        || !is_component && modules.may_serve(path) && may_declare()
}

/// Whether a text has the long lines of code that a program wrote. Such code is that of a browser.
fn is_minified(text: &str) -> bool {
    text.len() > MIN_MINIFIED && text.len() / (text.bytes().filter(|byte| *byte == b'\n').count() + 1) > MAX_MEAN_LINE
}

/// Whether the values that a file imports matter: it mounts them, or exports them as its own.
fn puts_together(text: &str) -> bool {
    MOUNTS.iter().any(|marker| text.contains(marker)) || framework::names_package(text)
}

fn exports_imports(text: &str) -> bool {
    ["export {", "export *", "export const {", "export default ", "module.exports"]
        .iter()
        .any(|start| text.contains(start))
}

fn compares_paths(text: &str) -> bool {
    text.contains("pathname") && text.contains("new URL(") && text.contains(".url")
        || text.contains("createServer(") && text.contains(".url")
}

fn parsed(path: &str, text: &str, is_candidate: bool) -> Option<Parsed> {
    let grammar = Grammar::of(paths::extension(path))?;
    let (statements, language) = (parse(grammar, text)?, grammar.described());
    if language == Language::Python {
        let specifiers = python_modules::specifiers(&statements);
        return Some(Parsed { statements, specifiers, compares_paths: false, language, is_candidate });
    }
    if language == Language::Go {
        let specifiers = go::specifiers(&statements);
        return Some(Parsed { statements, specifiers, compares_paths: false, language, is_candidate });
    }
    if matches!(language, Language::Ruby | Language::Php | Language::Java) {
        let specifiers = if language == Language::Java { spring::specifiers(&statements) } else { Vec::new() };
        return Some(Parsed { statements, specifiers, compares_paths: false, language, is_candidate });
    }
    if language == Language::Rust {
        let follows = rust::is_candidate(text) || text.contains("pub use");
        let specifiers = if follows { rust::named_paths(&statements).into_iter().collect() } else { Vec::new() };
        let compares_paths = rust::compares_paths(text);
        return Some(Parsed { statements, specifiers, compares_paths, language, is_candidate });
    }
    let follows =
        puts_together(text) || file_routes::is_file_route(path) && exports_imports(text) || text.contains("export *");
    let specifiers = if follows { modules::specifiers(text) } else { Vec::new() };
    Some(Parsed { statements, specifiers, compares_paths: compares_paths(text), language, is_candidate })
}
