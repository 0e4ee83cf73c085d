//! How to build, test and run: scripts of manifests, recipes of just and make, files in `scripts/`,
//! and the toolchain's own commands.

use super::Files;
use super::manifest::Package;
use crate::places;

/// A line for a shell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) line: String,
    pub(super) about: String,
    pub(super) source: String,
}

/// Whether a file declares commands.
pub(super) fn is_wanted(path: &str) -> bool {
    is_recipes(path) || is_script(path)
}

fn is_recipes(path: &str) -> bool {
    matches!(path, "justfile" | "Justfile" | ".justfile" | "Makefile" | "makefile" | "GNUmakefile")
}

/// A program right inside a folder that is there for programs.
fn is_script(path: &str) -> bool {
    matches!(places::folder(path), "scripts" | "script" | "bin" | ".ci")
        && matches!(places::ending(path), "" | "sh" | "bash" | "py" | "js" | "mjs" | "ts" | "rb")
}

/// Every command, those of the top first.
pub(super) fn of(files: &Files, packages: &[Package]) -> Vec<Command> {
    let mut commands = Vec::new();
    for (path, text) in files {
        if is_recipes(path) {
            let program = if path.to_ascii_lowercase().ends_with("justfile") { "just" } else { "make" };
            commands.extend(recipes(text).into_iter().map(|(name, about)| Command {
                line: format!("{program} {name}"),
                about,
                source: path.clone(),
            }));
        } else if is_script(path) && text.starts_with("#!") {
            commands.push(Command { line: format!("./{path}"), about: purpose(text), source: path.clone() });
        }
    }
    let mut packages: Vec<&Package> = packages.iter().collect();
    packages.sort_by_key(|package| (package.path.matches('/').count(), package.path.as_str()));
    for package in packages {
        commands.extend(scripts(package, files));
        commands.extend(standard(package));
    }
    commands
}

fn scripts(package: &Package, files: &Files) -> Vec<Command> {
    let folder = places::folder(&package.path);
    let program = match places::name(&package.path) {
        "package.json" if files.contains_key("pnpm-workspace.yaml") => "pnpm run",
        "package.json" => "npm run",
        _ => "",
    };
    let line = |name: &str| match (program, folder) {
        ("", _) => name.to_owned(),
        (program, "") => format!("{program} {name}"),
        (program, folder) => format!("{program} {name}  # in {folder}/"),
    };
    let command = |(name, about): &(String, String)| Command {
        line: line(name),
        about: about.clone(),
        source: package.path.clone(),
    };
    package.scripts.iter().map(command).collect()
}

/// What the toolchain gives every package, said once, for the manifest at the top.
fn standard(package: &Package) -> Vec<Command> {
    let lines: &[&str] = match package.path.as_str() {
        "Cargo.toml" => &["cargo build", "cargo test"],
        "go.mod" => &["go build ./...", "go test ./..."],
        _ => &[],
    };
    let command = |line: &&str| Command {
        line: (*line).to_owned(),
        about: "the toolchain's own".to_owned(),
        source: package.path.clone(),
    };
    lines.iter().map(command).collect()
}

/// The public recipes of a justfile or Makefile, each with the comment on it.
fn recipes(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut comment = String::new();
    for line in text.lines() {
        if let Some(said) = line.strip_prefix('#') {
            said.trim_start_matches('#').trim().clone_into(&mut comment);
            continue;
        }
        if let Some(name) = recipe_name(line).filter(|name| found.iter().all(|(known, _)| known != name)) {
            let beside = line.split_once("##").map(|(_, said)| said.trim().to_owned());
            found.push((name.to_owned(), beside.unwrap_or_else(|| std::mem::take(&mut comment))));
        }
        comment.clear();
    }
    found
}

/// The name that a line starts a recipe with.
fn recipe_name(line: &str) -> Option<&str> {
    let (head, rest) = line.split_once(':')?;
    let name = head.trim_start_matches('@').split_whitespace().next()?;
    let is_public = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    let is_assignment =
        rest.starts_with(['=', ':']) || head.contains('=') && !head.contains('"') && !head.contains('\'');
    let is_keyword = matches!(name, "set" | "export" | "alias" | "import" | "mod" | "define" | "include" | "ifeq");
    let starts_here = !line.starts_with([' ', '\t']);
    (starts_here && is_public && is_name && !is_assignment && !is_keyword).then_some(name)
}

/// The first words of a script's head comment.
fn purpose(text: &str) -> String {
    let comments = text.lines().skip(1).take(12).map(str::trim);
    let said = comments.filter_map(|line| line.strip_prefix('#').or_else(|| line.strip_prefix("//")));
    let mut said = said.map(|line| line.trim_matches(|c: char| c == '#' || c == '/' || c.is_whitespace()));
    said.find(|line| line.contains(' ') && !line.starts_with("shellcheck")).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_told_from_assignments_and_private_ones() {
        let just = "set shell := [\"bash\"]\nx := \"a:b\"\n# Runs it all\ntest *ARGS: build\n    cargo test\n_hidden:\n    x\nbuild:\n";
        assert_eq!(recipes(just), [("test".into(), "Runs it all".into()), ("build".into(), String::new())]);
        let make = "CC := gcc\nA = b:c\n.PHONY: all\nall: x ## Builds it\n\tcc x: y\n%.o: %.c\nall: z\n";
        assert_eq!(recipes(make), [("all".into(), "Builds it".into())]);
    }

    #[test]
    fn a_script_says_what_it_is_for_in_its_head() {
        assert_eq!(purpose("#!/bin/sh\n# shellcheck disable=all of it\n#\n# Runs all tests.\n"), "Runs all tests.");
        assert_eq!(purpose("#!/bin/sh\nset -e\n"), "");
    }
}
