//! A process that keeps a database locked for writing.

use std::path::Path;

use rusqlite::Connection;

/// The lock for writing. Dropping it gives the lock back.
pub struct DatabaseLock {
    _connection: Connection,
}

impl DatabaseLock {
    /// Locks the database of this file.
    pub fn on(database: &Path) -> Self {
        let connection = Connection::open(database).unwrap();
        connection.execute_batch("begin immediate").unwrap();
        Self { _connection: connection }
    }
}
