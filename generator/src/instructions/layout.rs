//! Lists the top-level folders: the number of their files, and the description in their manifest or README.

use std::collections::{BTreeMap, BTreeSet};

use super::Files;
use super::manifest::Package;
use crate::document::{Document, code, plain};
use crate::paths;

/// The maximum number of rows of the table.
const MAX_FOLDERS: usize = 60;

/// Whether a file is the README of the repository or of a top-level folder.
pub(super) fn is_readme(path: &str) -> bool {
    let name = paths::name(path).to_ascii_lowercase();
    matches!(name.as_str(), "readme.md" | "readme" | "readme.rst" | "readme.txt") && path.matches('/').count() <= 1
}

/// Writes the table and returns the files that the descriptions come from.
pub(super) fn write(document: &mut Document, all: &[String], files: &Files, packages: &[Package]) -> BTreeSet<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (folder, _) in all.iter().filter_map(|path| path.split_once('/')) {
        *counts.entry(folder).or_default() += 1;
    }
    let mut sources = BTreeSet::new();
    let mut rows = Vec::new();
    for (folder, count) in counts.iter().take(MAX_FOLDERS) {
        let found = description(folder, files, packages);
        sources.extend(found.as_ref().map(|(_, source)| source.clone()));
        let text = found.map_or(String::new(), |(text, _)| plain(&text));
        rows.push(vec![code(&format!("{folder}/")), count.to_string(), text]);
    }
    if !rows.is_empty() {
        let at_top = all.iter().filter(|path| !path.contains('/')).count();
        let head = format!("## Layout\n\nNumber of files: {}. Files in the root folder: {at_top}.", all.len());
        document.table("layout", &head, &["folder", "files", "what it is"], &rows);
    }
    sources
}

/// The description of a folder and the file that contains it.
fn description(folder: &str, files: &Files, packages: &[Package]) -> Option<(String, String)> {
    let inside = packages.iter().find(|package| paths::folder(&package.path) == folder);
    if let Some((package, description)) = inside.and_then(|package| Some((package, package.description.clone()?))) {
        return Some((description, package.path.clone()));
    }
    let (path, text) = files.iter().find(|(path, _)| paths::folder(path) == folder && is_readme(path))?;
    Some((first_sentence(text)?, path.clone()))
}

/// The first line of a README that is prose.
fn first_sentence(text: &str) -> Option<String> {
    let is_prose = |line: &&str| line.chars().next().is_some_and(char::is_alphanumeric);
    text.lines().map(str::trim).find(is_prose).map(str::to_owned)
}
