//! Remembers the result of the last write. Reads can succeed while the write quota is used up or the disk is full,
//! so a database that answers reads may still be unhealthy.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use deckwatch_protocol::Timestamp;

use crate::database::{Database, DatabaseError, Row, Statement};
use crate::fault::Outage;
use crate::platform::Clock;

/// Why the last write failed. It is empty after a successful write.
#[derive(Debug, Default)]
pub struct LastOutage(Mutex<Option<(Outage, Timestamp)>>);

impl LastOutage {
    /// Why the database takes no writes at `now`. A failure counts only until its retry time is over.
    pub(crate) fn at(&self, now: Timestamp) -> Option<Outage> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|(outage, since)| now.seconds_since(*since) < outage.retry_after_seconds(*since))
            .map(|(outage, _)| outage)
    }

    fn set(&self, outage: Option<(Outage, Timestamp)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = outage;
    }
}

/// A database that remembers why its last write failed.
pub(crate) struct TrackedDatabase {
    pub(crate) inner: Arc<dyn Database>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) last: Arc<LastOutage>,
}

impl TrackedDatabase {
    /// Remembers the result of a batch of these statements.
    fn remember(&self, statements: &[Statement], ended: &Result<Vec<Vec<Row>>, DatabaseError>) {
        match ended {
            Err(DatabaseError::Outage(outage, _)) => self.last.set(Some((*outage, self.clock.now()))),
            Ok(_) if statements.iter().any(writes) => self.last.set(None),
            _ => {}
        }
    }
}

#[async_trait]
impl Database for TrackedDatabase {
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let ended = self.inner.batch(statements).await;
        self.remember(statements, &ended);
        ended
    }

    async fn batch_without_deadline(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let ended = self.inner.batch_without_deadline(statements).await;
        self.remember(statements, &ended);
        ended
    }

    fn has_separate_readers(&self) -> bool {
        self.inner.has_separate_readers()
    }

    fn writes_wait(&self) -> Option<Duration> {
        self.inner.writes_wait()
    }

    fn outage(&self) -> Option<Outage> {
        self.inner.outage()
    }
}

/// Whether a statement may change something. Only a write shows that the database takes writes.
fn writes(statement: &Statement) -> bool {
    !statement.sql.trim_start().get(..6).is_some_and(|verb| verb.eq_ignore_ascii_case("select"))
}
