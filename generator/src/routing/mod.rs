//! Finds the routes of a repository by evaluating the code that declares them.
//!
//! Routers are values: they flow through variables, functions, objects and files, and a router that is mounted in four
//! places has four times its routes. Texts are folded; a part that only the running program knows keeps its name, as in
//! `{config.base}/items`. The tables in `frameworks` say what the names of each framework mean.

mod calls;
mod candidates;
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
use std::sync::atomic::{AtomicBool, Ordering};

use self::modules::Modules;
pub(crate) use self::program::{Found, Unresolved};
use self::program::{Program, SourceFile};
use self::python_modules::PythonModule;
use self::rust::Crates;
use crate::code::{Grammar, Language, Statement, is_too_nested, parse};
use crate::paths;
use crate::skipped::Reason;
use crate::tree::Tree;

/// The end of the names of files of JavaScript that a program wrote for browsers.
const MINIFIED: &str = ".min.js";
/// The maximum number of rounds in which imported files are read.
const MAX_ROUNDS: usize = 12;
/// The number of imports from a file that declares routes to the files that are still read, in languages in which most
/// files import most others.
const NEAR_ROUNDS: usize = 4;

/// A file that was parsed.
struct Parsed {
    statements: Vec<Statement>,
    /// The files that it names, if their values matter.
    targets: Vec<String>,
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
    drop(settings);
    let mut files: BTreeMap<String, Parsed> = BTreeMap::new();
    let mut wanted: Option<BTreeSet<String>> = None;
    let skipped = Mutex::new(BTreeMap::new());
    let has_described_routes = AtomicBool::new(false);
    for round in 0..MAX_ROUNDS {
        // All candidates have been read when a file is read because another one names it.
        let describes = has_described_routes.load(Ordering::Relaxed);
        let read = tree.read(
            |path| is_source(path) && wanted.as_ref().is_none_or(|wanted| wanted.contains(path)),
            |path, text| {
                let text = if language(path) == Some(Language::Rust) { rust::without_tests(text) } else { text };
                let is_candidate = candidates::is_candidate(path, text, &modules);
                if is_candidate && rust::has_described_routes(text) {
                    has_described_routes.store(true, Ordering::Relaxed);
                }
                let is_read = is_candidate || wanted.is_some() && candidates::is_needed(path, text, describes);
                let grammar = Grammar::of(paths::extension(path))?;
                let reason = if !is_read {
                    candidates::reason_to_skip(path, text)
                } else if is_too_nested(grammar, text) {
                    Some(Reason::TooNested)
                } else {
                    None
                };
                if let Some(reason) = reason {
                    skipped.lock().ok()?.insert(path.to_owned(), reason);
                }
                if reason.is_some() || !is_read {
                    return None;
                }
                let (mut parsed, specifiers) = parsed(path, text, is_candidate)?;
                let mut seen = BTreeSet::new();
                let targets = specifiers.iter().flat_map(|module| named_files(&modules, &crates, path, module));
                parsed.targets = targets.filter(|target| is_source(target) && seen.insert(target.clone())).collect();
                Some(parsed)
            },
        );
        files.extend(read);
        let follows = |file: &&Parsed| !reads_imports_only_near(file.language) || round < NEAR_ROUNDS;
        let named = files.values().filter(follows).flat_map(|file| &file.targets);
        let missing: BTreeSet<String> = named.filter(|path| !files.contains_key(*path)).cloned().collect();
        if missing.is_empty() || wanted.as_ref() == Some(&missing) {
            break;
        }
        wanted = Some(missing);
    }
    for (path, reason) in skipped.into_inner().unwrap_or_default() {
        if !files.contains_key(&path) {
            tree.add_skipped(reason, &path);
        }
    }
    let minified: Vec<String> = tree.files().iter().filter(|path| path.ends_with(MINIFIED)).cloned().collect();
    for path in &minified {
        tree.add_skipped(Reason::Minified, path);
    }
    let imports = imports(&files);
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
fn imports(files: &BTreeMap<String, Parsed>) -> Vec<Vec<usize>> {
    let index: BTreeMap<&String, usize> = files.keys().enumerate().map(|(index, path)| (path, index)).collect();
    let targets = |file: &Parsed| file.targets.iter().filter_map(|target| index.get(target).copied()).collect();
    files.values().map(targets).collect()
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
    let is_generated = path.ends_with(".d.ts") || path.ends_with(MINIFIED);
    Grammar::of(paths::extension(path)).is_some() && !is_generated && !paths::is_example(path) && !paths::is_test(path)
}

/// A file with the modules and paths that it names, if what they export matters.
fn parsed(path: &str, text: &str, is_candidate: bool) -> Option<(Parsed, Vec<String>)> {
    let grammar = Grammar::of(paths::extension(path))?;
    let (statements, language) = (parse(grammar, text)?, grammar.described());
    let specifiers = match language {
        Language::Python if is_candidate || candidates::imports_matter(path, text) => {
            python_modules::specifiers(&statements)
        }
        Language::Go if go::imports_matter(text) => go::specifiers(&statements),
        Language::Java => spring::specifiers(&statements),
        Language::Rust if rust::is_candidate(text) || text.contains("pub use") => {
            rust::named_paths(&statements).into_iter().collect()
        }
        Language::JavaScript if candidates::imports_matter(path, text) => modules::specifiers(text),
        _ => Vec::new(),
    };
    let compares_paths = match language {
        Language::Rust => rust::compares_paths(text),
        Language::JavaScript => candidates::compares_paths(text),
        _ => false,
    };
    Some((Parsed { statements, targets: Vec::new(), compares_paths, language, is_candidate }, specifiers))
}
