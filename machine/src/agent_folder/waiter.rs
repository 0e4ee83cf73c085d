//! The one process that waits for mail on behalf of an idle Claude Code.
//!
//! Every end of a turn starts a waiter, whose own time limit then begins anew. So the newest one stays, and the one before
//! ends.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{AgentFolder, files};

/// How long a new waiter waits for the end of the one before, which looks several times a second.
const PATIENCE: Duration = Duration::from_secs(5);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// The lock of the waiter, held by this process.
#[derive(Debug)]
pub struct Waiter {
    _lock: File,
    newest: PathBuf,
    id: String,
}

impl AgentFolder {
    /// Becomes the waiter. `None` if a newer process wants that too, or if the one before does not end.
    pub fn become_waiter(&self) -> io::Result<Option<Waiter>> {
        let newest = self.path.join("waiter");
        let id = std::process::id().to_string();
        files::replace_json(&newest, &id)?;
        let lock = File::options().create(true).write(true).truncate(false).mode(0o600).open(self.waiter_lock())?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    let waiter = Waiter { _lock: lock, newest, id };
                    return Ok(waiter.is_newest()?.then_some(waiter));
                }
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if begun.elapsed() >= PATIENCE => return Ok(None),
                Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_ATTEMPTS),
            }
        }
    }

    /// Whether a process waits for mail and would wake the agent.
    pub fn has_waiter(&self) -> io::Result<bool> {
        match File::open(self.waiter_lock()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
            Ok(lock) => match lock.try_lock_shared() {
                Ok(()) => Ok(false),
                Err(TryLockError::WouldBlock) => Ok(true),
                Err(TryLockError::Error(error)) => Err(error),
            },
        }
    }
}

impl Waiter {
    /// Whether no other waiter was started since.
    pub fn is_newest(&self) -> io::Result<bool> {
        Ok(files::read_json::<String>(&self.newest)?.as_deref() == Some(&self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Folder, folder};
    use super::*;

    #[test]
    fn the_newest_waiter_stays_and_the_one_before_learns_it() {
        let Folder { folder, .. } = &folder();
        assert!(!folder.has_waiter().unwrap());
        let first = folder.become_waiter().unwrap().unwrap();
        assert!(first.is_newest().unwrap() && folder.has_waiter().unwrap());
        // Another process writes its number first, then waits for the lock.
        files::replace_json(&folder.path().join("waiter"), &"another".to_owned()).unwrap();
        assert!(!first.is_newest().unwrap());
        drop(first);
        assert!(!folder.has_waiter().unwrap());
        assert!(folder.become_waiter().unwrap().unwrap().is_newest().unwrap());
    }
}
