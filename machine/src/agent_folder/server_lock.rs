//! The lock of the server that puts messages into the folder. The operating system releases it when the process ends.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use super::{AgentFolder, Taker, files};

/// The length of the file, so that one write replaces its content.
const LENGTH: usize = 256;

/// The lock, held by this process.
#[derive(Debug)]
pub struct ServerLock {
    file: File,
}

/// The server of the agent, as a hook sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// No process holds the lock.
    Gone,
    /// A process holds the lock. It speaks for this session, if it has said so yet.
    Runs(Option<Taker>),
}

impl AgentFolder {
    /// Takes the lock. `None` while another process holds it.
    pub fn lock_server(&self) -> io::Result<Option<ServerLock>> {
        let file =
            File::options().create(true).read(true).write(true).truncate(false).mode(0o600).open(self.lock_file())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(ServerLock { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether a server holds the lock, and for which session.
    pub fn server(&self) -> io::Result<Server> {
        let file = match File::open(self.lock_file()) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Server::Gone),
            Err(error) => return Err(error),
        };
        // Two hooks can look at the same time.
        match file.try_lock_shared() {
            Ok(()) => Ok(Server::Gone),
            Err(TryLockError::WouldBlock) => Ok(Server::Runs(files::read_json(&self.lock_file())?)),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn lock_file(&self) -> PathBuf {
        self.path.join("server.lock")
    }
}

impl ServerLock {
    /// Says for which session this server takes messages. A hook shows what it takes from now on.
    pub fn speaks_for(&self, taker: &Taker) -> io::Result<()> {
        let text = format!("{:LENGTH$}", serde_json::to_string(taker)?);
        self.file.write_all_at(text.as_bytes(), 0)
    }
}
