//! The clock and the dice of the isolate.

use deckwatch_api::{Clock, Entropy};
use deckwatch_protocol::Timestamp;

/// `Date.now()`. Workers freeze it between I/O, so every moment of one computation is the same.
pub(crate) struct JsClock;

impl Clock for JsClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(worker::Date::now().as_millis()).unwrap_or(i64::MAX))
    }
}

/// `crypto.getRandomValues`.
pub(crate) struct JsEntropy;

impl Entropy for JsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // An id that could be guessed is worse than a failed request: the trap fails this one only.
            log::error!("the runtime gave no random bytes: {error}");
            std::process::abort();
        }
    }
}
