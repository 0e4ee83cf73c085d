//! Tries whether a database can be written to, for a program that checks a machine. Changes nothing.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use crate::connection::is_busy;

/// Why a database can't be written to.
#[derive(Debug, Error)]
pub enum WriteTrialError {
    /// Another process holds the lock for writing.
    #[error("another process has locked it")]
    Locked,
    /// SQLite gives another reason.
    #[error("{0}")]
    Failed(String),
}

/// Takes the lock for writing and gives it back. Waits at most `wait` for another process.
pub fn try_write(database: &Path, wait: Duration) -> Result<(), WriteTrialError> {
    let attempt = || {
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(wait)?;
        connection.execute_batch("begin immediate; rollback")
    };
    attempt().map_err(|error| match error {
        error if is_busy(&error) => WriteTrialError::Locked,
        error => WriteTrialError::Failed(error.to_string()),
    })
}
