//! Whether another build runs in the checkout.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use deckwatch_machine::dirs::Dirs;

use super::branch::Stop;
use super::{SkipReason, Step};
use crate::installation::{Installation, LOCK};

/// The files that cargo locks in a build folder while it builds, by version.
const LOCKS_OF_CARGO: [&str; 2] = ["release/.cargo-lock", "release/.cargo-build-lock"];

/// Takes the lock of builds, which ends with the returned file. Skips the machine if another build runs: one of the
/// launcher, or one that a person started. In a dry run, no file is made.
pub(super) fn take(installed: &Installation, dirs: &Dirs, dry_run: bool) -> Result<Option<File>, Stop> {
    let folder = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| installed.checkout.join("target"), |folder| installed.checkout.join(PathBuf::from(folder)));
    for name in LOCKS_OF_CARGO {
        drop(locked(&folder.join(name), false)?);
    }
    if !dry_run {
        Dirs::create(&dirs.state).map_err(|error| unusable(&dirs.state, &error))?;
    }
    locked(&dirs.state.join(LOCK), !dry_run)
}

/// The lock of a file. `None` if there is no such file.
fn locked(path: &Path, create: bool) -> Result<Option<File>, Stop> {
    let file = match File::options().create(create).write(true).truncate(false).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(path, &error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::Error(error)) => Err(unusable(path, &error)),
        Err(TryLockError::WouldBlock) => {
            let message = "another build of Deckwatch runs there; run this command again when it has ended";
            Err(Stop::skip(SkipReason::Busy, message))
        }
    }
}

fn unusable(path: &Path, error: &io::Error) -> Stop {
    Stop::fail(Step::Check, format!("{} can't be used: {error}", path.display()))
}
