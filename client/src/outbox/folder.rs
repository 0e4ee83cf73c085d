//! The queue's folder: numbered files, two locks, and places for what is not sent.
//!
//! It knows no network. Every change is one rename, so that a process killed at any point leaves a queue
//! that the next one goes on with.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use deckwatch_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::pause::{Occasion, Pause};
use super::{Parked, Skipped, Stopped, Waiting, Word};
use crate::digest::sha256_hex;
use crate::dirs::Dirs;
use crate::durable;

const ENTRY: &str = "json";
const SET_ASIDE: &str = "set-aside";
const REPORTED: &str = "reported";
const HELD: &str = "held";
const PAUSE: &str = "pause";
const REPORTED_KEPT: usize = 200;

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
    #[error("the outbox {path} can't be used: {source}", path = .path.display())]
    At { path: PathBuf, source: io::Error },
    /// The same, where no path is known.
    #[error("the outbox can't be used: {0}")]
    Io(#[from] io::Error),
}

/// One entry's place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

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

/// An entry that the API refused, or that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// `handoff`, `note` or `change of a note`; `entry` when it can't be read.
    pub what: &'static str,
    /// Who wrote it, where that is known.
    pub agent: Option<String>,
    /// Why: the code of the refusal.
    pub reason: String,
    /// The file that holds it.
    pub path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Refused {
    reason: String,
    detail: String,
    entry: Entry,
}

/// The files of a queue that end like an entry.
#[derive(Default)]
struct Listing {
    numbers: Vec<u64>,
    /// Those whose names an entry does not get.
    strange: Vec<PathBuf>,
}

/// A queue's folder. It need not exist yet.
pub(super) struct Folder {
    path: PathBuf,
    bounds: Bounds,
}

impl Folder {
    pub(super) fn of(root: &Path, endpoint: &str, actor: &str, bounds: Bounds) -> Self {
        let whose: String = sha256_hex(format!("{endpoint}\n{actor}").as_bytes()).chars().take(32).collect();
        Self { path: root.join(whose), bounds }
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

    /// Puts an entry where it blocks nothing, with the reason.
    pub(super) fn set_aside(&self, ticket: Ticket, entry: Entry, reason: &str, detail: &str) -> Result<(), Unkept> {
        let change = self.lock_changes()?;
        let path = self.free_name(SET_ASIDE, ticket.0, ENTRY)?;
        let refused = Refused { reason: reason.to_owned(), detail: detail.to_owned(), entry };
        let text = serde_json::to_vec_pretty(&refused).map_err(io::Error::other)?;
        self.write(&path, &text)?;
        drop(change);
        self.remove(ticket)
    }

    /// Puts an entry where it waits for a human's word.
    pub(super) fn hold(&self, ticket: Ticket) -> Result<(), Unkept> {
        self.move_into(HELD, ticket.0, ENTRY)
    }

    /// Whether an entry still waits. Where the disk does not say, it does.
    pub(super) fn holds(&self, ticket: Ticket, key: &str) -> bool {
        match std::fs::read(self.file(ticket.0)) {
            Ok(bytes) => Entry::read(&bytes).is_some_and(|entry| entry.idempotency_key == key),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Why the entry with this key is out of the queue and not sent, and where it is now; `None` when it was sent.
    pub(super) fn refusal_of(&self, key: &str) -> Option<(String, PathBuf)> {
        let holds_it =
            |path: &PathBuf| std::fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(key));
        let found = |folder: &str| self.files_in(folder).into_iter().find(holds_it);
        if let Some(path) = found(HELD) {
            return Some(("over 23 hours old, it waits for a human's word".to_owned(), path));
        }
        let path = found(SET_ASIDE).or_else(|| found(&format!("{SET_ASIDE}/{REPORTED}")))?;
        Some((described(path.clone()).reason, path))
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

    /// What is in the folder.
    pub(super) fn waiting(&self) -> Waiting {
        let (Listing { numbers, strange }, unreadable) = match self.listing() {
            Ok(listing) => (listing, None),
            Err(unkept) => (Listing::default(), Some(unkept.to_string())),
        };
        let strange = strange.into_iter();
        let mut skipped: Vec<Skipped> =
            strange.map(|path| Skipped { path, cause: "its name is not that of an entry".to_owned() }).collect();
        let (mut queued, mut oldest, mut parked) = (0, None, Vec::new());
        for number in numbers {
            let entry = match read(&self.file(number)) {
                Ok(entry) => entry,
                Err(cause) => {
                    skipped.extend(cause.map(|cause| Skipped { path: self.file(number), cause }));
                    continue;
                }
            };
            queued += 1;
            oldest = oldest.or(Some(entry.queued_at));
            let what = entry.what();
            parked.extend(entry.parked.map(|parking| Parked {
                what,
                agent: entry.agent,
                queued_at: entry.queued_at,
                cause: parking.cause,
                again_at: parking.again_at,
            }));
        }
        let stopped = self.pause().filter(|_| queued > parked.len());
        let stopped = stopped.map(|Pause { since, again_at, cause, .. }| Stopped { since, cause, again_at });
        let (held, unread) = self.held();
        skipped.extend(unread);
        let held = held.into_iter().map(|(_, entry)| entry);
        let held = held.map(|entry| Held { what: entry.what(), queued_at: entry.queued_at, agent: entry.agent });
        let is_new = |path: &PathBuf| !self.mark_of(path).is_some_and(|mark| mark.exists());
        let set_aside = self.files_in(SET_ASIDE).into_iter().filter(is_new).map(described);
        Waiting {
            queued,
            oldest,
            stopped,
            parked,
            held: held.collect(),
            set_aside: set_aside.collect(),
            skipped,
            elsewhere: self.elsewhere(),
            path: self.path.clone(),
            unreadable,
        }
    }

    /// What waits in the queues beside this one.
    fn elsewhere(&self) -> usize {
        let queues = self.path.parent().and_then(|root| std::fs::read_dir(root).ok()).into_iter().flatten();
        let paths = queues.filter_map(|queue| Some(queue.ok()?.path())).filter(|path| *path != self.path);
        paths.map(|path| Self { path, bounds: self.bounds }.numbers().map_or(0, |numbers| numbers.len())).sum()
    }

    /// Marks what was reported, and keeps the 200 that were reported last. A file stays where the report says it is.
    pub(super) fn reported(&self, set_aside: &[SetAside]) {
        let reported = format!("{SET_ASIDE}/{REPORTED}");
        if Dirs::create(&self.path.join(&reported)).is_err() {
            return;
        }
        let marks: Vec<PathBuf> = set_aside.iter().filter_map(|one| self.mark_of(&one.path)).collect();
        for mark in &marks {
            // Without its mark it is reported again, which harms nobody.
            let _ = File::options().create(true).append(true).open(mark);
        }
        // An older version moved the file itself here: then it is its own mark.
        // What can't be read was never refused, so it is never removed.
        let is_refused = |mark: &PathBuf| mark.extension().is_some_and(|ending| ending == ENTRY);
        let before = self.files_in(&reported).into_iter().filter(|mark| is_refused(mark) && !marks.contains(mark));
        let since = |mark: &PathBuf| mark.metadata().and_then(|mark| mark.modified()).ok();
        let mut before: Vec<_> = before.filter_map(|mark| Some((since(&mark)?, mark))).collect();
        before.sort_unstable();
        for (_, mark) in before.iter().rev().skip(REPORTED_KEPT.saturating_sub(marks.len())) {
            // The mark goes last: a file without one counts as not reported.
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

    /// The file that is there once a file that was set aside has been reported.
    fn mark_of(&self, set_aside: &Path) -> Option<PathBuf> {
        Some(self.path.join(SET_ASIDE).join(REPORTED).join(set_aside.file_name()?))
    }

    /// Sends what is held as new writes, behind what waits and in the order it was written; or deletes it. A file
    /// that can't be read stays: nobody was told what it holds, and a newer Deckwatch may send it.
    pub(super) fn resolve_held(&self, word: Word, now: Timestamp) -> Result<usize, Unkept> {
        if self.held().0.is_empty() {
            return Ok(0);
        }
        let _change = self.lock_changes()?;
        let (held, _) = self.held();
        let count = held.len();
        for (path, entry) in held {
            match word {
                Word::Drop => std::fs::remove_file(path).map_err(|source| self.error(source))?,
                Word::Send => {
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
    pub(super) fn held(&self) -> (Vec<(PathBuf, Entry)>, Vec<Skipped>) {
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

    fn make(&self) -> Result<(), Unkept> {
        Dirs::create(&self.path).map_err(|source| self.error(source))
    }

    /// Held for the moment of a change; waits for it.
    fn lock_changes(&self) -> Result<File, Unkept> {
        let lock = self.lock_file("changes.lock")?;
        lock.lock().map_err(|source| self.error(source))?;
        Ok(lock)
    }

    fn lock_file(&self, name: &str) -> Result<File, Unkept> {
        let file = File::options().create(true).write(true).truncate(false).open(self.path.join(name));
        file.map_err(|source| self.error(source))
    }

    fn file(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:012}.{ENTRY}"))
    }

    /// The number behind all others. There is none behind the largest: an entry is never written over.
    fn number_after(&self, numbers: &[u64]) -> Result<u64, Unkept> {
        let number = numbers.last().map_or(Some(1), |last| last.checked_add(1));
        number.ok_or_else(|| self.error(io::ErrorKind::AlreadyExists.into()))
    }

    pub(super) fn numbers(&self) -> Result<Vec<u64>, Unkept> {
        Ok(self.listing()?.numbers)
    }

    /// What the folder lists. A listing that breaks off is an error: a number that it lacks would be given again.
    fn listing(&self) -> Result<Listing, Unkept> {
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
    pub(super) fn read(&self, number: u64) -> Result<Option<Entry>, Unkept> {
        let bytes = std::fs::read(self.file(number)).map_err(|source| self.error(source))?;
        Ok(Entry::read(&bytes))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Unkept> {
        let folder = path.parent().unwrap_or(&self.path);
        Dirs::create(folder).map_err(|source| self.error(source))?;
        durable::write(path, &folder.join("unfinished.new"), bytes).map_err(|source| self.error(source))
    }

    fn move_into(&self, folder: &str, number: u64, ending: &str) -> Result<(), Unkept> {
        let _change = self.lock_changes()?;
        self.rename(&self.file(number), &self.free_name(folder, number, ending)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), Unkept> {
        let renamed = std::fs::rename(from, to).and_then(|()| durable::sync_folder_of(to));
        renamed.map_err(|source| self.error(source))
    }

    /// Numbers start again when the queue is empty, so a name may be taken.
    fn free_name(&self, folder: &str, number: u64, ending: &str) -> Result<PathBuf, Unkept> {
        let folder = self.path.join(folder);
        Dirs::create(&folder).map_err(|source| self.error(source))?;
        let is_free = |name: &String| !folder.join(name).exists() && !folder.join(REPORTED).join(name).exists();
        let name = (0..u32::MAX).map(|again| format!("{number:012}-{again}.{ending}")).find(is_free);
        name.map(|name| folder.join(name)).ok_or_else(|| self.error(io::ErrorKind::AlreadyExists.into()))
    }

    /// The files of a folder, oldest name first.
    fn files_in(&self, folder: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path.join(folder)).into_iter().flatten();
        let is_ours = |path: &PathBuf| path.extension().is_some_and(|ending| ending != "new") && path.is_file();
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_ours).collect();
        paths.sort_unstable();
        paths
    }

    fn error(&self, source: io::Error) -> Unkept {
        Unkept::At { path: self.path.clone(), source }
    }
}

/// The entry that a file holds; else why there is none, or nothing when the file is gone by now.
fn read(path: &Path) -> Result<Entry, Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => Entry::read(&bytes).ok_or_else(|| Some("this version of Deckwatch can't read it".to_owned())),
        Err(error) => Err(Some(error).filter(|error| error.kind() != io::ErrorKind::NotFound).map(|e| e.to_string())),
    }
}

fn described(path: PathBuf) -> SetAside {
    match std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Refused>(&bytes).ok()) {
        Some(Refused { reason, entry, .. }) => SetAside { what: entry.what(), agent: entry.agent, reason, path },
        None => SetAside { what: "entry", agent: None, reason: "it can't be read".to_owned(), path },
    }
}
