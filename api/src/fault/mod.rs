//! Classifies the errors of a database engine: a schema rule, a short failure to retry, a longer outage, or an
//! internal error.
//!
//! Both engines report SQLite result codes, one by number and one by name, so one table covers both. D1 also has
//! errors without a code. They are recognized by their text. An unknown error is an internal error, a 500.

mod violated;

use deckwatch_protocol::Timestamp;

pub use self::violated::Violated;

/// Why a batch failed: the violated constraint, or the message of the engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// A statement violated a constraint of the schema. Nothing was changed.
    #[error("constraint: {0}")]
    Constraint(Violated),
    /// The database is busy or not reachable. It is unknown whether the batch was committed.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Too many other batches are running, as the message says. This batch did not start, or it changes nothing.
    /// Nothing was changed.
    #[error("overloaded: {0}")]
    Overloaded(&'static str),
    /// The database takes no requests until its quota resets or its operator acts. Nothing was changed.
    #[error("outage ({0:?}): {1}")]
    Outage(Outage, String),
    /// A value or a row is larger than the engine allows. Nothing was changed.
    #[error("too large: {0}")]
    TooLarge(String),
    /// Any other error, such as a bad statement. Nothing was changed.
    #[error("failed: {0}")]
    Failed(String),
}

/// Why a database takes no requests until something changes. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// The daily quota of the hosting plan is used up. It resets at 00:00 UTC.
    DailyQuota,
    /// The disk, the database or the account is full.
    Full,
    /// The database is not usable until its operator repairs it: the file is damaged or read-only.
    Broken,
    /// The writer thread of the program stopped because of a bug. A restart helps.
    Stopped,
}

/// How long clients should not call a full or broken database: a person must act first.
const OPERATOR_SECONDS: u64 = 5 * 60;
const DAY_SECONDS: u64 = 24 * 60 * 60;

impl Outage {
    /// The message for the caller, without the message of the engine.
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::DailyQuota => {
                "The daily quota of the database is used up. It resets at 00:00 UTC. Nothing was stored. Repeat the \
                 request after that time with the same idempotency key, or ask the operator of the API for a larger \
                 quota."
            }
            Self::Full => {
                "The database is full: its disk or its plan has no space left. Nothing was stored. Ask the operator \
                 of the API to free some space, then repeat the request with the same idempotency key."
            }
            Self::Broken => {
                "The database is damaged or read-only. Nothing was stored. Ask the operator of the API to repair it \
                 and give the operator the correlation id. Then repeat the request with the same idempotency key."
            }
            Self::Stopped => {
                "The writer thread of the database stopped because of a bug in this program. Nothing was stored. \
                 Restart the program (`deckwatch-server`, or the agent whose process runs the engine), then repeat \
                 the request with the same idempotency key."
            }
        }
    }

    /// The seconds until the next try: until the quota resets, or a few minutes.
    pub(crate) fn retry_after_seconds(self, now: Timestamp) -> u64 {
        match self {
            Self::DailyQuota => {
                let seconds = u64::try_from(now.as_millis().div_euclid(1000)).unwrap_or_default();
                DAY_SECONDS - seconds % DAY_SECONDS
            }
            Self::Full | Self::Broken | Self::Stopped => OPERATOR_SECONDS,
        }
    }
}

/// The meaning of one SQLite result code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A rule of the schema.
    Constraint,
    /// A failure that ends within seconds.
    Passing,
    /// A failure that lasts.
    Outage(Outage),
    /// A value, a row or a statement is larger than the engine allows.
    TooLarge,
    /// An internal error.
    Failed,
}

/// Every primary result code of SQLite that is an error, by number and name.
const CODES: &[(i32, &str, Class)] = &[
    (1, "ERROR", Class::Failed),
    (2, "INTERNAL", Class::Failed),
    (3, "PERM", Class::Outage(Outage::Broken)),
    (4, "ABORT", Class::Passing),
    (5, "BUSY", Class::Passing),
    (6, "LOCKED", Class::Passing),
    (7, "NOMEM", Class::Passing),
    (8, "READONLY", Class::Outage(Outage::Broken)),
    (9, "INTERRUPT", Class::Passing),
    (10, "IOERR", Class::Outage(Outage::Broken)),
    (11, "CORRUPT", Class::Outage(Outage::Broken)),
    (12, "NOTFOUND", Class::Failed),
    (13, "FULL", Class::Outage(Outage::Full)),
    (14, "CANTOPEN", Class::Outage(Outage::Broken)),
    (15, "PROTOCOL", Class::Passing),
    (16, "EMPTY", Class::Failed),
    (17, "SCHEMA", Class::Passing),
    (18, "TOOBIG", Class::TooLarge),
    (19, "CONSTRAINT", Class::Constraint),
    (20, "MISMATCH", Class::Failed),
    (21, "MISUSE", Class::Failed),
    (22, "NOLFS", Class::Outage(Outage::Full)),
    (23, "AUTH", Class::Failed),
    (24, "FORMAT", Class::Failed),
    (25, "RANGE", Class::Failed),
    (26, "NOTADB", Class::Outage(Outage::Broken)),
    (27, "NOTICE", Class::Failed),
    (28, "WARNING", Class::Failed),
];

/// Extended codes with another meaning than their primary code: a lock that another process holds, memory, and files
/// that another process is recovering.
const EXTENDED: &[(i32, &str, Class)] = &[
    (264, "READONLY_RECOVERY", Class::Passing),
    (520, "READONLY_CANTLOCK", Class::Passing),
    (2058, "IOERR_UNLOCK", Class::Passing),
    (2314, "IOERR_RDLOCK", Class::Passing),
    (2826, "IOERR_BLOCKED", Class::Passing),
    (3082, "IOERR_NOMEM", Class::Passing),
    (3594, "IOERR_CHECKRESERVEDLOCK", Class::Passing),
    (3850, "IOERR_LOCK", Class::Passing),
    (5130, "IOERR_SHMLOCK", Class::Passing),
    (8458, "IOERR_IN_PAGE", Class::Outage(Outage::Broken)),
];

/// Classifies an SQLite error by its extended result code.
pub fn of_sqlite_code(extended: i32, message: String) -> DatabaseError {
    let listed =
        |table: &[(i32, &str, Class)], code| table.iter().find(|(number, ..)| *number == code).map(|row| row.2);
    let class = listed(EXTENDED, extended).or_else(|| listed(CODES, extended & 0xff));
    class.unwrap_or(Class::Failed).error(message)
}

/// Classifies a D1 message. An SQLite error has the form `D1_ERROR: <SQLite message>: SQLITE_<CODE> (extended:
/// SQLITE_<CODE>)`. Other D1 errors are plain text.
pub fn of_d1_message(message: &str) -> DatabaseError {
    let message = message.strip_prefix("D1_ERROR: ").unwrap_or(message);
    match message.split_once(": SQLITE_") {
        Some((message, codes)) => of_names(codes).error(message.to_owned()),
        None => of_prose(message).error(message.to_owned()),
    }
}

/// Uses the extended code if the message has one, else the primary code.
fn of_names(codes: &str) -> Class {
    let names =
        codes.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(|name| name.trim_start_matches("SQLITE_"));
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    let extended = names.iter().find_map(|name| EXTENDED.iter().find(|(_, extended, _)| extended == name));
    let primary = || {
        let of = |name: &str| name.split('_').next().unwrap_or_default().to_owned();
        names.first().and_then(|name| CODES.iter().find(|(_, primary, _)| *primary == of(name)))
    };
    extended.or_else(primary).map_or(Class::Failed, |row| row.2)
}

/// Errors of D1 and of its Durable Object that have no code. Each entry is a part of the sentence that all versions
/// of the sentence have. The first match counts.
const PROSE: &[(&str, Class)] = &[
    ("constraint failed", Class::Constraint),
    ("free tier daily", Class::Outage(Outage::DailyQuota)),
    ("in Durable Objects free tier", Class::Outage(Outage::DailyQuota)),
    ("xceeded maximum DB size", Class::Outage(Outage::Full)),
    ("maximum account storage limit", Class::Outage(Outage::Full)),
    ("database or disk is full", Class::Outage(Outage::Full)),
    ("string or blob too big", Class::TooLarge),
    ("Network connection lost", Class::Passing),
    ("client disconnected", Class::Passing),
    ("disconnected from primary", Class::Passing),
    ("object to be reset", Class::Passing),
    ("was reset", Class::Passing),
    ("reset because", Class::Passing),
    ("transient issue", Class::Passing),
    ("overloaded", Class::Passing),
    ("nternal error", Class::Passing),
    // A query ran longer than 30 s.
    ("xceeded timeout", Class::Passing),
    ("Failed to parse body as JSON", Class::Passing),
    // This limit applies to one invocation. The next request starts with a new count.
    ("by single worker invocation", Class::Passing),
    ("by single Worker invocation", Class::Passing),
    ("Too many subrequests", Class::Passing),
];

fn of_prose(message: &str) -> Class {
    PROSE.iter().find(|(sign, _)| message.contains(sign)).map_or(Class::Failed, |(_, class)| *class)
}

impl Class {
    fn error(self, message: String) -> DatabaseError {
        match self {
            Self::Constraint => DatabaseError::Constraint(Violated::parse(&message)),
            Self::Passing => DatabaseError::Unavailable(message),
            Self::Outage(outage) => DatabaseError::Outage(outage, message),
            Self::TooLarge => DatabaseError::TooLarge(message),
            Self::Failed => DatabaseError::Failed(message),
        }
    }
}

#[cfg(test)]
mod tests;
