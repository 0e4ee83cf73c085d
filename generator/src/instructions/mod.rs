//! `project-instructions`: what the repository is, how to build, test and run it, the rules of the house.
//!
//! It quotes what people wrote for agents and newcomers, and lists what manifests, recipes, scripts
//! and workflows declare. It runs nothing and guesses nothing beyond a toolchain's own commands.

mod commands;
mod excerpt;
mod layout;
mod manifest;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};

use self::commands::Command;
use self::manifest::Package;
use super::document::{Document, code, fenced, plain};
use super::places;
use super::tree::Tree;

/// Rules for agents and contributors, in the order in which they are quoted.
const RULES: [&str; 7] = [
    "AGENTS.md",
    "CLAUDE.md",
    "GEMINI.md",
    ".github/copilot-instructions.md",
    ".cursorrules",
    "CONTRIBUTING.md",
    ".github/CONTRIBUTING.md",
];
/// Bytes of one file of rules.
const RULES_BYTES: usize = 12 * 1024;
/// Bytes of the README: its start says what the project is.
const README_BYTES: usize = 8 * 1024;
/// Rows of a table.
const ROWS: usize = 120;

/// The files that were read, by path.
type Files = BTreeMap<String, String>;

/// Writes the document, and names what it is made from.
pub(super) fn write(tree: &mut Tree) -> (Document, BTreeSet<String>) {
    let files: Files = tree.read(is_wanted, |_, text| Some(text.to_owned())).into_iter().collect();
    let mut packages = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| manifest::is_manifest(path)) {
        match manifest::parse(path, text) {
            Ok(package) => packages.extend(package),
            Err(manifest::Malformed) => tree.is_malformed(path),
        }
    }
    let mut document = Document::new(
        "Project instructions",
        "What this repository is and how to work in it, from its own files. What stands in a fence is quoted from the \
         file named above it.",
    );
    let mut sources: BTreeSet<String> = packages.iter().map(|package| package.path.clone()).collect();
    write_packages(&mut document, &packages);
    sources.extend(write_commands(&mut document, &commands::of(&files, &packages)));
    sources.extend(write_rules(&mut document, &files));
    sources.extend(layout::write(&mut document, tree.files(), &files, &packages));
    sources.extend(workflows::write(&mut document, &files));
    sources.extend(write_readme(&mut document, &files));
    if sources.is_empty() {
        let none =
            "Nothing found: no README, no AGENTS.md, CLAUDE.md or GEMINI.md, no manifest, no recipes, no workflows.";
        document.add("the finding", none);
    }
    (document, sources)
}

fn is_wanted(path: &str) -> bool {
    // The name is compared first: it rules out nearly every file, and costs least.
    manifest::is_manifest(path) && !places::is_test(path) && !places::is_show(path)
        || RULES.contains(&path)
        || is_nested_rules(path)
        || layout::is_readme(path)
        || commands::is_wanted(path)
        || workflows::is_workflow(path)
}

/// Rules for one folder, which an agent reads when it gets there.
fn is_nested_rules(path: &str) -> bool {
    path.contains('/')
        && matches!(places::name(path), "AGENTS.md" | "CLAUDE.md" | "GEMINI.md")
        && !places::is_test(path)
}

fn write_packages(document: &mut Document, packages: &[Package]) {
    let row = |package: &Package| {
        let name = code(package.name.as_deref().unwrap_or("-"));
        vec![name, package.kind.to_owned(), code(&package.path), plain(package.about().as_str())]
    };
    let rows: Vec<Vec<String>> = packages.iter().take(ROWS).map(row).collect();
    if !rows.is_empty() {
        let head = format!("## Packages\n\n{} in all.", packages.len());
        document.table("packages", &head, &["name", "kind", "manifest", "what it is"], &rows);
    }
}

fn write_commands(document: &mut Document, commands: &[Command]) -> BTreeSet<String> {
    let row = |command: &Command| vec![code(&command.line), plain(&command.about), code(&command.source)];
    let rows: Vec<Vec<String>> = commands.iter().take(ROWS).map(row).collect();
    if !rows.is_empty() {
        let head = "## Commands\n\nTo build, test and run, as the repository declares them.";
        document.table("commands", head, &["command", "what it does", "declared in"], &rows);
    }
    commands.iter().take(ROWS).map(|command| command.source.clone()).collect()
}

fn write_rules(document: &mut Document, files: &Files) -> BTreeSet<String> {
    let mut quoted: Vec<(&str, &str)> = Vec::new();
    for path in RULES {
        let Some(text) = files.get(path).map(|text| text.trim()).filter(|text| !text.is_empty()) else { continue };
        let block = match quoted.iter().find(|(_, other)| *other == text) {
            Some((same, _)) => format!("The same text as {}.", code(same)),
            None => fenced("markdown", &excerpt::of(text, RULES_BYTES)),
        };
        document.add(path, &format!("## Rules: {}\n\n{block}", code(path)));
        quoted.push((path, text));
    }
    let nested: Vec<&String> = files.keys().filter(|path| is_nested_rules(path)).collect();
    if !nested.is_empty() {
        let list: Vec<String> = nested.iter().take(ROWS).map(|path| format!("- {}", code(path))).collect();
        let list = list.join("\n");
        document.add(
            "rules of folders",
            &format!("## Rules of folders\n\nRead them before you change anything there.\n\n{list}"),
        );
    }
    let quoted = quoted.into_iter().map(|(path, _)| path.to_owned());
    quoted.chain(nested.into_iter().take(ROWS).cloned()).collect()
}

fn write_readme(document: &mut Document, files: &Files) -> Option<String> {
    let (path, text) = files.iter().find(|(path, _)| !path.contains('/') && layout::is_readme(path))?;
    let block = fenced("markdown", &excerpt::of(text.trim(), README_BYTES));
    document.add(path, &format!("## Readme: {}\n\n{block}", code(path)));
    Some(path.clone())
}
