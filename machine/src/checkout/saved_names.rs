//! A file in the git folder with the repository's local name and the names of its records.
//!
//! The file moves with the repository, and all worktrees share it. A copy of the repository also copies the file. The file
//! stores its own folder, so a copy is recognised: its folder differs, and the original still exists. A copy ignores the
//! file of the original.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use deckwatch_protocol::{RepoName, VentureCode};
use serde::{Deserialize, Serialize};

use super::local_names::bytes_of;
use crate::durable;

const FILE: &str = "deckwatch.json";
const LOCK: &str = "deckwatch.lock";

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
    /// The git folder in which the file was written, as bytes.
    place: Vec<u8>,
    /// The name of the repository while it has no remote on a host.
    #[serde(default)]
    local_name: Option<RepoName>,
    /// The names of the records, by database.
    #[serde(default)]
    records: BTreeMap<String, RecordNames>,
}

/// The saved names of the repository of one git folder.
pub(super) struct SavedNames<'a> {
    git_folder: &'a Path,
}

impl<'a> SavedNames<'a> {
    pub(super) fn of(git_folder: &'a Path) -> Self {
        Self { git_folder }
    }

    pub(super) fn local_name(&self) -> Option<RepoName> {
        self.read().local_name
    }

    pub(super) fn records(&self, database: &str) -> Option<RecordNames> {
        self.read().records.remove(database)
    }

    pub(super) fn save_local_name(&self, name: &RepoName) -> io::Result<()> {
        self.change(|file| file.local_name = Some(name.clone()))
    }

    pub(super) fn save_records(&self, database: &str, names: RecordNames) -> io::Result<()> {
        self.change(|file| drop(file.records.insert(database.to_owned(), names)))
    }

    /// Changes the file under a lock, so that changes of two processes are both kept.
    fn change(&self, change: impl FnOnce(&mut File)) -> io::Result<()> {
        let _held = self.lock()?;
        let mut file = self.read();
        file.place = bytes_of(self.git_folder);
        change(&mut file);
        durable::write(&self.git_folder.join(FILE), &serde_json::to_vec(&file)?)
    }

    /// Waits for the lock. Dropping the file releases it, and so does a crash.
    fn lock(&self) -> io::Result<fs::File> {
        let file = fs::File::options().create(true).write(true).truncate(false).open(self.git_folder.join(LOCK))?;
        file.lock()?;
        Ok(file)
    }

    /// Reads the file. Empty if there is no file, or if it belongs to the original of this copy.
    fn read(&self) -> File {
        let Some(file) = read_in(self.git_folder) else { return File::default() };
        let written_in = PathBuf::from(OsString::from_vec(file.place.clone()));
        let is_copy =
            written_in != self.git_folder && read_in(&written_in).is_some_and(|other| other.place == file.place);
        if is_copy { File::default() } else { file }
    }
}

fn read_in(git_folder: &Path) -> Option<File> {
    serde_json::from_slice(&fs::read(git_folder.join(FILE)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_at_the_same_time_are_all_kept() {
        const WRITERS: usize = 4;
        const CHANGES: usize = 25;
        let home = tempfile::tempdir().unwrap();
        let names = RecordNames { venture: "alpha".parse().unwrap(), repo: "example-org/alpha".parse().unwrap() };
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (saved, names) = (SavedNames::of(home.path()), &names);
                scope.spawn(move || {
                    for n in 0..CHANGES {
                        saved.save_records(&format!("{writer}-{n}"), names.clone()).unwrap();
                    }
                });
            }
        });
        assert_eq!(SavedNames::of(home.path()).read().records.len(), WRITERS * CHANGES);
    }
}
