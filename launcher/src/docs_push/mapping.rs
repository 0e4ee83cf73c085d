//! `docs.toml`: which files of the repository become which documents.

use std::path::Path;

use deckwatch_protocol::{DocName, DocScope, RepoName};
use globset::{GlobBuilder, GlobMatcher};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::error::LaunchError;

/// The largest file that is read.
const MAX_BYTES: u64 = 64 * 1024;
/// The largest number of entries.
const MAX_ENTRIES: usize = 100;

/// The entries of the file. The first one that matches a path decides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    #[serde(deserialize_with = "entries")]
    docs: Vec<Entry>,
    /// Names that this repository had before. Their documents belong to it.
    #[serde(default, deserialize_with = "repos")]
    former_repos: Vec<RepoName>,
}

/// The files of one pattern, and the documents they become.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(deserialize_with = "pattern")]
    files: GlobMatcher,
    #[serde(deserialize_with = "scope")]
    scope: DocScope,
    #[serde(default, deserialize_with = "template")]
    name: Template,
}

/// The form of a document's name.
#[derive(Debug)]
struct Template(String);

impl Default for Template {
    fn default() -> Self {
        Self(FILE_NAME.to_owned())
    }
}

const FILE_NAME: &str = "{name}";
const FILE_PATH: &str = "{path}";

/// Where the API stores a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DocKey {
    pub(super) scope: DocScope,
    pub(super) name: DocName,
}

impl Mapping {
    pub(super) fn read(path: &Path) -> Result<Self, LaunchError> {
        let wrong = |message: String| LaunchError::DocsFile { path: path.to_owned(), message };
        let size = path.metadata().map_err(|error| wrong(error.to_string()))?.len();
        if size > MAX_BYTES {
            return Err(wrong(format!("it has {size} bytes; the limit is {MAX_BYTES}")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(wrong)
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml_edit::de::from_str(text).map_err(|error: toml_edit::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            format!("line {}: {}", before.matches('\n').count() + 1, error.message())
        })
    }

    /// The document that a file becomes. `None` if no entry matches. An error if its name is not possible.
    pub(super) fn key(&self, path: &str) -> Option<Result<DocKey, String>> {
        let entry = self.docs.iter().find(|entry| entry.files.is_match(path))?;
        Some(entry.name.of(path).map(|name| DocKey { scope: entry.scope.clone(), name }))
    }

    /// The scopes of the documents, each once.
    pub(super) fn scopes(&self) -> Vec<DocScope> {
        let mut scopes: Vec<_> = self.docs.iter().map(|entry| entry.scope.clone()).collect();
        scopes.sort();
        scopes.dedup();
        scopes
    }

    /// The patterns that match none of the paths.
    pub(super) fn unused<'a>(&'a self, paths: &[&str]) -> impl Iterator<Item = &'a str> {
        let unused = |entry: &&Entry| !paths.iter().any(|path| entry.files.is_match(path));
        let unused: Vec<_> = self.docs.iter().filter(unused).collect();
        unused.into_iter().map(|entry| entry.files.glob().glob())
    }

    /// Whether `named` is this repository, by its name or by a former one.
    pub(super) fn is_own(&self, named: &RepoName, repo: &RepoName) -> bool {
        let same = |own: &RepoName| own.as_str().eq_ignore_ascii_case(named.as_str());
        same(repo) || self.former_repos.iter().any(same)
    }
}

impl Template {
    fn of(&self, path: &str) -> Result<DocName, String> {
        let file = path.rsplit('/').next().unwrap_or(path);
        // The path is inserted last, because a file's name can contain `{path}`.
        let name = match self.0.split_once(FILE_NAME) {
            Some((before, after)) => format!("{before}{file}{after}"),
            None => self.0.replacen(FILE_PATH, &path.replace('/', "-"), 1),
        };
        name.parse().map_err(|why| format!("the name of the document would be {name:?}, which {why}"))
    }
}

fn entries<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Entry>, D::Error> {
    let entries = Vec::<Entry>::deserialize(from)?;
    match entries.len() {
        1..=MAX_ENTRIES => Ok(entries),
        count => Err(D::Error::custom(format!("docs: has {count} entries; it must have 1 to {MAX_ENTRIES}"))),
    }
}

fn repos<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<RepoName>, D::Error> {
    Vec::deserialize(from).map_err(|error| D::Error::custom(format!("former_repos: {error}")))
}

fn scope<'de, D: Deserializer<'de>>(from: D) -> Result<DocScope, D::Error> {
    DocScope::deserialize(from)
        .map_err(|error| D::Error::custom(format!("scope: must be `global` or the code of a venture: {error}")))
}

fn pattern<'de, D: Deserializer<'de>>(from: D) -> Result<GlobMatcher, D::Error> {
    let text = String::deserialize(from).map_err(|error| D::Error::custom(format!("files: {error}")))?;
    if text.starts_with('/') || text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        let message = "files: must be a path from the top of the repository, such as docs/*.md";
        return Err(D::Error::custom(message));
    }
    let glob = GlobBuilder::new(&text).literal_separator(true).backslash_escape(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| D::Error::custom(format!("files: {error}")))
}

fn template<'de, D: Deserializer<'de>>(from: D) -> Result<Template, D::Error> {
    let text = String::deserialize(from).map_err(|error| D::Error::custom(format!("name: {error}")))?;
    if text.matches(FILE_NAME).count() + text.matches(FILE_PATH).count() > 1 {
        return Err(D::Error::custom("name: must have at most one of {name} and {path}, once"));
    }
    let template = Template(text);
    // A file with a usual name must give a usual name.
    template.of("x").map_err(|why| D::Error::custom(format!("name: {why}")))?;
    Ok(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str, path: &str) -> Option<Result<String, String>> {
        let found = Mapping::parse(text).unwrap().key(path)?;
        Some(found.map(|key| format!("{}/{}", key.scope, key.name)))
    }

    #[test]
    fn the_first_entry_that_matches_decides() {
        let text = "[[docs]]\nfiles = \"docs/adr/*.md\"\nscope = \"global\"\nname = \"adr-{name}\"\n\
                    [[docs]]\nfiles = \"docs/**/*.md\"\nscope = \"alpha\"\nname = \"{path}\"\n\
                    [[docs]]\nfiles = \"*.json\"\nscope = \"alpha\"\n";
        let is = |path, found: Option<&str>| assert_eq!(key(text, path), found.map(|found| Ok(found.to_owned())));
        is("docs/adr/0001-a.md", Some("global/adr-0001-a.md"));
        is("docs/a.md", Some("alpha/docs-a.md"));
        is("docs/x/y/a.md", Some("alpha/docs-x-y-a.md"));
        is("api.json", Some("alpha/api.json"));
        is("deep/api.json", None);
        is("README.md", None);
        assert!(key(text, "docs/adr/a b.md").unwrap().unwrap_err().contains("adr-a b.md"));
    }

    #[test]
    fn an_error_names_the_line_and_the_field() {
        let good = "[[docs]]\nfiles = \"*.md\"\nscope = \"global\"\n";
        for (text, says) in [
            ("[[docs]]\nfiles = \"*.md\"\nscope = \"Glo bal\"\n", &["line 3", "scope"][..]),
            ("[[docs]]\nscope = \"global\"\nfiles = \"../*.md\"\n", &["line 3", "files"]),
            ("[[docs]]\nfiles = \"a[\"\nscope = \"global\"\n", &["line 2", "files"]),
            ("[[docs]]\nfiles = 7\nscope = \"global\"\n", &["line 2", "files"]),
            (&format!("{good}name = \"adr/{{name}}\"\n"), &["line 4", "name", "adr/x"]),
            (&format!("{good}name = \"{{title}}\"\n"), &["line 4", "name"]),
            (&format!("{good}name = \"{{name}}{{path}}\"\n"), &["line 4", "at most one"]),
            (&format!("{good}nmae = \"x\"\n"), &["line 4", "nmae"]),
            (&format!("former_repos = [\"..\"]\n{good}"), &["line 1", "former_repos"]),
            ("[[docs]]\nfiles = \"*.md\"\n", &["line 1", "scope"]),
            ("docs = []\n", &["line 1", "0 entries"]),
            ("", &["docs"]),
            (&good.repeat(MAX_ENTRIES + 1), &["101 entries"]),
        ] {
            let said = Mapping::parse(text).unwrap_err();
            assert!(says.iter().all(|part| said.contains(part)), "{says:?}: {said}");
        }
    }
}
