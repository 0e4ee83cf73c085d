//! Batches that only read, each on a connection of its own: in WAL, a reader waits for no writer.
//!
//! Each batch first gets a short time in one of the quick places. One that needs longer is stopped and begun again in one
//! of the few long places. So long reads, however many there are, leave the quick places to others.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deckwatch_api::{DatabaseError, Statement};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::bounds::{Bounds, Held};
use crate::database::{STATEMENTS_KEPT, classify, limit_as_d1_does, rows};
use crate::patience::{PATIENCE, Wait};
use crate::queue::Rows;

/// Most batches at once that have only begun to read; each has a thread and a connection.
const QUICK_PLACES: usize = 4;
/// How long a batch may read in a quick place. An ordinary one takes some milliseconds in a debug build.
const QUICK: Duration = Duration::from_millis(100);
/// Most batches at once that read for longer.
const LONG_PLACES: usize = 2;

/// The connections that read.
pub(crate) struct Readers {
    shelf: Arc<Shelf>,
    quick: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

/// Connections that no batch uses at the moment.
struct Shelf {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// How a batch ended.
enum Ended {
    With(Rows),
    /// A statement writes; nothing was run.
    Writes,
    /// It ran up to its ceiling.
    Stopped(DatabaseError),
}

impl Readers {
    /// Readers of the file at `path`. None of them is opened yet.
    pub(crate) fn of(path: &Path) -> Self {
        let shelf = Shelf { path: path.to_owned(), idle: Mutex::default() };
        let places = |number| Arc::new(Semaphore::new(number));
        Self { shelf: Arc::new(shelf), quick: places(QUICK_PLACES), long: places(LONG_PLACES) }
    }

    /// Runs a batch that only reads; `None` when a statement writes, and nothing has been run.
    pub(crate) async fn read(&self, statements: &[Statement], bounds: Bounds) -> Result<Option<Rows>, DatabaseError> {
        if !statements.iter().all(|statement| may_read(&statement.sql)) {
            return Ok(None);
        }
        let batch: Arc<[Statement]> = statements.into();
        let ended = match self.read_in(&self.quick, &batch, bounds.within(QUICK)).await? {
            Ended::Stopped(_) => self.read_in(&self.long, &batch, bounds).await?,
            ended => ended,
        };
        match ended {
            Ended::With(rows) => Ok(Some(rows)),
            Ended::Writes => Ok(None),
            Ended::Stopped(failure) => Err(failure),
        }
    }

    async fn read_in(
        &self,
        places: &Arc<Semaphore>,
        batch: &Arc<[Statement]>,
        bounds: Bounds,
    ) -> Result<Ended, DatabaseError> {
        let place = place(places).await?;
        let (connections, batch) = (Arc::clone(&self.shelf), Arc::clone(batch));
        let reading = tokio::task::spawn_blocking(move || {
            let _place = place;
            connections.read(&batch, &bounds)
        });
        reading.await.unwrap_or_else(|error| Err(DatabaseError::Failed(error.to_string())))
    }
}

/// Waits for one of `places`, until the request has waited for as long as it may.
async fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, DatabaseError> {
    let wait = Wait::begin();
    let place = tokio::time::timeout_at(wait.until.into(), Arc::clone(places).acquire_owned()).await;
    place.ok().and_then(Result::ok).ok_or(DatabaseError::Overloaded(
        "Other requests read for so long that this one was not begun within 5 seconds.",
    ))
}

impl Shelf {
    fn read(&self, statements: &[Statement], bounds: &Bounds) -> Result<Ended, DatabaseError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| open(&self.path), Ok);
        let mut connection = connection.map_err(|error| classify(&error))?;
        let held = bounds.hold(&mut connection).map_err(|error| classify(&error))?;
        let result = match snapshot(&connection, statements) {
            Err(error) if held.is_over(&error) => Ok(Ended::Stopped(held.failure(&error))),
            Err(error) => Err(held.failure(&error)),
            Ok(rows) => Ok(rows.map_or(Ended::Writes, Ended::With)),
        };
        Held::release(&mut connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }
}

/// Whether a statement can be a read by its first word. SQLite has the last word on it: a `with` may end in a write.
pub(crate) fn may_read(sql: &str) -> bool {
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
fn snapshot(connection: &Connection, statements: &[Statement]) -> Result<Option<Rows>, rusqlite::Error> {
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
