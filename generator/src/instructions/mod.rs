//! Writes `project-instructions`: what the repository is, how to build, test and run it, and its rules.
//!
//! The document quotes the files that people wrote for agents and contributors, and lists what manifests, recipes,
//! scripts and workflows declare. It runs no program. The only commands that no file declares are the standard commands
//! of a toolchain.

mod commands;
mod excerpt;
mod layout;
mod manifest;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};

use self::commands::Command;
use self::manifest::Package;
use super::document::{Document, code, fenced, plain};
use super::paths;
use super::tree::Tree;

/// The files with rules for agents and contributors, in the order of the document.
const RULES: [&str; 7] = [
    "AGENTS.md",
    "CLAUDE.md",
    "GEMINI.md",
    ".github/copilot-instructions.md",
    ".cursorrules",
    "CONTRIBUTING.md",
    ".github/CONTRIBUTING.md",
];
/// The maximum size of the excerpt from one file of rules, in bytes.
const RULES_BYTES: usize = 12 * 1024;
/// The maximum size of the excerpt from the README, in bytes. Its beginning says what the project is.
const README_BYTES: usize = 8 * 1024;
/// The maximum number of rows of a table.
const MAX_ROWS: usize = 120;

/// The text of each file that was read, by path.
type Files = BTreeMap<String, String>;

/// Writes the document and returns the files that it was made from.
pub(super) fn write(tree: &mut Tree) -> (Document, BTreeSet<String>) {
    let files: Files = tree.read(is_wanted, |_, text| Some(text.to_owned())).into_iter().collect();
    let mut packages = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| manifest::is_manifest(path)) {
        match manifest::parse(path, text) {
            Ok(package) => packages.extend(package),
            Err(manifest::Malformed) => tree.add_malformed(path),
        }
    }
    let mut document = Document::new(
        "Project instructions",
        "This document says what the repository is and how to work in it. All of it comes from the files of the \
         repository. A block of quoted text is from the file that is named above the block.",
    );
    let mut sources: BTreeSet<String> = packages.iter().map(|package| package.path.clone()).collect();
    write_packages(&mut document, &packages);
    sources.extend(write_commands(&mut document, &commands::of(&files, &packages)));
    sources.extend(write_rules(&mut document, &files));
    sources.extend(layout::write(&mut document, tree.files(), &files, &packages));
    sources.extend(workflows::write(&mut document, &files));
    sources.extend(write_readme(&mut document, &files));
    if sources.is_empty() {
        let message = "The repository has no README, no AGENTS.md, CLAUDE.md or GEMINI.md, no manifest, no recipes and no workflows.";
        document.add("the finding", message);
    }
    (document, sources)
}

fn is_wanted(path: &str) -> bool {
    // The name is compared first, because this check is cheap and excludes nearly every file.
    manifest::is_manifest(path) && !paths::is_test(path) && !paths::is_example(path)
        || RULES.contains(&path)
        || is_nested_rules(path)
        || layout::is_readme(path)
        || commands::is_wanted(path)
        || workflows::is_workflow(path)
}

/// Whether a file contains the rules for one folder. An agent reads them when it works in that folder.
fn is_nested_rules(path: &str) -> bool {
    path.contains('/') && matches!(paths::name(path), "AGENTS.md" | "CLAUDE.md" | "GEMINI.md") && !paths::is_test(path)
}

fn write_packages(document: &mut Document, packages: &[Package]) {
    let row = |package: &Package| {
        let name = code(package.name.as_deref().unwrap_or("-"));
        vec![name, package.kind.to_owned(), code(&package.path), plain(package.summary().as_str())]
    };
    let rows: Vec<Vec<String>> = packages.iter().take(MAX_ROWS).map(row).collect();
    if !rows.is_empty() {
        let head = format!("## Packages\n\nNumber of packages: {}.", packages.len());
        document.table("packages", &head, &["name", "kind", "manifest", "what it is"], &rows);
    }
}

fn write_commands(document: &mut Document, commands: &[Command]) -> BTreeSet<String> {
    let row = |command: &Command| vec![code(&command.line), plain(&command.description), code(&command.source)];
    let rows: Vec<Vec<String>> = commands.iter().take(MAX_ROWS).map(row).collect();
    if !rows.is_empty() {
        let head = "## Commands\n\nThese commands build, test and run the repository.";
        document.table("commands", head, &["command", "what it does", "declared in"], &rows);
    }
    commands.iter().take(MAX_ROWS).map(|command| command.source.clone()).collect()
}

fn write_rules(document: &mut Document, files: &Files) -> BTreeSet<String> {
    let mut quoted: Vec<(&str, &str)> = Vec::new();
    for path in RULES {
        let Some(text) = files.get(path).map(|text| text.trim()).filter(|text| !text.is_empty()) else { continue };
        let block = match quoted.iter().find(|(_, other)| *other == text) {
            Some((same, _)) => format!("This file has the same text as {}.", code(same)),
            None => fenced("markdown", &excerpt::of(text, RULES_BYTES)),
        };
        document.add(path, &format!("## Rules: {}\n\n{block}", code(path)));
        quoted.push((path, text));
    }
    let nested: Vec<&String> = files.keys().filter(|path| is_nested_rules(path)).collect();
    if !nested.is_empty() {
        let list: Vec<String> = nested.iter().take(MAX_ROWS).map(|path| format!("- {}", code(path))).collect();
        let list = list.join("\n");
        document.add(
            "rules of folders",
            &format!(
                "## Rules of folders\n\nRead the rules of a folder before you change a file in that folder.\n\n{list}"
            ),
        );
    }
    let quoted = quoted.into_iter().map(|(path, _)| path.to_owned());
    quoted.chain(nested.into_iter().take(MAX_ROWS).cloned()).collect()
}

fn write_readme(document: &mut Document, files: &Files) -> Option<String> {
    let (path, text) = files.iter().find(|(path, _)| !path.contains('/') && layout::is_readme(path))?;
    let block = fenced("markdown", &excerpt::of(text.trim(), README_BYTES));
    document.add(path, &format!("## Readme: {}\n\n{block}", code(path)));
    Some(path.clone())
}
