//! Implements [`Database`] on one SQLite file. Batches that write run on one thread ([`crate::writer`]). Batches
//! that only read run on separate connections ([`crate::readers`]).
//!
//! Other processes may have the same file open. WAL mode and the busy timeout coordinate them.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use deckwatch_api::fault::Outage;
use deckwatch_api::{Database, DatabaseError, Statement};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::bounds::Bounds;
use crate::connection::{is_busy, keep_prepared, set_d1_limits};
use crate::migrations;
use crate::private_files::make_private;
use crate::queue::{Job, Rows};
use crate::readers::Readers;
use crate::wait_limit::{MAX_WAIT, Wait};
use crate::writer::Writer;

/// The pause between two tries to open a file that another process is creating.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// A database in one file, or in memory for tests.
#[derive(Clone)]
pub struct Sqlite(Arc<Connections>);

struct Connections {
    writer: Writer,
    /// `None` for a database in memory, which has only one connection.
    readers: Option<Readers>,
}

impl Sqlite {
    /// Opens or creates the file, readable only by its owner, and applies the missing migrations.
    pub fn open(path: &Path) -> Result<Self, rusqlite::Error> {
        make_private(path);
        let until = Instant::now() + MAX_WAIT;
        loop {
            match Connection::open(path).and_then(prepare) {
                // Two processes open a new file at the same time. SQLite's busy timeout does not cover the switch to
                // WAL.
                Err(error) if is_busy(&error) && Instant::now() < until => std::thread::sleep(BUSY_PAUSE),
                opened => return Self::on(opened?, Some(Readers::of(path))),
            }
        }
    }

    /// A database that exists only as long as the process.
    pub fn in_memory() -> Result<Self, rusqlite::Error> {
        Self::on(prepare(Connection::open_in_memory()?)?, None)
    }

    fn on(connection: Connection, readers: Option<Readers>) -> Result<Self, rusqlite::Error> {
        Ok(Self(Arc::new(Connections { writer: Writer::start(connection)?, readers })))
    }

    /// Runs `statements` for a synchronous caller. Once they run, they have no time limit.
    pub fn run(&self, statements: &[Statement]) -> Result<Rows, DatabaseError> {
        let (answer, answered) = sync_channel(1);
        let bounds = Bounds::unlimited();
        self.send(statements, &bounds, move |result| drop(answer.send(result)))?;
        let in_time = match answered.recv_timeout(MAX_WAIT) {
            Err(RecvTimeoutError::Timeout) if bounds.cancel() => return Err(self.0.writer.start_timeout()),
            Err(RecvTimeoutError::Timeout) => answered.recv().ok(),
            answered => answered.ok(),
        };
        in_time.unwrap_or_else(|| Err(writer_stopped()))
    }

    async fn run_within(&self, statements: &[Statement], bounds: Bounds) -> Result<Rows, DatabaseError> {
        // It is dropped with this future. Then the batch is not started, or it is interrupted.
        let _caller = bounds.caller();
        if let Some(readers) = &self.0.readers
            && let Some(rows) = readers.read(statements, bounds.clone()).await?
        {
            return Ok(rows);
        }
        let wait = Wait::begin();
        let (answer, mut answered) = oneshot::channel();
        self.send(statements, &bounds, move |result| drop(answer.send(result)))?;
        if bounds.is_request() {
            match tokio::time::timeout_at(wait.until.into(), &mut answered).await {
                Ok(answered) => return answered.unwrap_or_else(|_| Err(writer_stopped())),
                Err(_) if bounds.cancel() => return Err(self.0.writer.start_timeout()),
                // The batch is running, and its time limit will end it.
                Err(_) => {}
            }
        }
        answered.await.unwrap_or_else(|_| Err(writer_stopped()))
    }

    fn send(
        &self,
        statements: &[Statement],
        bounds: &Bounds,
        answer: impl FnOnce(Result<Rows, DatabaseError>) + Send + 'static,
    ) -> Result<(), DatabaseError> {
        self.0.writer.send(Job::new(statements.to_vec(), bounds.clone(), Box::new(answer)))
    }
}

#[async_trait]
impl Database for Sqlite {
    async fn batch(&self, statements: &[Statement]) -> Result<Rows, DatabaseError> {
        self.run_within(statements, Bounds::of_request()).await
    }

    async fn batch_without_deadline(&self, statements: &[Statement]) -> Result<Rows, DatabaseError> {
        self.run_within(statements, Bounds::unlimited()).await
    }

    fn has_separate_readers(&self) -> bool {
        self.0.readers.is_some()
    }

    fn writes_wait(&self) -> Option<Duration> {
        self.0.writer.waits()
    }

    fn outage(&self) -> Option<Outage> {
        self.0.writer.has_stopped().then_some(Outage::Stopped)
    }
}

/// The error when the writer thread stopped before it answered.
fn writer_stopped() -> DatabaseError {
    DatabaseError::Unavailable("the writer thread stopped before it answered the batch".to_owned())
}

fn prepare(mut connection: Connection) -> Result<Connection, rusqlite::Error> {
    connection.busy_timeout(MAX_WAIT)?;
    // In WAL mode, readers continue while one process writes.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrations::apply(&mut connection)?;
    set_d1_limits(&connection)?;
    keep_prepared(&connection)?;
    migrations::index_notes(&mut connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use deckwatch_api::{CompleteBody, Engine, Settings};
    use http::{Request, Response};
    use rusqlite::StatementStatus;

    use super::*;
    use crate::connection::rows;
    use crate::embedded::Embedded;

    const KEY: &str = "the-context-key-of-a-test";

    async fn get(engine: &Embedded, path: &str) -> Response<Bytes> {
        let request = Request::get(path).header("authorization", format!("Bearer {KEY}")).body(CompleteBody::default());
        tokio::time::timeout(Duration::from_secs(1), engine.call(request.unwrap())).await.expect("no request hangs")
    }

    #[test]
    fn a_statement_is_prepared_once_whatever_its_values() {
        let connection = prepare(Connection::open_in_memory().unwrap()).unwrap();
        connection.execute_batch("create temp table kept (n text collate nocase primary key) strict").unwrap();
        // Their plans may depend on the value.
        for sql in ["select n from kept where n like ?1", "select n from kept where n > ?1"] {
            for value in ["a", "b", "c%"] {
                rows(&connection, &Statement::new(sql).bind(value)).unwrap();
            }
            let kept = connection.prepare_cached(sql).unwrap();
            let counts = [StatementStatus::Run, StatementStatus::RePrepare].map(|count| kept.get_status(count));
            assert_eq!(counts, [3, 0], "{sql}");
        }
    }

    #[tokio::test]
    async fn health_fails_and_no_request_hangs_after_the_writer_thread_stops() {
        let folder = tempfile::TempDir::new().unwrap();
        let database = Sqlite::open(&folder.path().join("context.db")).unwrap();
        let settings =
            Settings::from_vars(Engine::Embedded, |name| (name == "CONTEXT_API_KEY").then(|| KEY.to_owned()));
        let engine = Embedded::on(database.clone(), settings.unwrap());
        assert_eq!(get(&engine, "/health").await.status(), 200);
        // No request can make the thread panic, so this test panics in the callback.
        let begin = [Statement::new("select 1 as one")];
        database.send(&begin, &Bounds::of_request(), |_| panic!("a test's panic")).unwrap();
        // This batch waits in the queue, or it comes too late.
        let write = [Statement::new("update ventures set name = name")];
        let waited =
            tokio::time::timeout(Duration::from_secs(1), database.batch(&write)).await.expect("no batch hangs");
        assert!(matches!(waited, Err(DatabaseError::Unavailable(_) | DatabaseError::Outage(Outage::Stopped, _))));
        while database.outage().is_none() {
            tokio::task::yield_now().await;
        }
        for path in ["/health", "/v1/ventures"] {
            let answer = get(&engine, path).await;
            assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (503, true), "{path}");
            assert!(String::from_utf8_lossy(answer.body()).contains("Restart the program"), "{path}");
        }
    }
}
