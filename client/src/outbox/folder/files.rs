//! The files of a queue: their names, and how they are read, written and locked.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::super::entry::Entry;
use super::aside::REPORTED;
use super::{ENTRY, Folder, Unkept};
use crate::dirs::Dirs;
use crate::durable;

/// The files of a queue that end like an entry.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) numbers: Vec<u64>,
    /// Those whose names an entry does not get.
    pub(super) strange: Vec<PathBuf>,
}

impl Folder {
    pub(super) fn make(&self) -> Result<(), Unkept> {
        Dirs::create(&self.path).map_err(|source| self.error(source))?;
        self.name_owner();
        Ok(())
    }

    /// Held for the moment of a change; waits for it.
    pub(super) fn lock_changes(&self) -> Result<File, Unkept> {
        let lock = self.lock_file("changes.lock")?;
        lock.lock().map_err(|source| self.error(source))?;
        Ok(lock)
    }

    pub(super) fn lock_file(&self, name: &str) -> Result<File, Unkept> {
        let file = File::options().create(true).write(true).truncate(false).open(self.path.join(name));
        file.map_err(|source| self.error(source))
    }

    pub(super) fn file(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:012}.{ENTRY}"))
    }

    /// The number behind all others. There is none behind the largest: an entry is never written over.
    pub(super) fn number_after(&self, numbers: &[u64]) -> Result<u64, Unkept> {
        let number = numbers.last().map_or(Some(1), |last| last.checked_add(1));
        number.ok_or_else(|| self.error(io::ErrorKind::AlreadyExists.into()))
    }

    pub(in crate::outbox) fn numbers(&self) -> Result<Vec<u64>, Unkept> {
        Ok(self.listing()?.numbers)
    }

    /// What the folder lists. A listing that breaks off is an error: a number that it lacks would be given again.
    pub(super) fn listing(&self) -> Result<Listing, Unkept> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Listing::default()),
            Err(source) => return Err(self.error(source)),
        };
        let mut listing = Listing::default();
        for entry in entries {
            let path = entry.map_err(|source| self.error(source))?.path();
            if path.extension().is_none_or(|ending| ending != ENTRY) {
                continue;
            }
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            match number.filter(|number| self.file(*number) == path) {
                Some(number) => listing.numbers.push(number),
                None => listing.strange.push(path),
            }
        }
        listing.numbers.sort_unstable();
        listing.strange.sort_unstable();
        Ok(listing)
    }

    /// `None` when the file holds no entry. One that is gone by now is an error: its number was just listed.
    pub(in crate::outbox) fn read(&self, number: u64) -> Result<Option<Entry>, Unkept> {
        let bytes = std::fs::read(self.file(number)).map_err(|source| self.error(source))?;
        Ok(Entry::read(&bytes))
    }

    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Unkept> {
        let folder = path.parent().unwrap_or(&self.path);
        Dirs::create(folder).map_err(|source| self.error(source))?;
        durable::write(path, &folder.join("unfinished.new"), bytes).map_err(|source| self.error(source))
    }

    pub(super) fn move_into(&self, folder: &str, number: u64, ending: &str) -> Result<(), Unkept> {
        let _change = self.lock_changes()?;
        self.rename(&self.file(number), &self.free_name(folder, number, ending)?)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<(), Unkept> {
        let renamed = std::fs::rename(from, to).and_then(|()| durable::sync_folder_of(to));
        renamed.map_err(|source| self.error(source))
    }

    /// Numbers start again when the queue is empty, so a name may be taken.
    pub(super) fn free_name(&self, folder: &str, number: u64, ending: &str) -> Result<PathBuf, Unkept> {
        let folder = self.path.join(folder);
        Dirs::create(&folder).map_err(|source| self.error(source))?;
        let is_free = |name: &String| !folder.join(name).exists() && !folder.join(REPORTED).join(name).exists();
        let name = (0..u32::MAX).map(|again| format!("{number:012}-{again}.{ending}")).find(is_free);
        name.map(|name| folder.join(name)).ok_or_else(|| self.error(io::ErrorKind::AlreadyExists.into()))
    }

    /// The files of a folder, oldest name first.
    pub(super) fn files_in(&self, folder: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path.join(folder)).into_iter().flatten();
        let is_ours = |path: &PathBuf| path.extension().is_some_and(|ending| ending != "new") && path.is_file();
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_ours).collect();
        paths.sort_unstable();
        paths
    }

    pub(super) fn error(&self, source: io::Error) -> Unkept {
        Unkept::At { path: self.path.clone(), source }
    }
}

/// The entry that a file holds; else why there is none, or nothing when the file is gone by now.
pub(super) fn read(path: &Path) -> Result<Entry, Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => Entry::read(&bytes).ok_or_else(|| Some("this version of Deckwatch can't read it".to_owned())),
        Err(error) => Err(Some(error).filter(|error| error.kind() != io::ErrorKind::NotFound).map(|e| e.to_string())),
    }
}
