//! Tells the host program when a batch has appended events.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;

use crate::database::{Database, DatabaseError, Row, Statement, number};
use crate::fault::Outage;
use crate::platform::Hint;

/// A database that pokes the host program after each batch that has appended events.
pub(crate) struct HintingDatabase {
    pub(crate) inner: Arc<dyn Database>,
    pub(crate) hint: Arc<OnceLock<Arc<dyn Hint>>>,
}

impl HintingDatabase {
    /// The statements that append events return the number of each as `event_seq`.
    fn poke(&self, ended: &Result<Vec<Vec<Row>>, DatabaseError>) {
        let (Ok(rows), Some(hint)) = (ended, self.hint.get()) else { return };
        if let Some(newest) = rows.iter().flatten().filter_map(|row| number(row, "event_seq")).max() {
            hint.poke(newest);
        }
    }
}

#[async_trait]
impl Database for HintingDatabase {
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let ended = self.inner.batch(statements).await;
        self.poke(&ended);
        ended
    }

    async fn batch_without_deadline(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let ended = self.inner.batch_without_deadline(statements).await;
        self.poke(&ended);
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
