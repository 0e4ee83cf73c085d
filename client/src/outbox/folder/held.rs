//! Entries that are too old to be sent unless a person says so.

use std::io;
use std::path::PathBuf;

use deckwatch_protocol::Timestamp;

use super::super::entry::Entry;
use super::super::{HeldDecision, Skipped};
use super::{ENTRY, Folder, HELD, Ticket, Unkept, read};

/// An entry that waits for a human's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// `handoff`, `note` or `change of a note`.
    pub what: &'static str,
    /// Who wrote it, where that is known.
    pub agent: Option<String>,
    /// When.
    pub queued_at: Timestamp,
}

impl Folder {
    /// Puts an entry where it waits for a human's word.
    pub(in crate::outbox) fn hold(&self, ticket: Ticket) -> Result<(), Unkept> {
        self.move_into(HELD, ticket.0, ENTRY)
    }

    /// Sends what is held as new writes, behind what waits and in the order it was written; or deletes it. A file
    /// that can't be read stays: nobody was told what it holds, and a newer Deckwatch may send it.
    pub(in crate::outbox) fn resolve_held(&self, decision: HeldDecision, now: Timestamp) -> Result<usize, Unkept> {
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
                    // First the new key, then the rename: a crash in between sends it once.
                    self.write(&path, &serde_json::to_vec(&entry.anew(now)).map_err(io::Error::other)?)?;
                    let number = self.number_after(&self.numbers()?)?;
                    self.rename(&path, &self.file(number))?;
                }
            }
        }
        Ok(count)
    }

    /// The entries that are held, in the order they were written, and the files there that can't be read.
    pub(in crate::outbox) fn held(&self) -> (Vec<(PathBuf, Entry)>, Vec<Skipped>) {
        let (mut held, mut unread) = (Vec::new(), Vec::new());
        for path in self.files_in(HELD) {
            match read(&path) {
                Ok(entry) => held.push((path, entry)),
                Err(cause) => unread.extend(cause.map(|cause| Skipped { path, cause })),
            }
        }
        // Not by name: numbers start again when the queue is empty.
        held.sort_by_key(|(_, entry)| entry.queued_at);
        (held, unread)
    }
}
