//! Checks the folders and the database file that an agent writes to, by writing to them.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use deckwatch_machine::disk::advice;

use super::check::Check;
use crate::process_env::ProcessEnv;

/// The number of bytes of the trial: one entry of the outbox may need as many. A full disk may still accept a few bytes.
const TRIAL_BYTES: usize = 64 * 1024;

/// One check for each place. The written data is removed again.
pub(super) fn check(env: &ProcessEnv) -> Vec<Check> {
    let dirs = &env.dirs;
    let mut checks: Vec<Check> =
        [("state", &dirs.state), ("data", &dirs.data), ("outbox", &dirs.data.join("outbox")), ("cache", &dirs.cache)]
            .into_iter()
            .map(|(name, folder)| check_of(name, folder, in_folder(folder), env))
            .collect();
    let database = dirs.data.join("context.db");
    if database.exists() {
        checks.push(check_of("database", &database, try_open(&database), env));
    }
    checks
}

fn check_of(name: &'static str, place: &Path, written: io::Result<()>, env: &ProcessEnv) -> Check {
    let shown = env.shown(place);
    match written {
        Ok(()) => Check::ok(name, format!("{shown} can be written to")),
        Err(error) => Check::fail(name, format!("{shown} can't be written to: {error}"), advice(&error)),
    }
}

/// Writes an unnamed file into the folder, or into its nearest parent that exists.
fn in_folder(folder: &Path) -> io::Result<()> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    // A trial in another folder would not test this one.
    if !there.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    let mut file: File = tempfile::tempfile_in(there)?;
    file.write_all(&vec![0; TRIAL_BYTES])?;
    file.sync_all()
}

/// Opens the database for writing, without writing to it. Then tests the folder, in which SQLite creates its own files.
fn try_open(database: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).open(database)?;
    in_folder(database.parent().unwrap_or(database))
}
