//! The scheduled sweep: silent sessions abandoned, expired keys, old rate windows and log rows forgotten, notes indexed that
//! were there before their index.

use crate::call::stale_before;
use crate::database::{Database, DatabaseError, Statement};
use crate::platform::Clock;
use crate::store::note_index;
use crate::store::sweep::{self, Run, Swept};

/// Rate windows are kept this long: a clock may lag, but not by an hour.
const RATE_KEPT_SECONDS: i64 = 60 * 60;
/// Log rows are kept for 7 days (DESIGN, section 5).
const LOG_KEPT_SECONDS: i64 = 7 * 24 * 60 * 60;
/// Most rounds of one run; the next run goes on. With the record of each and the notes that are indexed at the end, a run
/// stays below the 50 queries that Cloudflare's free plan grants an invocation.
const MAX_ROUNDS: usize = 8;
/// Rows that one statement changes at most, as its SQL says.
const CHUNK: usize = 1000;

/// Sweeps in chunks, each a batch of its own, so that no request waits long behind one, and a run that is
/// cut off has done what it did. The record says so: it is written with every chunk, and finished at the end.
pub(crate) async fn run(database: &dyn Database, clock: &dyn Clock) -> Result<Swept, DatabaseError> {
    let started_at = clock.now();
    let mut run = Run { started_at, finished_at: None, more: true, swept: Swept::default() };
    for _ in 0..MAX_ROUNDS {
        let rows = database.batch_unhurried(&statements(&run)).await?;
        let changed: Vec<usize> = rows.iter().map(Vec::len).collect();
        if let [_record, sessions, keys, rates, log] = changed.as_slice() {
            run.swept.sessions += sessions;
            run.swept.keys += keys;
            run.swept.rates += rates;
            run.swept.log += log;
        }
        run.more = changed.iter().any(|n| *n >= CHUNK);
        if !run.more {
            break;
        }
    }
    run.more |= index(database).await?;
    let finished_at = clock.now();
    run.finished_at = Some(finished_at);
    database.batch_unhurried(&[sweep::correct_ahead(finished_at), sweep::record(&run)]).await?;
    Ok(run.swept)
}

/// Indexes some of the notes that wait for it, and returns whether there were any: then there may be more.
async fn index(database: &dyn Database) -> Result<bool, DatabaseError> {
    let waiting = database.batch(&[note_index::waiting()]).await?.into_iter().next().unwrap_or_default();
    if !waiting.is_empty() {
        database.batch(&note_index::indexed(&waiting)).await?;
    }
    Ok(!waiting.is_empty())
}

fn statements(run: &Run) -> [Statement; 5] {
    let now = run.started_at;
    [
        sweep::record(run),
        sweep::abandon(stale_before(now), now),
        sweep::forget_keys(now),
        sweep::forget_rates(now.plus_seconds(-RATE_KEPT_SECONDS)),
        sweep::forget_log(now.plus_seconds(-LOG_KEPT_SECONDS)),
    ]
}
