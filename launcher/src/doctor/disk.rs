//! Checks the folders and the database file that an agent writes to, by writing to them.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::time::Duration;

use deckwatch_client::{WriteTrialError, try_write};
use deckwatch_machine::disk::advice;

use crate::check_report::Check;
use crate::process_env::ProcessEnv;

/// The number of bytes of the trial: one entry of the outbox may need as many. A full disk may still accept a few bytes.
const TRIAL_BYTES: usize = 64 * 1024;
/// How long another process may keep the database locked. A write of an agent takes a few milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(2);

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
        checks.push(check_of_database(&database, env));
    }
    checks
}

fn check_of(name: &'static str, place: &Path, written: io::Result<()>, env: &ProcessEnv) -> Check {
    let shown = env.shown(place);
    match written {
        Ok(()) => Check::ok(name, format!("{shown} can be written to")),
        Err(error) => {
            let fix = match error.kind() {
                ErrorKind::PermissionDenied => permission_advice(place, &shown),
                _ => None,
            };
            let fix = fix.unwrap_or_else(|| advice(&error).to_owned());
            Check::fail(name, format!("{shown} can't be written to: {error}"), fix)
        }
    }
}

fn check_of_database(database: &Path, env: &ProcessEnv) -> Check {
    const NAME: &str = "database";
    let shown = env.shown(database);
    if let Err(error) = try_open(database) {
        return check_of(NAME, database, Err(error), env);
    }
    match try_write(database, LOCK_WAIT) {
        Ok(()) => check_of(NAME, database, Ok(()), env),
        Err(WriteTrialError::Locked) => Check::fail(
            NAME,
            format!(
                "{shown} can't be written to: another process keeps it locked for more than {} s",
                LOCK_WAIT.as_secs()
            ),
            format!("wait until that process is ready, or end it; `fuser -v {}` names it", database.display()),
        ),
        Err(WriteTrialError::Failed(cause)) => Check::fail(
            NAME,
            format!("{shown} can't be written to: {cause}"),
            "check the disk; `./scripts/backup restore` brings a backup back",
        ),
    }
}

/// What to do if permissions forbid to write to `place`: the owner or the mode is wrong. `None` if the owner is not known.
fn permission_advice(place: &Path, shown: &str) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;

    let nearest = place.ancestors().find_map(|path| Some((path, std::fs::metadata(path).ok()?)));
    let (nearest, meta) = nearest?;
    let shown = if nearest == place { shown.to_owned() } else { nearest.display().to_string() };
    Some(advice_for_owner(&shown, meta.uid(), rustix::process::geteuid().as_raw()))
}

fn advice_for_owner(place: &str, owner: u32, user: u32) -> String {
    if owner == user {
        return format!("make it writable for you: `chmod u+rwX {place}`");
    }
    format!("{place} belongs to user {owner}, and you are user {user}: run `sudo chown -R \"$(id -un)\" {place}`")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_owner_and_a_wrong_mode_get_different_advice() {
        let other = advice_for_owner("~/.local/state", 0, 1000);
        assert_eq!(
            other,
            "~/.local/state belongs to user 0, and you are user 1000: run `sudo chown -R \"$(id -un)\" ~/.local/state`"
        );
        assert_eq!(advice_for_owner("~/x", 1000, 1000), "make it writable for you: `chmod u+rwX ~/x`");
    }
}
