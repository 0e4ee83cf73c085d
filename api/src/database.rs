//! The one seam to a database: run a list of statements as one atomic batch, return their rows.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use deckwatch_protocol::{IssueNumber, Timestamp, Track};

use crate::fault::Halt;

/// A value bound to `?1`, `?2`, … of a statement. Whole numbers stay below 2^53, as D1 binds doubles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param {
    /// `null`.
    Null,
    /// A whole number.
    Integer(i64),
    /// Text without NUL.
    Text(String),
}

/// One row by column name: text, whole numbers and nulls.
pub type Row = serde_json::Map<String, serde_json::Value>;

/// One statement with what is bound to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The SQL, with `?1`, `?2`, … for parameters.
    pub sql: Cow<'static, str>,
    /// The parameters in order; at most 100.
    pub params: Vec<Param>,
    /// Whether losing power may undo what it changed: a count, a trace. A batch that changes nothing else
    /// need not wait for the disk.
    pub forgettable: bool,
}

impl Statement {
    /// A statement without parameters.
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), params: Vec::new(), forgettable: false }
    }

    /// A statement with its parameters.
    pub(crate) fn with(sql: impl Into<Cow<'static, str>>, params: Vec<Param>) -> Self {
        Self { params, ..Self::new(sql) }
    }

    /// Says that nobody was promised what it changes.
    #[must_use]
    pub fn forgettable(mut self) -> Self {
        self.forgettable = true;
        self
    }

    /// Binds the next parameter.
    #[must_use]
    pub fn bind(mut self, param: impl Into<Param>) -> Self {
        self.params.push(param.into());
        self
    }
}

/// A database that both engines speak: SQLite in one process, D1 on Cloudflare.
#[async_trait]
pub trait Database: Send + Sync {
    /// Runs `statements` in order as one transaction and returns the rows of each. When one fails, none
    /// has happened; after [`DatabaseError::Unavailable`] that is unknown.
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError>;

    /// The same for work that no caller waits for: it may wait and run longer than a request may.
    async fn batch_unhurried(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        self.batch(statements).await
    }

    /// Whether a batch that only reads runs beside those that write. A request that reads then makes two batches, so
    /// that what counts it is committed before it reads and holds up no write.
    fn reads_apart(&self) -> bool {
        false
    }

    /// How long writes have waited by now because something else writes; `None` when they don't.
    fn writes_wait(&self) -> Option<Duration> {
        None
    }

    /// Why it takes no batch that writes until an operator acts, as far as that is known without asking it.
    fn halt(&self) -> Option<Halt> {
        None
    }
}

/// Why a batch failed, with the engine's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// A constraint of the schema stopped it; the words name the constraint. Nothing has happened.
    #[error("constraint: {0}")]
    Constraint(String),
    /// The database can't be reached or is busy; whether the batch happened is unknown.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Too many other batches are under way, as the words say, and this one was not begun or changes nothing. Nothing
    /// has happened.
    #[error("overloaded: {0}")]
    Overloaded(&'static str),
    /// It takes no requests until its quota begins anew or its operator acts. Nothing has happened.
    #[error("halted ({0:?}): {1}")]
    Halted(Halt, String),
    /// A value or a row is larger than the engine takes. Nothing has happened.
    #[error("too large: {0}")]
    TooLarge(String),
    /// Anything else: a bad statement. Nothing has happened.
    #[error("failed: {0}")]
    Failed(String),
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Ids and bounded texts.
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

/// A column of text, if the row has it.
pub(crate) fn text<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    row.get(column)?.as_str()
}

/// A column with a whole number that is not negative, if the row has it.
pub(crate) fn number(row: &Row, column: &str) -> Option<u64> {
    row.get(column)?.as_u64()
}

/// A column with a count, if the row has it.
pub(crate) fn count(row: &Row, column: &str) -> Option<u32> {
    number(row, column).and_then(|n| u32::try_from(n).ok())
}
