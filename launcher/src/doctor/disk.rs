//! The folders and the file that an agent writes to, each tried by writing.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use deckwatch_client::disk::advice;

use super::check::Check;
use crate::surroundings::Surroundings;

/// What one entry of the outbox may need. A full disk may still take a few bytes.
const TRIAL_BYTES: usize = 64 * 1024;

/// One check for each place. Nothing stays of what is written.
pub(super) fn check(surroundings: &Surroundings) -> Vec<Check> {
    let dirs = &surroundings.dirs;
    let mut checks: Vec<Check> =
        [("state", &dirs.state), ("data", &dirs.data), ("outbox", &dirs.data.join("outbox")), ("cache", &dirs.cache)]
            .into_iter()
            .map(|(name, folder)| found(name, folder, in_folder(folder), surroundings))
            .collect();
    let database = dirs.data.join("context.db");
    if database.exists() {
        checks.push(found("database", &database, opened(&database), surroundings));
    }
    checks
}

fn found(name: &'static str, place: &Path, written: io::Result<()>, surroundings: &Surroundings) -> Check {
    let shown = surroundings.shown(place);
    match written {
        Ok(()) => Check::ok(name, format!("{shown} can be written to")),
        Err(error) => Check::fail(name, format!("{shown} can't be written to: {error}"), advice(&error)),
    }
}

/// Writes into the folder, or the one above it that is there, a file that has no name.
fn in_folder(folder: &Path) -> io::Result<()> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    // Another place for it would say nothing about this one.
    if !there.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    let mut file: File = tempfile::tempfile_in(there)?;
    file.write_all(&vec![0; TRIAL_BYTES])?;
    file.sync_all()
}

/// The file takes writes, as far as that can be known without one; the folder beside it takes SQLite's own files.
fn opened(database: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).open(database)?;
    in_folder(database.parent().unwrap_or(database))
}
