//! Entries that are too old to be sent without a person's decision.

use std::io;
use std::path::PathBuf;

use deckwatch_protocol::Timestamp;

use super::super::entry::Entry;
use super::super::{HeldDecision, Skipped};
use super::{ENTRY, Folder, HELD, StorageError, Ticket, read_entry};

/// An entry that waits for a person's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// `handoff`, `note` or `change of a note`.
    pub what: &'static str,
    /// The agent that wrote it, if known.
    pub agent: Option<String>,
    /// When it was written.
    pub queued_at: Timestamp,
}

impl Folder {
    /// Moves an entry to the folder of held entries.
    pub(in crate::outbox) fn hold(&self, ticket: Ticket) -> Result<(), StorageError> {
        self.move_into(HELD, ticket.0, ENTRY)
    }

    /// Moves the held entries to the end of the queue as new writes, in the order they were written; or deletes them.
    /// Files that can't be read stay, because a newer Deckwatch may be able to send them.
    pub(in crate::outbox) fn resolve_held(
        &self,
        decision: HeldDecision,
        now: Timestamp,
    ) -> Result<usize, StorageError> {
        if self.held().0.is_empty() {
            return Ok(0);
        }
        let _change = self.lock_changes()?;
        let (held, _) = self.held();
        let count = held.len();
        for (path, entry) in held {
            match decision {
                HeldDecision::Drop => std::fs::remove_file(path).map_err(|source| self.error(source))?,
                HeldDecision::Send => {
                    // The new key is written before the rename, so that after a crash the entry is sent once.
                    self.write(&path, &serde_json::to_vec(&entry.into_new_write(now)).map_err(io::Error::other)?)?;
                    let number = self.number_after(&self.numbers()?)?;
                    self.rename(&path, &self.file(number))?;
                }
            }
        }
        Ok(count)
    }

    /// The held entries, in the order they were written, and the held files that can't be read. If the folder can't be
    /// listed, it counts as such a file.
    pub(in crate::outbox) fn held(&self) -> (Vec<(PathBuf, Entry)>, Vec<Skipped>) {
        let (mut held, mut unread) = (Vec::new(), Vec::new());
        let paths = self.listed_files_in(HELD).unwrap_or_else(|error| {
            unread.push(Skipped { path: self.path.join(HELD), cause: error.to_string() });
            Vec::new()
        });
        for path in paths {
            match read_entry(&path) {
                Ok(entry) => held.push((path, entry)),
                Err(cause) => unread.extend(cause.map(|cause| Skipped { path, cause })),
            }
        }
        // Names do not give the order, because numbers restart when the queue is empty.
        held.sort_by_key(|(_, entry)| entry.queued_at);
        (held, unread)
    }
}
