//! Writes documents from a repository: what it is and how to work in it, its API, its schema.
//!
//! Same tree, same bytes: no date, no path of the machine, everything sorted. It reads files of the
//! repository and nothing else: no link is followed, nothing that git ignores or that looks like a
//! secret is opened, no program is run. What it did not read it says at the end of the document.
//!
//! `tree` finds the files and reads them within bounds, `instructions`, `routes` and `schema` turn them into facts, and
//! `document` writes Markdown that no fact can break.

mod document;
mod instructions;
mod lex;
mod places;
mod routes;
mod schema;
mod secrecy;
mod skipped;
mod tracked;
mod tree;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

pub use self::skipped::{Reason, Skip};
use self::tree::Tree;

/// Which document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What the repository is, how to build, test and run it, the rules of the house.
    ProjectInstructions,
    /// The routes that its code serves and its OpenAPI files describe.
    Api,
    /// The tables that its migrations and schema files end with.
    Schema,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::ProjectInstructions, Self::Api, Self::Schema];

    /// Its one word, on command lines and in names of documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProjectInstructions => "project-instructions",
            Self::Api => "api",
            Self::Schema => "schema",
        }
    }

    /// The name under which it is stored: `api.md`.
    pub fn file_name(self) -> String {
        format!("{self}.md")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no kind.
#[derive(Debug, Error)]
#[error("no such document: {0:?}; there are project-instructions, api and schema")]
pub struct UnknownKind(String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| UnknownKind(word.to_owned()))
    }
}

/// A document, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The name under which it is stored: `api.md`.
    pub name: String,
    /// What stands above it.
    pub title: String,
    /// Markdown, at most 64 KiB, title and all.
    pub content: String,
    /// The files that something in it was taken from, relative to the repository, sorted.
    pub sources: Vec<String>,
    /// What was not read, by reason.
    pub skipped: Vec<Skip>,
}

/// Why there is no document.
#[derive(Debug, Error)]
pub enum GeneratorError {
    /// The folder is gone, or is a file.
    #[error("{} is not a directory; name the repository's folder", .0.display())]
    NotADirectory(PathBuf),
    /// The folder can't be listed.
    #[error("{} cannot be read: {cause}; check its permissions", .dir.display())]
    Unreadable {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// More files than can be a repository.
    #[error("{} holds more than {limit} files; name a repository's folder, not what it lies in", .dir.display())]
    TooManyFiles {
        /// The folder.
        dir: PathBuf,
        /// How many are walked.
        limit: usize,
    },
}

/// Writes the document of that kind for the repository that `root` lies in; outside of any
/// repository, for the folder itself.
pub fn generate(root: &Path, kind: Kind) -> Result<Generated, GeneratorError> {
    let mut tree = Tree::of(root)?;
    let (document, sources) = match kind {
        Kind::ProjectInstructions => instructions::write(&mut tree),
        Kind::Api => routes::write(&mut tree),
        Kind::Schema => schema::write(&mut tree),
    };
    let title = document.title().to_owned();
    let skipped = tree.into_skipped();
    let content = document.finish(&skipped);
    Ok(Generated { name: kind.file_name(), title, content, sources: sources.into_iter().collect(), skipped })
}
