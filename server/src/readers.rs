//! Batches that only read, each on a connection of its own: in WAL, a reader waits for no writer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use deckwatch_api::{DatabaseError, Row, Statement};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use crate::bounds::{Bounds, Held};
use crate::database::{PATIENCE, STATEMENTS_KEPT, classify, limit_as_d1_does, rows};

/// Most batches that read at once; each has a thread and a connection.
const MOST_READERS: usize = 4;

/// The connections that read.
pub(crate) struct Readers {
    shelf: Arc<Shelf>,
    places: Arc<Semaphore>,
}

/// Connections that no batch uses at the moment.
struct Shelf {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Readers of the file at `path`. None of them is opened yet.
    pub(crate) fn of(path: &Path) -> Self {
        let shelf = Shelf { path: path.to_owned(), idle: Mutex::default() };
        Self { shelf: Arc::new(shelf), places: Arc::new(Semaphore::new(MOST_READERS)) }
    }

    /// Runs a batch that only reads; `None` when a statement writes, and nothing has been run.
    pub(crate) async fn read(
        &self,
        statements: &[Statement],
        bounds: Bounds,
    ) -> Result<Option<Vec<Vec<Row>>>, DatabaseError> {
        if !statements.iter().all(|statement| may_read(&statement.sql)) {
            return Ok(None);
        }
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| DatabaseError::Unavailable("too many batches read at once".to_owned()))?;
        let (connections, batch) = (Arc::clone(&self.shelf), statements.to_vec());
        let reading = tokio::task::spawn_blocking(move || {
            let _place = place;
            connections.read(&batch, &bounds)
        });
        reading.await.unwrap_or_else(|error| Err(DatabaseError::Failed(error.to_string())))
    }
}

impl Shelf {
    fn read(&self, statements: &[Statement], bounds: &Bounds) -> Result<Option<Vec<Vec<Row>>>, DatabaseError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| open(&self.path), Ok);
        let mut connection = connection.map_err(|error| classify(&error))?;
        let held = bounds.hold(&mut connection).map_err(|error| classify(&error))?;
        let result = snapshot(&connection, statements).map_err(|error| held.failure(&error));
        Held::release(&mut connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }
}

/// Whether a statement can be a read by its first word. SQLite has the last word on it: a `with` may end in a write.
fn may_read(sql: &str) -> bool {
    let word = sql.split_ascii_whitespace().next().unwrap_or_default();
    ["select", "with"].iter().any(|read| word.eq_ignore_ascii_case(read))
}

fn open(path: &Path) -> Result<Connection, rusqlite::Error> {
    // Not created: a file that was moved away is no empty database.
    let flags = OpenFlags::default() & !OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "query_only", true)?;
    limit_as_d1_does(&connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

/// The rows of each statement, all from one moment.
fn snapshot(connection: &Connection, statements: &[Statement]) -> Result<Option<Vec<Vec<Row>>>, rusqlite::Error> {
    for statement in statements {
        if !connection.prepare_cached(&statement.sql)?.readonly() {
            return Ok(None);
        }
    }
    let transaction = connection.unchecked_transaction()?;
    let read = statements.iter().map(|statement| rows(&transaction, statement)).collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(Some(read))
}
