//! The clock and the random source of the operating system.

use std::time::{SystemTime, UNIX_EPOCH};

use deckwatch_api::{Clock, Entropy};
use deckwatch_protocol::Timestamp;

/// The system clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 1970. The time is wrong, but the program can run.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The random source of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Ids stay unique through their time and the primary keys of the schema. Only jitter is lost.
            log::error!("could not get random bytes from the operating system: {error}");
        }
    }
}
