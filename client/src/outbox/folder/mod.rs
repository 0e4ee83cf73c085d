//! The queue's folder: numbered files, two locks, and places for what is not sent.
//!
//! It knows no network. Every change is one rename, so that a process killed at any point leaves a queue
//! that the next one goes on with. [`files`] reads and writes them, [`held`], [`aside`] and [`other_queues`] are the
//! places beside the queue, [`report`] says what is there.

mod aside;
mod files;
mod held;
mod other_queues;
mod report;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use deckwatch_protocol::Timestamp;

pub use self::aside::SetAside;
use self::files::read;
pub use self::held::Held;
use self::other_queues::Owner;
pub use self::other_queues::{OtherQueue, TakenOver};
use super::entry::Entry;
use super::pause::{Occasion, Pause};
use crate::digest::sha256_hex;
use crate::disk::advice;

const ENTRY: &str = "json";
const SET_ASIDE: &str = "set-aside";
const HELD: &str = "held";
const PAUSE: &str = "pause";

/// How much a queue may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Entries.
    pub entries: usize,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { entries: 1_000, bytes: 64 * 1024 * 1024 }
    }
}

/// Why something could not be kept on disk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unkept {
    /// The queue is as large as it may be.
    #[error("the outbox {path} is full: it holds {entries} entries, {bytes} bytes in all", path = .path.display())]
    Full { path: PathBuf, entries: usize, bytes: u64 },
    /// The disk does not take it: it is full, or the folder is not ours.
    #[error("the outbox {path} can't be used: {source}; {advice}", path = .path.display(), advice = advice(.source))]
    At { path: PathBuf, source: io::Error },
    /// The same, where no path is known.
    #[error("the outbox can't be used: {0}")]
    Io(#[from] io::Error),
}

/// One entry's place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// A queue's folder. It need not exist yet.
pub(super) struct Folder {
    path: PathBuf,
    bounds: Bounds,
    /// For which API and key it is, where that is known.
    owner: Option<Owner>,
}

impl Folder {
    pub(super) fn of(root: &Path, endpoint: &str, actor: &str, bounds: Bounds) -> Self {
        let whose: String = sha256_hex(format!("{endpoint}\n{actor}").as_bytes()).chars().take(32).collect();
        let owner = Owner { endpoint: endpoint.to_owned(), actor: actor.to_owned() };
        Self { path: root.join(whose), bounds, owner: Some(owner) }
    }

    /// Puts an entry behind all others; one that says the same and still waits stays the one. Returns the one.
    pub(super) fn put(&self, entry: Entry, now: Timestamp) -> Result<(Ticket, Entry), Unkept> {
        self.make()?;
        let _change = self.lock_changes()?;
        let numbers = self.numbers()?;
        for number in &numbers {
            match self.read(*number) {
                Ok(Some(waits)) if waits.fingerprint == entry.fingerprint && !waits.is_too_old(now) => {
                    return Ok((Ticket(*number), waits));
                }
                _ => {}
            }
        }
        let text = serde_json::to_vec(&entry).map_err(io::Error::other)?;
        let kept = numbers.iter().map(|number| self.file(*number)).chain(self.files_in(HELD));
        let sizes: Vec<u64> = kept.filter_map(|path| Some(path.metadata().ok()?.len())).collect();
        let (entries, bytes) = (sizes.len(), sizes.iter().sum());
        if entries >= self.bounds.entries || bytes + text.len() as u64 > self.bounds.bytes {
            return Err(Unkept::Full { path: self.path.clone(), entries, bytes });
        }
        let number = self.number_after(&numbers)?;
        self.write(&self.file(number), &text)?;
        Ok((Ticket(number), entry))
    }

    /// The right to send. `None` while another process, or another task of this one, has it.
    pub(super) fn turn(&self) -> Result<Option<File>, Unkept> {
        self.make()?;
        let lock = self.lock_file("turn.lock")?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(source)) => Err(self.error(source)),
        }
    }

    /// The oldest entry that may be sent, `own` in any case. A file that is not an entry is set aside. A file that
    /// can't be read or set aside is skipped: `waiting` reports it, and it stops no other.
    pub(super) fn first(
        &self,
        occasion: Occasion,
        own: Option<Ticket>,
        now: Timestamp,
    ) -> Result<Option<(Ticket, Entry)>, Unkept> {
        for number in self.numbers()? {
            match self.read(number) {
                Ok(Some(entry)) if own == Some(Ticket(number)) || entry.is_due(occasion, now) => {
                    return Ok(Some((Ticket(number), entry)));
                }
                Ok(Some(_)) | Err(_) => {}
                Ok(None) => drop(self.move_into(SET_ASIDE, number, "unreadable")),
            }
        }
        Ok(None)
    }

    /// Whether an entry can be kept now: tried with a file of the size of a usual one.
    pub(super) fn try_to_keep(&self) -> Result<(), Unkept> {
        const USUAL: usize = 16 * 1024;
        self.make()?;
        let _change = self.lock_changes()?;
        let trial = self.path.join("trial.new");
        let written = std::fs::write(&trial, vec![0; USUAL]).map_err(|source| self.error(source));
        let _ = std::fs::remove_file(&trial);
        written
    }

    /// How long the queue is left alone, if it is.
    pub(super) fn pause(&self) -> Option<Pause> {
        serde_json::from_slice(&std::fs::read(self.path.join(PAUSE)).ok()?).ok()
    }

    /// Leaves the queue alone, or does so no longer. Where the disk takes nothing, each process waits on its own.
    pub(super) fn set_pause(&self, pause: Option<&Pause>) {
        let path = self.path.join(PAUSE);
        let _ = match pause.map(serde_json::to_vec) {
            Some(Ok(text)) => std::fs::write(path.with_extension("new"), text)
                .and_then(|()| std::fs::rename(path.with_extension("new"), path)),
            _ => std::fs::remove_file(path),
        };
    }

    /// Takes an entry out.
    pub(super) fn remove(&self, ticket: Ticket) -> Result<(), Unkept> {
        match std::fs::remove_file(self.file(ticket.0)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.error(error)),
            _ => Ok(()),
        }
    }

    /// Writes an entry again in its place.
    pub(super) fn rewrite(&self, ticket: Ticket, entry: &Entry) -> Result<(), Unkept> {
        let _change = self.lock_changes()?;
        let text = serde_json::to_vec(entry).map_err(io::Error::other)?;
        self.write(&self.file(ticket.0), &text)
    }

    /// Whether an entry still waits. Where the disk does not say, it does.
    pub(super) fn holds(&self, ticket: Ticket, key: &str) -> bool {
        match std::fs::read(self.file(ticket.0)) {
            Ok(bytes) => Entry::read(&bytes).is_some_and(|entry| entry.idempotency_key == key),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Whether the end of a day of this agent waits.
    pub(super) fn waits_for(&self, agent: &str) -> bool {
        let is_its_day = |entry: Entry| entry.start.is_some() && entry.agent.as_deref() == Some(agent);
        let numbers = self.numbers().unwrap_or_default();
        numbers.into_iter().any(|number| self.read(number).ok().flatten().is_some_and(is_its_day))
    }

    /// How many are before this one.
    pub(super) fn before(&self, ticket: Ticket) -> usize {
        self.numbers().unwrap_or_default().iter().filter(|number| **number < ticket.0).count()
    }

    /// Whether an entry waits that does not wait for a person. An error where the folder can't be listed, unless
    /// there is no folder.
    pub(super) fn is_waiting(&self) -> Result<bool, Unkept> {
        let numbers = match self.numbers() {
            Err(Unkept::At { source, .. }) if source.kind() == io::ErrorKind::NotADirectory => return Ok(false),
            numbers => numbers?,
        };
        Ok(numbers.into_iter().any(|number| read(&self.file(number)).is_ok_and(|entry| entry.parked.is_none())))
    }
}
