//! Queues for another API, or for another key of this API.
//!
//! A file in each queue's folder names its API and its key. A person can decide to take over the entries for another key
//! of the same API, for example after the key was wrong or was replaced. Entries for another API are never sent here.

use std::io;
use std::path::PathBuf;

use deckwatch_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ENTRY, Folder, HELD, StorageError, read_entry};
use crate::outbox::entry::Entry;

/// The file that names the API and the key of a queue. Older versions of Deckwatch did not write it.
const OWNER: &str = "endpoint";

/// The API and the key that a queue belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) endpoint: String,
    /// The first 16 hexadecimal digits of the key's SHA-256. The records contain the same id.
    pub(super) actor: String,
}

/// A queue for another API, or for another key of this API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherQueue {
    /// The folder of the queue.
    pub path: PathBuf,
    /// The API, if known.
    pub endpoint: Option<String>,
    /// The actor that holds the key, if known.
    pub actor: Option<String>,
    /// The number of entries, including held ones.
    pub entries: usize,
    /// The queue is for the current API, with another key.
    pub is_same_api: bool,
}

/// The result of a take-over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// How many entries were moved into this queue.
    pub entries: usize,
    /// How many queues were skipped because another process is sending from them.
    pub busy: usize,
}

impl Folder {
    /// Writes the file that names the API and the key. If that fails, the next use of the queue tries again.
    pub(super) fn write_owner(&self) {
        let path = self.path.join(OWNER);
        if let Some(owner) = self.owner.as_ref().filter(|_| !path.exists())
            && let (Ok(text), Ok(_change)) = (serde_json::to_vec(owner), self.lock_changes())
        {
            let _ = self.write(&path, &text);
        }
    }

    /// The other queues that have entries.
    pub(super) fn other_queues(&self) -> Vec<OtherQueue> {
        let described = |queue: Self| {
            let entries = queue.entries().len();
            let is_same_api = self.is_for_the_same_api(&queue);
            let (endpoint, actor) = queue.owner.map(|owner| (owner.endpoint, owner.actor)).unzip();
            OtherQueue { path: queue.path, endpoint, actor, entries, is_same_api }
        };
        self.other_folders().into_iter().map(described).filter(|queue| queue.entries > 0).collect()
    }

    /// Moves the entries for another key of the same API into this queue, in the order they were written.
    ///
    /// 1. Lock the other queue for sending, so that no process sends an entry during the move.
    /// 2. Write the other key into its entries, and make the parked and old ones due, because a person has decided to
    ///    send them.
    /// 3. Move each entry to the end of this queue with one rename.
    pub(in crate::outbox) fn take_over(&self, now: Timestamp) -> Result<TakenOver, StorageError> {
        let mut taken = TakenOver::default();
        for queue in self.other_folders() {
            if !self.is_for_the_same_api(&queue) || queue.entries().is_empty() {
                continue;
            }
            let Some(_turn) = queue.turn()? else {
                taken.busy += 1;
                continue;
            };
            taken.entries += self.move_in(&queue.make_due(now)?)?;
        }
        Ok(taken)
    }

    /// Whether the entry with this key waits in another queue of the same API.
    pub(in crate::outbox) fn is_taken_over(&self, key: &str) -> bool {
        let queues = self.other_folders().into_iter().filter(|queue| self.is_for_the_same_api(queue));
        queues.flat_map(|queue| queue.entries()).any(|(_, entry)| entry.idempotency_key == key)
    }

    /// Makes all entries due and returns their files, in the order they were written. Each entry gets the actor of this
    /// queue. An entry that is too old gets a new key.
    fn make_due(&self, now: Timestamp) -> Result<Vec<PathBuf>, StorageError> {
        let _change = self.lock_changes()?;
        let mut due = Vec::new();
        let actor = self.owner.as_ref().map_or("", |owner| owner.actor.as_str());
        for (path, entry) in self.entries() {
            let entry = entry.taken_over_from(actor);
            let entry = if entry.is_too_old(now) { entry.into_new_write(now) } else { entry };
            self.write(&path, &serde_json::to_vec(&entry).map_err(io::Error::other)?)?;
            due.push(path);
        }
        Ok(due)
    }

    fn move_in(&self, entries: &[PathBuf]) -> Result<usize, StorageError> {
        self.create()?;
        let _change = self.lock_changes()?;
        for path in entries {
            let number = self.number_after(&self.numbers()?)?;
            self.rename(path, &self.file(number))?;
        }
        Ok(entries.len())
    }

    /// The readable entries of a queue, including held ones, in the order they were written.
    fn entries(&self) -> Vec<(PathBuf, Entry)> {
        let numbered = self.numbers().unwrap_or_default().into_iter().map(|number| self.file(number));
        let is_entry = |path: &PathBuf| path.extension().is_some_and(|ending| ending == ENTRY);
        let paths = self.files_in(HELD).into_iter().filter(is_entry).chain(numbered);
        let mut entries: Vec<_> = paths.filter_map(|path| Some((read_entry(&path).ok()?, path))).collect();
        // The sort is stable: entries of the same time keep the order of the queue.
        entries.sort_by_key(|(entry, _)| entry.queued_at);
        entries.into_iter().map(|(entry, path)| (path, entry)).collect()
    }

    fn other_folders(&self) -> Vec<Self> {
        let queues = self.path.parent().and_then(|root| std::fs::read_dir(root).ok()).into_iter().flatten();
        let paths = queues.filter_map(|queue| Some(queue.ok()?.path()));
        let mut paths: Vec<PathBuf> = paths.filter(|path| *path != self.path && path.is_dir()).collect();
        paths.sort_unstable();
        let queue = |path: PathBuf| {
            let owner = std::fs::read(path.join(OWNER)).ok().and_then(|text| serde_json::from_slice(&text).ok());
            Self { path, bounds: self.bounds, owner }
        };
        paths.into_iter().map(queue).collect()
    }

    fn is_for_the_same_api(&self, queue: &Self) -> bool {
        let api = |folder: &Self| folder.owner.as_ref().map(|owner| owner.endpoint.clone());
        api(self).is_some() && api(self) == api(queue)
    }
}
