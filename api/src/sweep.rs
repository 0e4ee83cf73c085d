//! The scheduled sweep: silent sessions abandoned, expired keys, old rate windows and log rows forgotten.

use crate::call::stale_before;
use crate::database::{Database, DatabaseError, Statement};
use crate::store::sweep;
use deckwatch_protocol::Timestamp;

/// Rate windows are kept this long: a clock may lag, but not by an hour.
const RATE_KEPT_SECONDS: i64 = 60 * 60;
/// Log rows are kept for 7 days (DESIGN, section 5).
const LOG_KEPT_SECONDS: i64 = 7 * 24 * 60 * 60;
/// Most rounds of one run; the next run goes on.
const MAX_ROUNDS: usize = 50;
/// Rows that one statement changes at most, as its SQL says.
const CHUNK: usize = 1000;

/// How many rows a sweep has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions abandoned.
    pub sessions: usize,
    /// Idempotency keys forgotten.
    pub keys: usize,
    /// Rate windows forgotten.
    pub rates: usize,
    /// Log rows forgotten.
    pub log: usize,
}

/// Sweeps in chunks, each a batch of its own, so that no request waits long behind one.
pub(crate) async fn run(database: &dyn Database, now: Timestamp) -> Result<Swept, DatabaseError> {
    let mut swept = Swept::default();
    for _ in 0..MAX_ROUNDS {
        let rows = database.batch(&statements(now)).await?;
        let changed: Vec<usize> = rows.iter().map(Vec::len).collect();
        if let [sessions, keys, rates, log] = changed.as_slice() {
            swept.sessions += sessions;
            swept.keys += keys;
            swept.rates += rates;
            swept.log += log;
        }
        if changed.iter().all(|n| *n < CHUNK) {
            break;
        }
    }
    Ok(swept)
}

fn statements(now: Timestamp) -> [Statement; 4] {
    [
        sweep::abandon(stale_before(now), now),
        sweep::forget_keys(now),
        sweep::forget_rates(now.plus_seconds(-RATE_KEPT_SECONDS)),
        sweep::forget_log(now.plus_seconds(-LOG_KEPT_SECONDS)),
    ]
}
