//! What a repository keeps of itself in its git folder: its local name, and under which names its records were made.
//!
//! The file moves with the repository, and its worktrees share it. A copy of the repository copies the file as well: the
//! copy is told by its place, as the original is still where the file says, and it keeps nothing of the original.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use deckwatch_protocol::{RepoName, VentureCode};
use serde::{Deserialize, Serialize};

use super::local_names::bytes_of;
use crate::durable;

const FILE: &str = "deckwatch.json";

/// The names that the records of a repository have in one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordNames {
    /// The venture.
    pub venture: VentureCode,
    /// The repository.
    pub repo: RepoName,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct File {
    /// The git folder where this was written, byte by byte.
    place: Vec<u8>,
    /// Its name while it has no remote on a host.
    #[serde(default)]
    local_name: Option<RepoName>,
    /// By database.
    #[serde(default)]
    records: BTreeMap<String, RecordNames>,
}

/// What the repository of one git folder keeps.
pub(super) struct Kept<'a> {
    git_folder: &'a Path,
}

impl<'a> Kept<'a> {
    pub(super) fn of(git_folder: &'a Path) -> Self {
        Self { git_folder }
    }

    pub(super) fn local_name(&self) -> Option<RepoName> {
        self.read().local_name
    }

    pub(super) fn records(&self, database: &str) -> Option<RecordNames> {
        self.read().records.remove(database)
    }

    pub(super) fn keep_local_name(&self, name: &RepoName) -> io::Result<()> {
        self.change(|file| file.local_name = Some(name.clone()))
    }

    pub(super) fn keep_records(&self, database: &str, names: RecordNames) -> io::Result<()> {
        self.change(|file| drop(file.records.insert(database.to_owned(), names)))
    }

    fn change(&self, change: impl FnOnce(&mut File)) -> io::Result<()> {
        let mut file = self.read();
        file.place = bytes_of(self.git_folder);
        change(&mut file);
        let path = self.git_folder.join(FILE);
        let unfinished = self.git_folder.join(format!("{FILE}.{}.new", std::process::id()));
        durable::write(&path, &unfinished, &serde_json::to_vec(&file)?)
    }

    /// Nothing where there is no file, or it is the original's.
    fn read(&self) -> File {
        let Some(file) = read_in(self.git_folder) else { return File::default() };
        let written_in = PathBuf::from(OsString::from_vec(file.place.clone()));
        let is_copy =
            written_in != self.git_folder && read_in(&written_in).is_some_and(|other| other.place == file.place);
        if is_copy { File::default() } else { file }
    }
}

fn read_in(git_folder: &Path) -> Option<File> {
    serde_json::from_slice(&std::fs::read(git_folder.join(FILE)).ok()?).ok()
}
