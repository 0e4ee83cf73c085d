//! The clock and the random numbers of the isolate.

use std::cell::RefCell;

use deckwatch_api::{Clock, Entropy};
use deckwatch_protocol::Timestamp;

/// The clock: `Date.now()`. The runtime updates it only during I/O, so the time does not change within a computation.
pub(crate) struct JsClock;

impl Clock for JsClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(worker::Date::now().as_millis()).unwrap_or(i64::MAX))
    }
}

/// The source of randomness: `crypto.getRandomValues`.
pub(crate) struct JsEntropy;

/// How many random bytes one call of the runtime returns. A request needs about 30.
const RANDOM_BYTES: usize = 512;

thread_local! {
    /// Random bytes that nothing has used yet.
    static UNUSED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Entropy for JsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        UNUSED.with_borrow_mut(|unused| {
            if unused.len() < bytes.len() {
                unused.resize(RANDOM_BYTES.max(bytes.len()), 0);
                fill_from_runtime(unused);
            }
            let rest = unused.len() - bytes.len();
            bytes.iter_mut().zip(unused.drain(rest..)).for_each(|(byte, random)| *byte = random);
        });
    }
}

fn fill_from_runtime(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        // An id that can be guessed is worse than a failed request. The abort fails only this request.
        log::error!("the runtime returned no random bytes, so this request fails: {error}");
        std::process::abort();
    }
}
