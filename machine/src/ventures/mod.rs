//! Finds, reads and checks the ventures file, `ventures.json`.
//!
//! The JSON schema and an example of the file are in `config/`. This module does not ask the API, which also knows
//! ventures. Callers ask the API as the last resort.

mod entry;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use deckwatch_protocol::{RepoName, VentureCode};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

pub use self::entry::{VentureEntry, spelled_by};
use crate::dirs::Dirs;
use crate::variables::VENTURES;

/// The content of one ventures file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenturesFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The ventures in the order of the file. Each code and each repository is listed once.
    pub ventures: Vec<VentureEntry>,
    /// Fields that Deckwatch does not know and ignores.
    pub unknown_fields: Vec<UnknownField>,
}

/// A field of a ventures file that Deckwatch does not know: a typing error, or a field of another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// The code of the venture with the field. `None` for a field of the file itself.
    pub venture: Option<String>,
    /// The name of the field.
    pub name: String,
}

impl std::fmt::Display for UnknownField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.venture {
            Some(venture) => write!(f, "`{}` of venture {venture}", self.name),
            None => write!(f, "`{}` beside `ventures`", self.name),
        }
    }
}

/// Why a ventures file can't be used.
#[derive(Debug, Error)]
pub enum VenturesError {
    /// The file was named but does not exist, or it can't be read.
    #[error("cannot read the ventures file {}: {source}; correct --ventures or {VENTURES}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file does not match the schema.
    #[error(
        "the ventures file {} is not valid: {message}; correct it, its format is in config/ventures.schema.json",
        .path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The error and its line.
        message: String,
    },
    /// Two ventures list the same code or repository.
    #[error("the ventures file {} lists {what} twice{}", .path.display(), twice(.first, .second))]
    Twice {
        /// The file.
        path: PathBuf,
        /// The code or repository.
        what: String,
        /// The venture that lists it first.
        first: VentureCode,
        /// The second venture.
        second: VentureCode,
    },
}

/// Where something is listed twice, and what to do.
fn twice(first: &VentureCode, second: &VentureCode) -> String {
    if first == second {
        return "; remove one of the two".to_owned();
    }
    format!(", in {first} and in {second}; remove it from one of them")
}

/// The ventures of one team. The launcher and the MCP server read this file.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "Ventures of a Deckwatch team", deny_unknown_fields))]
struct Document {
    /// The location of this schema, for editors.
    #[serde(rename = "$schema", default)]
    #[expect(dead_code, reason = "for editors alone; named here for the schema")]
    schema: Option<String>,
    /// The products that the team works on.
    ventures: Vec<VentureEntry>,
}

/// Finds and reads the ventures file. In order: the file `named` by the flag or by [`VENTURES`], the user's file, the
/// checkout's `config/ventures.json`. `None` if there is none.
///
/// A named file that does not exist is an error. The caller reads the variable.
pub fn find(
    named: Option<&Path>,
    dirs: &Dirs,
    checkout_root: Option<&Path>,
) -> Result<Option<VenturesFile>, VenturesError> {
    if let Some(path) = named {
        return VenturesFile::read(path).map(Some);
    }
    let own = Some(dirs.config.join("ventures.json"));
    let of_checkout = checkout_root.map(|root| root.join("config/ventures.json"));
    let found = [own, of_checkout].into_iter().flatten().find(|path| path.exists());
    found.map(|path| VenturesFile::read(&path)).transpose()
}

/// Whether a repository belongs to the venture of a launch. `repos` is the value of [`crate::variables::REPOS`] from the
/// start of the launch. A repository that was added since then is found in the file.
pub fn launch_owns<E>(
    repos: &str,
    venture: Option<&VentureCode>,
    file: impl FnOnce() -> Result<Option<VenturesFile>, E>,
    repo: &RepoName,
) -> Result<bool, E> {
    if repos.split(',').any(|own| own.eq_ignore_ascii_case(repo.as_str())) {
        return Ok(true);
    }
    let Some(code) = venture else { return Ok(false) };
    Ok(file()?.as_ref().and_then(|file| file.venture(code)).is_some_and(|venture| venture.owns(repo)))
}

impl VenturesFile {
    /// Reads and checks one file.
    pub fn read(path: &Path) -> Result<Self, VenturesError> {
        let text = std::fs::read(path).map_err(|source| VenturesError::Unreadable { path: path.to_owned(), source })?;
        let malformed =
            |error: serde_json::Error| VenturesError::Malformed { path: path.to_owned(), message: error.to_string() };
        let document: Document = serde_json::from_slice(&text).map_err(malformed)?;
        let unknown_fields = unknown_fields(&serde_json::from_slice(&text).map_err(malformed)?);
        let file = Self { path: path.to_owned(), ventures: document.ventures, unknown_fields };
        file.check_limits()?;
        file.check_unique()?;
        Ok(file)
    }

    /// The venture with this code.
    pub fn venture(&self, code: &VentureCode) -> Option<&VentureEntry> {
        self.ventures.iter().find(|venture| venture.code == *code)
    }

    /// A warning about the fields that Deckwatch does not know, with `path` as the name of the file. `None` if it knows
    /// every field. The text contains names from the file, so it must be cleaned before it is shown.
    pub fn unknown_fields_warning(&self, path: &str) -> Option<String> {
        const MAX_SHOWN: usize = 5;
        let count = self.unknown_fields.len();
        let shown = self.unknown_fields.iter().take(MAX_SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let more = if count > MAX_SHOWN { format!(" and {} more", count - MAX_SHOWN) } else { String::new() };
        (count > 0).then(|| format!("{path} has unknown fields, which Deckwatch ignores: {shown}{more}"))
    }

    /// The venture that owns a repository.
    pub fn venture_of(&self, repo: &RepoName) -> Option<&VentureEntry> {
        self.ventures.iter().find(|venture| venture.owns(repo))
    }

    fn check_limits(&self) -> Result<(), VenturesError> {
        match self.ventures.iter().find_map(VentureEntry::over_limit) {
            Some(message) => Err(VenturesError::Malformed { path: self.path.clone(), message }),
            None => Ok(()),
        }
    }

    fn check_unique(&self) -> Result<(), VenturesError> {
        let mut seen: BTreeMap<String, &VentureCode> = BTreeMap::new();
        for venture in &self.ventures {
            let repos = venture.repos.iter().map(|repo| format!("repository {}", repo.as_str().to_lowercase()));
            for what in std::iter::once(format!("code {}", venture.code)).chain(repos) {
                if let Some(first) = seen.insert(what.clone(), &venture.code) {
                    let (first, second) = (first.clone(), venture.code.clone());
                    return Err(VenturesError::Twice { path: self.path.clone(), what, first, second });
                }
            }
        }
        Ok(())
    }
}

/// The fields of a file that the types above do not have.
fn unknown_fields(document: &Value) -> Vec<UnknownField> {
    let unknown = |object: &Value, known: &[&str], venture: Option<&str>| {
        let names = object.as_object().into_iter().flat_map(|object| object.keys());
        let unknown = names.filter(|name| !known.contains(&name.as_str()));
        let field = |name: &String| UnknownField { venture: venture.map(str::to_owned), name: name.clone() };
        unknown.map(field).collect::<Vec<_>>()
    };
    let entries = document.get("ventures").and_then(Value::as_array).into_iter().flatten();
    let of_entries =
        entries.flat_map(|entry| unknown(entry, &VentureEntry::FIELDS, entry.get("code").and_then(Value::as_str)));
    unknown(document, &["$schema", "ventures"], None).into_iter().chain(of_entries).collect()
}

#[cfg(test)]
mod tests;
