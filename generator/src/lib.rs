//! Generates documents about a repository: instructions for working in it, its API and its schema.
//!
//! The same tree gives the same bytes: a document contains no date and no path of the machine, and everything is
//! sorted. The generator reads only files of the repository. It follows no links, opens no file that git ignores or
//! whose name looks like a secret, and runs no program. The end of the document lists what was not read.
//!
//! `tree` finds the files and reads them within limits. `instructions`, `routes` and `schema` extract facts from them.
//! `document` writes the Markdown, whose structure text from files can't break.

mod code;
mod document;
mod git_index;
mod instructions;
mod lex;
mod paths;
mod routes;
mod routing;
mod schema;
mod secret_names;
mod skipped;
mod tree;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

pub use self::skipped::{Reason, Skip};
use self::tree::Tree;

/// The documents that can be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What the repository is, how to build, test and run it, and its rules.
    ProjectInstructions,
    /// The routes that the code serves and that OpenAPI files describe.
    Api,
    /// The tables that result from the migrations and schema files.
    Schema,
}

impl Kind {
    /// All documents.
    pub const ALL: [Self; 3] = [Self::ProjectInstructions, Self::Api, Self::Schema];

    /// The name on command lines and in document names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProjectInstructions => "project-instructions",
            Self::Api => "api",
            Self::Schema => "schema",
        }
    }

    /// The name under which the document is stored, such as `api.md`.
    pub fn file_name(self) -> String {
        format!("{self}.md")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a document.
#[derive(Debug, Error)]
#[error("there is no document {0:?}; use project-instructions, api or schema")]
pub struct UnknownKind(String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

/// A generated document and its sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The name under which the document is stored, such as `api.md`.
    pub name: String,
    /// The title, which is also the first heading of the content.
    pub title: String,
    /// The whole document as Markdown, at most 256 KiB.
    pub content: String,
    /// The files that the document was made from, relative to the repository and sorted.
    pub sources: Vec<String>,
    /// The files and folders that were not read, by reason.
    pub skipped: Vec<Skip>,
}

/// Why a document can't be generated.
#[derive(Debug, Error)]
pub enum GeneratorError {
    /// The path does not exist or is not a folder.
    #[error("{} is not a directory; give the path of the repository", .0.display())]
    NotADirectory(PathBuf),
    /// The files of the folder can't be listed.
    #[error("{} can't be read: {cause}; check its permissions", .dir.display())]
    Unreadable {
        /// The folder.
        dir: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The folder has too many files to be a repository.
    #[error("{} has more than {limit} files; give the path of one repository, not of a folder that contains it", .dir.display())]
    TooManyFiles {
        /// The folder.
        dir: PathBuf,
        /// The maximum number of files.
        limit: usize,
    },
}

/// Generates a document for the repository that contains `root`. If no repository contains it, the document is about
/// the folder itself.
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
