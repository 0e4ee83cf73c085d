//! [`Database`] on one SQLite file: one connection, each batch an immediate transaction.
//!
//! Other processes may have the same file open; WAL and the busy timeout make them take turns.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use deckwatch_api::{Database, DatabaseError, Param, Row, Statement, fault};
use rusqlite::limits::Limit;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, TransactionBehavior, params_from_iter};

use crate::migrations;

/// How long a batch waits for another process to finish its own.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two tries to open a file that another process is making.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// A database in one file, or in memory for tests.
#[derive(Clone)]
pub struct Sqlite(Arc<Mutex<Connection>>);

impl Sqlite {
    /// Opens or creates the file, and brings it to the newest migration.
    pub fn open(path: &Path) -> Result<Self, rusqlite::Error> {
        let until = Instant::now() + BUSY_TIMEOUT;
        loop {
            match Connection::open(path).and_then(Self::prepare) {
                // Two processes that open a new file at once: SQLite has no patience of its own while one of
                // them makes it a WAL database.
                Err(error) if is_busy(&error) && Instant::now() < until => std::thread::sleep(BUSY_PAUSE),
                opened => return opened,
            }
        }
    }

    /// A database that ends with the process.
    pub fn in_memory() -> Result<Self, rusqlite::Error> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(mut connection: Connection) -> Result<Self, rusqlite::Error> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // WAL lets readers go on while one process writes.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        migrations::apply(&mut connection)?;
        limit_as_d1_does(&connection)?;
        connection.set_prepared_statement_cache_capacity(64);
        migrations::index_notes(&mut connection)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Runs `statements` on the thread of the caller.
    pub fn run(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        // A panic while the lock was held has rolled its transaction back.
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        transact(&mut connection, statements).map_err(|error| classify(&error))
    }
}

#[async_trait]
impl Database for Sqlite {
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let database = self.clone();
        let statements = statements.to_vec();
        let done = tokio::task::spawn_blocking(move || database.run(&statements)).await;
        done.unwrap_or_else(|error| Err(DatabaseError::Failed(error.to_string())))
    }
}

pub(crate) fn transact(
    connection: &mut Connection,
    statements: &[Statement],
) -> Result<Vec<Vec<Row>>, rusqlite::Error> {
    // FULL makes an acknowledged write survive power loss; what may be forgotten does not wait for the disk.
    let synchronous = if must_last(connection, statements)? { "full" } else { "normal" };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // Immediate: a batch that reads first and writes later would fail when another process wrote between.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let rows = statements.iter().map(|statement| rows(&transaction, statement)).collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(rows)
}

/// Whether some statement changes what must not be forgotten.
fn must_last(connection: &Connection, statements: &[Statement]) -> Result<bool, rusqlite::Error> {
    for statement in statements.iter().filter(|statement| !statement.forgettable) {
        if !connection.prepare_cached(&statement.sql)?.readonly() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn rows(connection: &Connection, statement: &Statement) -> Result<Vec<Row>, rusqlite::Error> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let params = statement.params.iter().map(|param| match param {
        Param::Null => Value::Null,
        Param::Integer(number) => Value::Integer(*number),
        Param::Text(text) => Value::Text(text.clone()),
    });
    let mut cursor = prepared.query(params_from_iter(params))?;
    let mut rows = Vec::new();
    while let Some(row) = cursor.next()? {
        let values = columns.iter().enumerate().map(|(n, column)| Ok((column.clone(), json(row.get_ref(n)?))));
        rows.push(values.collect::<Result<Row, rusqlite::Error>>()?);
    }
    Ok(rows)
}

fn json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned().into(),
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn classify(error: &rusqlite::Error) -> DatabaseError {
    match error.sqlite_error() {
        Some(code) => fault::of_sqlite_code(code.extended_code, error.to_string()),
        None => DatabaseError::Failed(error.to_string()),
    }
}

/// The limits of D1, so that a statement which is too much for the other engine fails here too.
fn limit_as_d1_does(connection: &Connection) -> Result<(), rusqlite::Error> {
    let limits = [
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_LENGTH, 2_000_000),
        (Limit::SQLITE_LIMIT_COLUMN, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
    ];
    for (limit, value) in limits {
        connection.set_limit(limit, value)?;
    }
    Ok(())
}
