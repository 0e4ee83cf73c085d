//! The interface to a database. It runs a list of statements as one atomic batch and returns their rows.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use deckwatch_protocol::{IssueNumber, Timestamp, Track};

pub use crate::fault::DatabaseError;
use crate::fault::Outage;

/// A value for a parameter `?1`, `?2`, … of a statement. Integers are below 2^53, because D1 binds doubles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param {
    /// `null`.
    Null,
    /// An integer.
    Integer(i64),
    /// Text without NUL characters.
    Text(String),
}

/// One row by column name: texts, integers and nulls.
pub type Row = serde_json::Map<String, serde_json::Value>;

/// One SQL statement with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The SQL, with `?1`, `?2`, … for parameters.
    pub sql: Cow<'static, str>,
    /// The parameters in order; at most 100.
    pub params: Vec<Param>,
    /// Whether a power loss may undo the change, for example of a counter. A batch with only such changes does not
    /// wait for the disk.
    pub non_durable: bool,
}

impl Statement {
    /// A statement without parameters.
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), params: Vec::new(), non_durable: false }
    }

    /// A statement with its parameters.
    pub(crate) fn with(sql: impl Into<Cow<'static, str>>, params: Vec<Param>) -> Self {
        Self { params, ..Self::new(sql) }
    }

    /// Marks the change as one that a power loss may undo.
    #[must_use]
    pub fn non_durable(mut self) -> Self {
        self.non_durable = true;
        self
    }

    /// Binds the next parameter.
    #[must_use]
    pub fn bind(mut self, param: impl Into<Param>) -> Self {
        self.params.push(param.into());
        self
    }
}

/// The database interface that both engines implement: SQLite in one process, D1 on Cloudflare.
#[async_trait]
pub trait Database: Send + Sync {
    /// Runs `statements` in order as one transaction and returns the rows of each. If one fails, all are rolled
    /// back. After [`DatabaseError::Unavailable`] the result is unknown.
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError>;

    /// Like [`Self::batch`], for background work. It may wait longer and run longer than a request may.
    async fn batch_without_deadline(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        self.batch(statements).await
    }

    /// Whether batches that only read run in parallel with batches that write. Then a read request uses two batches:
    /// the first counts the request, and the second reads and blocks no write.
    fn has_separate_readers(&self) -> bool {
        false
    }

    /// How long writes have waited for another writer; `None` if they don't wait.
    fn writes_wait(&self) -> Option<Duration> {
        None
    }

    /// Why the database takes no writes until an operator acts, as far as this process knows without asking the
    /// database.
    fn outage(&self) -> Option<Outage> {
        None
    }
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Converts ids and texts of limited length.
impl<T: AsRef<str>> From<&T> for Param {
    fn from(text: &T) -> Self {
        Self::Text(text.as_ref().to_owned())
    }
}

impl From<String> for Param {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Param {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Param {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<Track> for Param {
    fn from(track: Track) -> Self {
        track.get().into()
    }
}

impl From<IssueNumber> for Param {
    fn from(issue: IssueNumber) -> Self {
        issue.get().into()
    }
}

impl From<bool> for Param {
    fn from(flag: bool) -> Self {
        Self::Integer(flag.into())
    }
}

impl From<Timestamp> for Param {
    fn from(time: Timestamp) -> Self {
        Self::Text(time.to_string())
    }
}

impl<T: Into<Self>> From<Option<T>> for Param {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The text in a column, if the row has one.
pub(crate) fn text<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    row.get(column)?.as_str()
}

/// The integer in a column, if the row has one that is not negative.
pub(crate) fn number(row: &Row, column: &str) -> Option<u64> {
    row.get(column)?.as_u64()
}

/// The count in a column, if the row has one.
pub(crate) fn count(row: &Row, column: &str) -> Option<u32> {
    number(row, column).and_then(|n| u32::try_from(n).ok())
}

/// Whether the integer in a column is not 0.
pub(crate) fn flag(row: &Row, column: &str) -> bool {
    number(row, column).is_some_and(|n| n > 0)
}
