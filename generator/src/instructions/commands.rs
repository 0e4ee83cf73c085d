//! Finds the commands to build, test and run: scripts in manifests, recipes of just and make, files in `scripts/`, and
//! the standard commands of the toolchain.

use super::Files;
use super::manifest::Package;
use crate::paths;

/// A shell command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) line: String,
    pub(super) description: String,
    /// The file that declares the command.
    pub(super) source: String,
}

/// Whether a file can declare commands.
pub(super) fn is_wanted(path: &str) -> bool {
    is_recipes(path) || is_script(path)
}

fn is_recipes(path: &str) -> bool {
    matches!(path, "justfile" | "Justfile" | ".justfile" | "Makefile" | "makefile" | "GNUmakefile")
}

/// Whether a file is a program directly inside a folder for programs.
fn is_script(path: &str) -> bool {
    matches!(paths::folder(path), "scripts" | "script" | "bin" | ".ci")
        && matches!(paths::extension(path), "" | "sh" | "bash" | "py" | "js" | "mjs" | "ts" | "rb")
}

/// All commands. Those of manifests at the top of the repository come before those of subfolders.
pub(super) fn of(files: &Files, packages: &[Package]) -> Vec<Command> {
    let mut commands = Vec::new();
    for (path, text) in files {
        if is_recipes(path) {
            let program = if path.to_ascii_lowercase().ends_with("justfile") { "just" } else { "make" };
            commands.extend(recipes(text).into_iter().map(|(name, description)| Command {
                line: format!("{program} {name}"),
                description,
                source: path.clone(),
            }));
        } else if is_script(path) && text.starts_with("#!") {
            commands.push(Command { line: format!("./{path}"), description: purpose(text), source: path.clone() });
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
    let folder = paths::folder(&package.path);
    let program = match paths::name(&package.path) {
        "package.json" if files.contains_key("pnpm-workspace.yaml") => "pnpm run",
        "package.json" => "npm run",
        _ => "",
    };
    let line = |name: &str| match (program, folder) {
        ("", _) => name.to_owned(),
        (program, "") => format!("{program} {name}"),
        (program, folder) => format!("{program} {name}  # in {folder}/"),
    };
    let command = |(name, description): &(String, String)| Command {
        line: line(name),
        description: description.clone(),
        source: package.path.clone(),
    };
    package.scripts.iter().map(command).collect()
}

/// The standard commands of the toolchain. They are listed only for the manifest at the top of the repository.
fn standard(package: &Package) -> Vec<Command> {
    let lines: &[&str] = match package.path.as_str() {
        "Cargo.toml" => &["cargo build", "cargo test"],
        "go.mod" => &["go build ./...", "go test ./..."],
        _ => &[],
    };
    let command = |line: &&str| Command {
        line: (*line).to_owned(),
        description: "standard command of the toolchain".to_owned(),
        source: package.path.clone(),
    };
    lines.iter().map(command).collect()
}

/// The public recipes of a justfile or Makefile, each with its comment.
fn recipes(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut comment = String::new();
    for line in text.lines() {
        if let Some(text) = line.strip_prefix('#') {
            text.trim_start_matches('#').trim().clone_into(&mut comment);
            continue;
        }
        if let Some(name) = recipe_name(line).filter(|name| found.iter().all(|(known, _)| known != name)) {
            let trailing = line.split_once("##").map(|(_, text)| text.trim().to_owned());
            found.push((name.to_owned(), trailing.unwrap_or_else(|| std::mem::take(&mut comment))));
        }
        comment.clear();
    }
    found
}

/// The name of the recipe that starts on a line.
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

/// The first sentence-like line of the comment at the start of a script.
fn purpose(text: &str) -> String {
    let lines = text.lines().skip(1).take(12).map(str::trim);
    let comments = lines.filter_map(|line| line.strip_prefix('#').or_else(|| line.strip_prefix("//")));
    let mut comments = comments.map(|line| line.trim_matches(|c: char| c == '#' || c == '/' || c.is_whitespace()));
    comments.find(|line| line.contains(' ') && !line.starts_with("shellcheck")).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_recipes_are_found_and_no_assignments() {
        let just = "set shell := [\"bash\"]\nx := \"a:b\"\n# Runs it all\ntest *ARGS: build\n    cargo test\n_hidden:\n    x\nbuild:\n";
        assert_eq!(recipes(just), [("test".into(), "Runs it all".into()), ("build".into(), String::new())]);
        let make = "CC := gcc\nA = b:c\n.PHONY: all\nall: x ## Builds it\n\tcc x: y\n%.o: %.c\nall: z\n";
        assert_eq!(recipes(make), [("all".into(), "Builds it".into())]);
    }

    #[test]
    fn the_purpose_of_a_script_is_in_its_first_comment() {
        assert_eq!(purpose("#!/bin/sh\n# shellcheck disable=all of it\n#\n# Runs all tests.\n"), "Runs all tests.");
        assert_eq!(purpose("#!/bin/sh\nset -e\n"), "");
    }
}
