//! Notices that another connection has changed the database, for a client in this process that watches events.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// A connection that only asks whether the database has changed.
pub struct ChangeObserver {
    connection: Connection,
    version: i64,
}

impl ChangeObserver {
    /// Observes the database at `path`, which exists.
    pub fn open(path: &Path) -> Result<Self, rusqlite::Error> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let version = data_version(&connection)?;
        Ok(Self { connection, version })
    }

    /// Whether another connection, of this process or another one, has changed the database since the last call. It takes
    /// a few microseconds.
    pub fn has_changed(&mut self) -> Result<bool, rusqlite::Error> {
        let version = data_version(&self.connection)?;
        Ok(std::mem::replace(&mut self.version, version) != version)
    }
}

fn data_version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.prepare_cached("pragma data_version")?.query_row([], |row| row.get(0))
}
