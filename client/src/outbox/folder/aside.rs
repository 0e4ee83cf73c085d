//! Entries that the API refused. They are set aside in a folder, reported once and kept for a while.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use deckwatch_machine::dirs::Dirs;
use serde::{Deserialize, Serialize};

use super::super::entry::Entry;
use super::{ENTRY, Folder, HELD, SET_ASIDE, StorageError, Ticket};

pub(super) const REPORTED: &str = "reported";
const MAX_REPORTED: usize = 200;

/// `SetAside::what` for a file that can't be read.
const UNKNOWN: &str = "entry";

/// An entry that the API refused, or that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// `handoff`, `note` or `change of a note`; `entry` when it can't be read.
    pub what: &'static str,
    /// The agent that wrote it, if known.
    pub agent: Option<String>,
    /// The error code of the refusal.
    pub reason: String,
    /// The file that holds it.
    pub path: PathBuf,
}

impl SetAside {
    /// Whether the file can't be read, so that its content is not known.
    pub(in crate::outbox) fn is_unreadable(&self) -> bool {
        self.what == UNKNOWN
    }
}

#[derive(Serialize, Deserialize)]
struct Refused {
    reason: String,
    detail: String,
    entry: Entry,
}

impl Folder {
    /// Moves an entry out of the queue into the folder of refused entries, with the reason.
    pub(in crate::outbox) fn set_aside(
        &self,
        ticket: Ticket,
        entry: Entry,
        reason: &str,
        detail: &str,
    ) -> Result<(), StorageError> {
        let change = self.lock_changes()?;
        let path = self.free_name(SET_ASIDE, ticket.0, ENTRY)?;
        let refused = Refused { reason: reason.to_owned(), detail: detail.to_owned(), entry };
        let text = serde_json::to_vec_pretty(&refused).map_err(io::Error::other)?;
        self.write(&path, &text)?;
        drop(change);
        self.remove(ticket)
    }

    /// Why the entry with this key left the queue unsent, and its file. `None` if it was sent.
    pub(in crate::outbox) fn refusal_of(&self, key: &str) -> Option<(String, PathBuf)> {
        let holds_it =
            |path: &PathBuf| std::fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(key));
        let found = |folder: &str| self.files_in(folder).into_iter().find(holds_it);
        if let Some(path) = found(HELD) {
            return Some(("it is over 23 hours old and waits for a person to decide".to_owned(), path));
        }
        let path = found(SET_ASIDE).or_else(|| found(&format!("{SET_ASIDE}/{REPORTED}")))?;
        Some((described(path.clone()).reason, path))
    }

    /// Marks entries as reported and keeps the 200 that were reported last. The files stay at the reported paths.
    pub(in crate::outbox) fn reported(&self, set_aside: &[SetAside]) {
        let reported = format!("{SET_ASIDE}/{REPORTED}");
        if Dirs::create(&self.path.join(&reported)).is_err() {
            return;
        }
        let marks: Vec<PathBuf> = set_aside.iter().filter_map(|one| self.mark_of(&one.path)).collect();
        for mark in &marks {
            // Without the mark the entry is reported again, which does no harm.
            let _ = File::options().create(true).append(true).open(mark);
        }
        // An older version moved the refused file itself here. Such a file is its own mark.
        // A file that can't be read was not refused, so it is never removed.
        let is_refused = |mark: &PathBuf| mark.extension().is_some_and(|ending| ending == ENTRY);
        let before = self.files_in(&reported).into_iter().filter(|mark| is_refused(mark) && !marks.contains(mark));
        let since = |mark: &PathBuf| mark.metadata().and_then(|mark| mark.modified()).ok();
        let mut before: Vec<_> = before.filter_map(|mark| Some((since(&mark)?, mark))).collect();
        before.sort_unstable();
        for (_, mark) in before.iter().rev().skip(MAX_REPORTED.saturating_sub(marks.len())) {
            // The mark is removed last, because a file without a mark counts as not reported.
            let _ = self.remove_reported(mark).and_then(|()| std::fs::remove_file(mark));
        }
    }

    fn remove_reported(&self, mark: &Path) -> io::Result<()> {
        let Some(name) = mark.file_name() else { return Ok(()) };
        match std::fs::remove_file(self.path.join(SET_ASIDE).join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The path of the mark that says that this file was reported.
    fn mark_of(&self, set_aside: &Path) -> Option<PathBuf> {
        Some(self.path.join(SET_ASIDE).join(REPORTED).join(set_aside.file_name()?))
    }

    /// The refused entries that were not reported yet.
    pub(in crate::outbox) fn not_reported(&self) -> Vec<SetAside> {
        let is_new = |path: &PathBuf| !self.mark_of(path).is_some_and(|mark| mark.exists());
        self.files_in(SET_ASIDE).into_iter().filter(is_new).map(described).collect()
    }
}

fn described(path: PathBuf) -> SetAside {
    match std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Refused>(&bytes).ok()) {
        Some(Refused { reason, entry, .. }) => SetAside { what: entry.what(), agent: entry.agent, reason, path },
        None => SetAside { what: UNKNOWN, agent: None, reason: "it can't be read".to_owned(), path },
    }
}
