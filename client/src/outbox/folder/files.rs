//! The files of a queue: names, reading, writing and locks.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;

use super::super::Skipped;
use super::super::entry::Entry;
use super::aside::REPORTED;
use super::{ENTRY, Folder, StorageError};

/// The files of a queue with the extension of an entry.
#[derive(Default)]
pub(in crate::outbox) struct Listing {
    pub(in crate::outbox) numbers: Vec<u64>,
    /// Files whose names are not valid for an entry.
    pub(in crate::outbox) invalid_names: Vec<Skipped>,
}

impl Folder {
    pub(super) fn create(&self) -> Result<(), StorageError> {
        Dirs::create(&self.path).map_err(|source| self.error(source))?;
        self.write_owner();
        Ok(())
    }

    /// Locks the queue for a change. Waits until the lock is free.
    pub(super) fn lock_changes(&self) -> Result<File, StorageError> {
        let lock = self.lock_file("changes.lock")?;
        lock.lock().map_err(|source| self.error(source))?;
        Ok(lock)
    }

    pub(super) fn lock_file(&self, name: &str) -> Result<File, StorageError> {
        let file = File::options().create(true).write(true).truncate(false).open(self.path.join(name));
        file.map_err(|source| self.error(source))
    }

    pub(in crate::outbox) fn file(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:012}.{ENTRY}"))
    }

    /// The next number. Fails after the largest number, so that no entry is overwritten.
    pub(super) fn number_after(&self, numbers: &[u64]) -> Result<u64, StorageError> {
        let number = numbers.last().map_or(Some(1), |last| last.checked_add(1));
        number.ok_or_else(|| self.error(io::ErrorKind::AlreadyExists.into()))
    }

    pub(in crate::outbox) fn numbers(&self) -> Result<Vec<u64>, StorageError> {
        Ok(self.listing()?.numbers)
    }

    /// Lists the folder. An incomplete listing is an error, because a missing number would be used twice.
    pub(in crate::outbox) fn listing(&self) -> Result<Listing, StorageError> {
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
            if let Some(number) = number.filter(|number| self.file(*number) == path) {
                listing.numbers.push(number);
            } else {
                let cause = "its name is not valid for an entry".to_owned();
                listing.invalid_names.push(Skipped { path, cause });
            }
        }
        listing.numbers.sort_unstable();
        listing.invalid_names.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(listing)
    }

    /// Reads an entry. `None` if the file is not a valid entry. A missing file is an error, because its number was just
    /// listed.
    pub(super) fn read(&self, number: u64) -> Result<Option<Entry>, StorageError> {
        let bytes = std::fs::read(self.file(number)).map_err(|source| self.error(source))?;
        Ok(Entry::read(&bytes))
    }

    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
        let folder = path.parent().unwrap_or(&self.path);
        Dirs::create(folder).map_err(|source| self.error(source))?;
        durable::write(path, bytes).map_err(|source| self.error(source))
    }

    pub(super) fn move_into(&self, folder: &str, number: u64, ending: &str) -> Result<(), StorageError> {
        let _change = self.lock_changes()?;
        self.rename(&self.file(number), &self.free_name(folder, number, ending)?)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        let renamed = std::fs::rename(from, to).and_then(|()| durable::sync_folder_of(to));
        renamed.map_err(|source| self.error(source))
    }

    /// A file name that is not in use. Numbers restart when the queue is empty, so the plain name may be taken.
    pub(super) fn free_name(&self, folder: &str, number: u64, ending: &str) -> Result<PathBuf, StorageError> {
        let folder = self.path.join(folder);
        Dirs::create(&folder).map_err(|source| self.error(source))?;
        let is_free = |name: &String| !folder.join(name).exists() && !folder.join(REPORTED).join(name).exists();
        let name = (0..u32::MAX).map(|again| format!("{number:012}-{again}.{ending}")).find(is_free);
        name.map(|name| folder.join(name)).ok_or_else(|| self.error(io::ErrorKind::AlreadyExists.into()))
    }

    /// The files of a folder, sorted by name. Empty if the folder can't be listed.
    pub(super) fn files_in(&self, folder: &str) -> Vec<PathBuf> {
        self.listed_files_in(folder).unwrap_or_default()
    }

    /// The files of a folder, sorted by name. Empty if the folder does not exist.
    pub(super) fn listed_files_in(&self, folder: &str) -> io::Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(self.path.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let is_ours = |path: &PathBuf| path.extension().is_some_and(|ending| ending != "new") && path.is_file();
        let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
        let mut paths: Vec<PathBuf> = paths?.into_iter().filter(is_ours).collect();
        paths.sort_unstable();
        Ok(paths)
    }

    pub(super) fn error(&self, source: io::Error) -> StorageError {
        StorageError::At { path: self.path.clone(), source }
    }
}

/// Reads an entry. The error holds the reason, or `None` if the file no longer exists.
pub(in crate::outbox) fn read_entry(path: &Path) -> Result<Entry, Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => {
            Entry::read(&bytes).ok_or_else(|| Some("this version of Deckwatch can't read the file".to_owned()))
        }
        Err(error) => Err(Some(error).filter(|error| error.kind() != io::ErrorKind::NotFound).map(|e| e.to_string())),
    }
}
