//! Runs batches that only read, each on a connection of its own. In WAL mode, a reader does not wait for a writer.
//!
//! Each batch first gets a short time with one of the quick permits. If it needs longer, it is stopped and started
//! again with one of the few long permits. So long reads never take the quick permits of others.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deckwatch_api::{DatabaseError, Statement};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::bounds::{AppliedBounds, Bounds};
use crate::connection::{classify, keep_prepared, rows, set_d1_limits};
use crate::queue::{Rows, may_read};
use crate::wait_limit::{MAX_WAIT, Wait};

/// Maximum number of batches in their first short time. Each has a thread and a connection.
const QUICK_PERMITS: usize = 4;
/// How long a batch may read with a quick permit. A typical one takes some milliseconds in a debug build.
const QUICK_TIME: Duration = Duration::from_millis(100);
/// Maximum number of batches that read longer.
const LONG_PERMITS: usize = 2;

/// The connections that read.
pub(crate) struct Readers {
    idle_connections: Arc<IdleConnections>,
    quick: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

/// Connections that no batch uses at the moment.
struct IdleConnections {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// The result of a batch.
enum BatchResult {
    Done(Rows),
    /// A statement writes. No statement was run.
    Writes,
    /// The batch reached its time limit.
    Stopped(DatabaseError),
}

impl Readers {
    /// Creates the readers of the file at `path`. Connections are opened later.
    pub(crate) fn of(path: &Path) -> Self {
        let idle_connections = IdleConnections { path: path.to_owned(), idle: Mutex::default() };
        let permits = |number| Arc::new(Semaphore::new(number));
        Self {
            idle_connections: Arc::new(idle_connections),
            quick: permits(QUICK_PERMITS),
            long: permits(LONG_PERMITS),
        }
    }

    /// Runs a batch that only reads. Returns `None` if a statement writes. Then no statement was run.
    pub(crate) async fn read(&self, statements: &[Statement], bounds: Bounds) -> Result<Option<Rows>, DatabaseError> {
        if !statements.iter().all(|statement| may_read(&statement.sql)) {
            return Ok(None);
        }
        let batch: Arc<[Statement]> = statements.into();
        let ended = match self.read_in(&self.quick, &batch, bounds.within(QUICK_TIME)).await? {
            BatchResult::Stopped(_) => self.read_in(&self.long, &batch, bounds).await?,
            ended => ended,
        };
        match ended {
            BatchResult::Done(rows) => Ok(Some(rows)),
            BatchResult::Writes => Ok(None),
            BatchResult::Stopped(failure) => Err(failure),
        }
    }

    async fn read_in(
        &self,
        permits: &Arc<Semaphore>,
        batch: &Arc<[Statement]>,
        bounds: Bounds,
    ) -> Result<BatchResult, DatabaseError> {
        let permit = permit(permits).await?;
        let (connections, batch) = (Arc::clone(&self.idle_connections), Arc::clone(batch));
        let reading = tokio::task::spawn_blocking(move || {
            let _place = permit;
            connections.read(&batch, &bounds)
        });
        reading.await.unwrap_or_else(|error| Err(DatabaseError::Failed(error.to_string())))
    }
}

/// Waits for one of `permits`, until the request has used its total wait.
async fn permit(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, DatabaseError> {
    let wait = Wait::begin();
    let permit = tokio::time::timeout_at(wait.until.into(), Arc::clone(permits).acquire_owned()).await;
    permit.ok().and_then(Result::ok).ok_or(DatabaseError::Overloaded(
        "The request did not start within 5 seconds, because other reads took too long.",
    ))
}

impl IdleConnections {
    fn read(&self, statements: &[Statement], bounds: &Bounds) -> Result<BatchResult, DatabaseError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| open(&self.path), Ok);
        let mut connection = connection.map_err(|error| classify(&error))?;
        let held = bounds.apply(&mut connection).map_err(|error| classify(&error))?;
        let result = match snapshot(&connection, statements) {
            Err(error) if held.is_over(&error) => Ok(BatchResult::Stopped(held.failure(&error))),
            Err(error) => Err(held.failure(&error)),
            Ok(rows) => Ok(rows.map_or(BatchResult::Writes, BatchResult::Done)),
        };
        AppliedBounds::release(&mut connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }
}

fn open(path: &Path) -> Result<Connection, rusqlite::Error> {
    // Do not create the file. If it was moved away, an empty database would be wrong.
    let flags = OpenFlags::default() & !OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(MAX_WAIT)?;
    connection.pragma_update(None, "query_only", true)?;
    set_d1_limits(&connection)?;
    keep_prepared(&connection)?;
    Ok(connection)
}

/// The rows of each statement, all from one snapshot.
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
