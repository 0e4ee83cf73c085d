//! Which events a person was told of, so that a restart neither repeats a notice nor misses one.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use deckwatch_machine::digest::sha256_hex;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::durable;
use deckwatch_protocol::cut;
use serde::{Deserialize, Serialize};

use crate::error::LaunchError;

/// The file of one API and venture. While this exists, no other process sends the same notices.
pub(super) struct Memory {
    path: PathBuf,
    _lock: File,
    known: Known,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// The last event that a person was told of, or that needs no notice. `None` before the first start.
    done: Option<u64>,
    /// The receivers that already have the notice about the next event.
    #[serde(default)]
    told: Vec<String>,
    /// The event that they have it of.
    #[serde(default)]
    told_seq: u64,
}

/// Why the memory can't be used.
#[derive(Debug)]
pub(super) enum MemoryError {
    /// Another process sends the same notices.
    Busy,
    Io(PathBuf, io::Error),
}

impl Memory {
    /// Opens the memory of the notices about `subject`, which names the API and the venture.
    pub(super) fn open(dirs: &Dirs, subject: &str) -> Result<Self, MemoryError> {
        let folder = dirs.state.join("notices");
        let digest = sha256_hex(subject.as_bytes());
        let name = cut::to_chars(&digest, 32);
        let path = folder.join(format!("{name}.json"));
        let failed = |error| MemoryError::Io(path.clone(), error);
        Dirs::create(&folder).map_err(failed)?;
        let lock = File::options().create(true).write(true).truncate(false).open(folder.join(format!("{name}.lock")));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(MemoryError::Busy),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let known = read(&path).map_err(failed)?;
        Ok(Self { path, _lock: lock, known })
    }

    /// The last event that needs nothing more. `None` before the first start.
    pub(super) fn done(&self) -> Option<u64> {
        self.known.done
    }

    /// Nothing more is to be done about this event and those before it.
    pub(super) fn finish(&mut self, seq: u64) -> io::Result<()> {
        self.change(Known { done: Some(seq), ..Known::default() })
    }

    /// Whether this receiver has the notice about the event.
    pub(super) fn has_told(&self, seq: u64, receiver: &str) -> bool {
        self.known.told_seq == seq && self.known.told.iter().any(|told| told == receiver)
    }

    /// This receiver has the notice about the event.
    pub(super) fn told(&mut self, seq: u64, receiver: &str) -> io::Result<()> {
        let mut known = self.known.clone();
        if known.told_seq != seq {
            (known.told_seq, known.told) = (seq, Vec::new());
        }
        known.told.push(receiver.to_owned());
        self.change(known)
    }

    /// The error of a change.
    pub(super) fn not_written(&self, error: &io::Error) -> LaunchError {
        let message = format!("{error}; without this file, a restart would send notices again");
        LaunchError::NotWritten { path: self.path.clone(), message }
    }

    fn change(&mut self, known: Known) -> io::Result<()> {
        durable::write(&self.path, &serde_json::to_vec(&known)?)?;
        self.known = known;
        Ok(())
    }
}

/// A file that can't be parsed counts as none: then a notice may be missed, but none is repeated for 30 days of events.
fn read(path: &Path) -> io::Result<Known> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Known::default()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_survives_a_restart_and_two_processes_never_tell_the_same() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.path().as_os_str().to_owned())).unwrap();
        let open = |subject| Memory::open(&dirs, subject);
        let mut memory = open("a").unwrap();
        assert_eq!(memory.done(), None);
        memory.told(8, "ntfy").unwrap();
        assert!(matches!(open("a"), Err(MemoryError::Busy)));
        assert!(open("b").is_ok(), "another venture");
        drop(memory);
        let mut memory = open("a").unwrap();
        assert!(memory.has_told(8, "ntfy") && !memory.has_told(8, "webhook") && !memory.has_told(9, "ntfy"));
        memory.finish(8).unwrap();
        drop(memory);
        let memory = open("a").unwrap();
        assert_eq!((memory.done(), memory.has_told(8, "ntfy")), (Some(8), false));
    }
}
