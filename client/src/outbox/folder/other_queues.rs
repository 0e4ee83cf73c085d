//! The queues beside this one: what was written for another API, or for this one under another key.
//!
//! Each queue's folder says in a file which API and which key it is for. What waits for the same API under another
//! key, such as one that was wrong or was replaced, can be taken over when a person says so. What waits for another API
//! is never sent here.

use std::io;
use std::path::PathBuf;

use deckwatch_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ENTRY, Folder, HELD, Unkept, read};
use crate::outbox::entry::Entry;

/// The file that says for which API and key a queue is. An older Deckwatch did not write it.
const OWNER: &str = "endpoint";

/// For which API and key a queue is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) endpoint: String,
    /// The first 16 hexadecimal digits of the key's SHA-256. They stand in the records too.
    pub(super) actor: String,
}

/// Writes that wait for another API, or for this one under another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherQueue {
    /// Where they are.
    pub path: PathBuf,
    /// The API, where that is known.
    pub endpoint: Option<String>,
    /// Who holds the key, where that is known.
    pub actor: Option<String>,
    /// How many there are, with those that are held.
    pub entries: usize,
    /// The API is the one in use, only the key is another.
    pub is_same_api: bool,
}

/// What became of a take-over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// How many writes are in this queue now.
    pub entries: usize,
    /// How many queues stay as they are, because another process sends from them now.
    pub busy: usize,
}

impl Folder {
    /// Writes down for which API and key this queue is. Where that fails, the next one who comes by tries again.
    pub(super) fn name_owner(&self) {
        let path = self.path.join(OWNER);
        if let Some(owner) = self.owner.as_ref().filter(|_| !path.exists())
            && let (Ok(text), Ok(_change)) = (serde_json::to_vec(owner), self.lock_changes())
        {
            let _ = self.write(&path, &text);
        }
    }

    /// The queues beside this one in which something waits.
    pub(super) fn other_queues(&self) -> Vec<OtherQueue> {
        let described = |queue: Self| {
            let entries = queue.entries().len();
            let is_same_api = self.is_for_the_same_api(&queue);
            let (endpoint, actor) = queue.owner.map(|owner| (owner.endpoint, owner.actor)).unzip();
            OtherQueue { path: queue.path, endpoint, actor, entries, is_same_api }
        };
        self.beside().into_iter().map(described).filter(|queue| queue.entries > 0).collect()
    }

    /// Brings in what waits for the same API under another key, in the order it was written.
    ///
    /// 1. The right to send in the other queue is taken, so that nobody sends an entry while it is moved.
    /// 2. What is parked or too old becomes due there: a person has decided.
    /// 3. Each entry is moved by one rename behind the entries of this queue.
    pub(in crate::outbox) fn take_over(&self, now: Timestamp) -> Result<TakenOver, Unkept> {
        let mut taken = TakenOver::default();
        for queue in self.beside() {
            if !self.is_for_the_same_api(&queue) || queue.entries().is_empty() {
                continue;
            }
            let Some(_turn) = queue.turn()? else {
                taken.busy += 1;
                continue;
            };
            taken.entries += self.bring_in(&queue.make_due(now)?)?;
        }
        Ok(taken)
    }

    /// Whether the entry with this key was taken over and still waits.
    pub(in crate::outbox) fn is_taken_over(&self, key: &str) -> bool {
        let queues = self.beside().into_iter().filter(|queue| self.is_for_the_same_api(queue));
        queues.flat_map(|queue| queue.entries()).any(|(_, entry)| entry.idempotency_key == key)
    }

    /// The files of the entries, in the order they were written: one that is too old is a new write from now on.
    fn make_due(&self, now: Timestamp) -> Result<Vec<PathBuf>, Unkept> {
        let _change = self.lock_changes()?;
        let mut due = Vec::new();
        for (path, mut entry) in self.entries() {
            let was_parked = entry.parked.take().is_some();
            if entry.is_too_old(now) {
                self.write(&path, &serde_json::to_vec(&entry.anew(now)).map_err(io::Error::other)?)?;
            } else if was_parked {
                self.write(&path, &serde_json::to_vec(&entry).map_err(io::Error::other)?)?;
            }
            due.push(path);
        }
        Ok(due)
    }

    fn bring_in(&self, entries: &[PathBuf]) -> Result<usize, Unkept> {
        self.make()?;
        let _change = self.lock_changes()?;
        for path in entries {
            let number = self.number_after(&self.numbers()?)?;
            self.rename(path, &self.file(number))?;
        }
        Ok(entries.len())
    }

    /// The entries of a queue that can be read, held ones too, in the order they were written.
    fn entries(&self) -> Vec<(PathBuf, Entry)> {
        let numbered = self.numbers().unwrap_or_default().into_iter().map(|number| self.file(number));
        let is_entry = |path: &PathBuf| path.extension().is_some_and(|ending| ending == ENTRY);
        let paths = self.files_in(HELD).into_iter().filter(is_entry).chain(numbered);
        let mut entries: Vec<_> = paths.filter_map(|path| Some((read(&path).ok()?, path))).collect();
        // Entries of the same time keep the order of the queue.
        entries.sort_by_key(|(entry, _)| entry.queued_at);
        entries.into_iter().map(|(entry, path)| (path, entry)).collect()
    }

    fn beside(&self) -> Vec<Self> {
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
