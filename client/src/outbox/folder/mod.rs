//! The folder of a queue: numbered files, two locks, and subfolders for entries that are not sent.
//!
//! It does not use the network. Every change is one rename, so the queue stays usable if a process is killed at any
//! point. [`files`] reads and writes the files. [`held`], [`aside`] and [`other_queues`] handle the entries outside the
//! queue. [`report`] describes the content.

mod aside;
mod files;
mod held;
mod other_queues;
mod report;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use deckwatch_machine::digest::sha256_hex;
use deckwatch_machine::disk::advice;
use deckwatch_machine::durable;
use deckwatch_protocol::{Timestamp, cut};

pub use self::aside::SetAside;
pub(super) use self::files::{Listing, read_entry};
pub use self::held::Held;
use self::other_queues::Owner;
pub use self::other_queues::{OtherQueue, TakenOver};
use super::entry::Entry;
use super::pause::{Pause, SendReason};

const ENTRY: &str = "json";
const SET_ASIDE: &str = "set-aside";
const HELD: &str = "held";
const PAUSE: &str = "pause";

/// The size limits of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The maximum number of entries.
    pub entries: usize,
    /// The maximum size of all entries, in bytes.
    pub bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { entries: 1_000, bytes: 64 * 1024 * 1024 }
    }
}

/// Why the queue can't be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// The queue has reached its size limit.
    #[error("the outbox {path} is full: it holds {entries} entries, {bytes} bytes in all", path = .path.display())]
    Full { path: PathBuf, entries: usize, bytes: u64 },
    /// The disk is full, or the folder is not readable or writable.
    #[error("the outbox {path} can't be used: {source}; {advice}", path = .path.display(), advice = advice(.source))]
    At { path: PathBuf, source: io::Error },
    /// Another I/O error, without a path.
    #[error("the outbox can't be used: {0}")]
    Io(#[from] io::Error),
}

/// The number of an entry in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// The folder of a queue. It may not exist yet.
pub(super) struct Folder {
    path: PathBuf,
    bounds: Bounds,
    /// The API and key that the queue belongs to, if known.
    owner: Option<Owner>,
}

impl Folder {
    pub(super) fn of(root: &Path, endpoint: &str, actor: &str, bounds: Bounds) -> Self {
        let digest = sha256_hex(format!("{endpoint}\n{actor}").as_bytes());
        let owner = Owner { endpoint: endpoint.to_owned(), actor: actor.to_owned() };
        Self { path: root.join(cut::to_chars(&digest, 32)), bounds, owner: Some(owner) }
    }

    /// Appends an entry. If an equal entry already waits, the queue keeps that one. Returns the queued entry.
    pub(super) fn put(&self, entry: Entry, now: Timestamp) -> Result<(Ticket, Entry), StorageError> {
        self.create()?;
        let _change = self.lock_changes()?;
        let numbers = self.numbers()?;
        for number in &numbers {
            match self.read(*number) {
                Ok(Some(queued)) if queued.fingerprint == entry.fingerprint && !queued.is_too_old(now) => {
                    return Ok((Ticket(*number), queued));
                }
                _ => {}
            }
        }
        let text = serde_json::to_vec(&entry).map_err(io::Error::other)?;
        let files = numbers.iter().map(|number| self.file(*number)).chain(self.files_in(HELD));
        let sizes: Vec<u64> = files.filter_map(|path| Some(path.metadata().ok()?.len())).collect();
        let (entries, bytes) = (sizes.len(), sizes.iter().sum());
        if entries >= self.bounds.entries || bytes + text.len() as u64 > self.bounds.bytes {
            return Err(StorageError::Full { path: self.path.clone(), entries, bytes });
        }
        let number = self.number_after(&numbers)?;
        self.write(&self.file(number), &text)?;
        Ok((Ticket(number), entry))
    }

    /// The lock of the sender. `None` while another process, or another task of this process, holds it.
    pub(super) fn turn(&self) -> Result<Option<File>, StorageError> {
        self.create()?;
        let lock = self.lock_file("turn.lock")?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(source)) => Err(self.error(source)),
        }
    }

    /// The oldest entry that may be sent. `own` may always be sent. A file that is not an entry is set aside. A file that
    /// can't be read or set aside is skipped, and `waiting` reports it.
    pub(super) fn first(
        &self,
        reason: SendReason,
        own: Option<Ticket>,
        now: Timestamp,
    ) -> Result<Option<(Ticket, Entry)>, StorageError> {
        for number in self.numbers()? {
            match self.read(number) {
                Ok(Some(entry)) if own == Some(Ticket(number)) || entry.is_due(reason, now) => {
                    return Ok(Some((Ticket(number), entry)));
                }
                Ok(Some(_)) | Err(_) => {}
                Ok(None) => drop(self.move_into(SET_ASIDE, number, "unreadable")),
            }
        }
        Ok(None)
    }

    /// Tests whether an entry can be stored now, by writing a file of a typical size.
    pub(super) fn try_to_store(&self) -> Result<(), StorageError> {
        const TYPICAL_BYTES: usize = 16 * 1024;
        self.create()?;
        let _change = self.lock_changes()?;
        let trial = self.path.join("trial.new");
        let written = std::fs::write(&trial, vec![0; TYPICAL_BYTES]).map_err(|source| self.error(source));
        let _ = std::fs::remove_file(&trial);
        written
    }

    /// The current pause of the queue, if any.
    pub(super) fn pause(&self) -> Option<Pause> {
        serde_json::from_slice(&std::fs::read(self.path.join(PAUSE)).ok()?).ok()
    }

    /// Stores or removes the pause. If the disk can't be written, each process pauses on its own.
    pub(super) fn set_pause(&self, pause: Option<&Pause>) {
        let path = self.path.join(PAUSE);
        let _ = match pause.map(serde_json::to_vec) {
            Some(Ok(text)) => durable::write(&path, &text),
            _ => std::fs::remove_file(path),
        };
    }

    /// Removes an entry.
    pub(super) fn remove(&self, ticket: Ticket) -> Result<(), StorageError> {
        match std::fs::remove_file(self.file(ticket.0)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.error(error)),
            _ => Ok(()),
        }
    }

    /// Replaces an entry in its place.
    pub(super) fn rewrite(&self, ticket: Ticket, entry: &Entry) -> Result<(), StorageError> {
        let _change = self.lock_changes()?;
        let text = serde_json::to_vec(entry).map_err(io::Error::other)?;
        self.write(&self.file(ticket.0), &text)
    }

    /// Whether the entry is still in the queue. Also true if the file can't be read.
    pub(super) fn holds(&self, ticket: Ticket, key: &str) -> bool {
        match std::fs::read(self.file(ticket.0)) {
            Ok(bytes) => Entry::read(&bytes).is_some_and(|entry| entry.idempotency_key == key),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Whether an end of day of this agent is queued.
    pub(super) fn has_end_of_day_of(&self, agent: &str) -> bool {
        let is_end_of_day = |entry: Entry| entry.start.is_some() && entry.agent.as_deref() == Some(agent);
        let numbers = self.numbers().unwrap_or_default();
        numbers.into_iter().any(|number| self.read(number).ok().flatten().is_some_and(is_end_of_day))
    }

    /// How many entries are before this one.
    pub(super) fn before(&self, ticket: Ticket) -> usize {
        self.numbers().unwrap_or_default().iter().filter(|number| **number < ticket.0).count()
    }

    /// Whether an entry waits that is not parked. Fails if the folder exists but can't be listed.
    pub(super) fn is_waiting(&self) -> Result<bool, StorageError> {
        let numbers = match self.numbers() {
            Err(StorageError::At { source, .. }) if source.kind() == io::ErrorKind::NotADirectory => return Ok(false),
            numbers => numbers?,
        };
        Ok(numbers.into_iter().any(|number| read_entry(&self.file(number)).is_ok_and(|entry| entry.parked.is_none())))
    }
}
