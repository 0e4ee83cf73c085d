//! The clock of this machine.

use std::time::SystemTime;

use deckwatch_protocol::Timestamp;

/// The current time, in whole milliseconds.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
