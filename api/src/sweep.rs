//! The scheduled sweep: it marks silent sessions as abandoned, deletes expired keys, old rate limit windows, old
//! log rows, old events, old messages and old tokens of agents, and indexes notes that are older than the index.

use deckwatch_protocol::{Event, Recipient, StateEntry, Timestamp};

use crate::call::{mint_message_id, stale_before};
use crate::database::{Database, DatabaseError, Statement};
use crate::platform::{Clock, Entropy};
use crate::store::sweep::{self, SweepCounts, SweepRun};
use crate::store::{
    agent_token, claim, classification, event, github_delivery, message_sweep, note_index, session_event, shared_state,
};

/// Rate limit windows are kept this long: a clock may be late, but not by an hour.
const RATE_RETENTION_SECONDS: i64 = 60 * 60;
/// Log rows are kept for 7 days (DESIGN, section 5).
const LOG_RETENTION_SECONDS: i64 = 7 * 24 * 60 * 60;
/// Decisions of the classifier are kept for a year.
const CLASSIFICATION_RETENTION_SECONDS: i64 = 365 * 24 * 60 * 60;
/// Events are kept for 30 days (DESIGN, section 7).
const EVENT_RETENTION_SECONDS: i64 = Event::KEPT_DAYS * 24 * 60 * 60;
/// Version numbers of deleted keys of the shared state are kept for 30 days.
const STATE_RETENTION_SECONDS: i64 = StateEntry::DELETED_DAYS * 24 * 60 * 60;
/// Tokens of agents are kept for 30 days after they have expired: an agent that starts again by then stays the same actor, so
/// that the writes that it has queued are its own.
const TOKEN_RETENTION_SECONDS: i64 = Recipient::KNOWN_DAYS * 24 * 60 * 60;
/// Maximum number of rounds of one run. The next run continues. With the record of each round and the notes indexed
/// and the messages at the end, a run stays below the 50 queries that Cloudflare's free plan allows per invocation.
const MAX_ROUNDS: usize = 3;
/// Maximum number of rows that one statement changes. The SQL has the same limit.
const CHUNK: usize = 1000;

/// Sweeps in chunks. Each chunk is a batch of its own, so no request waits long, and an interrupted run keeps its
/// finished chunks. The record is updated with every chunk and completed at the end.
pub(crate) async fn run(
    database: &dyn Database,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<SweepRun, DatabaseError> {
    let started_at = clock.now();
    let mut run = SweepRun { started_at, finished_at: None, more: true, swept: SweepCounts::default() };
    for round in 0..MAX_ROUNDS {
        let mut statements = statements(&run).to_vec();
        statements.extend(claim::release_in_sweep(stale_before(started_at), started_at));
        if round == 0 {
            // Few of these rows are written, so one chunk of each per run is enough.
            statements.extend(forget_deliveries(started_at));
            statements.push(agent_token::forget(started_at.plus_seconds(-TOKEN_RETENTION_SECONDS)));
            statements.extend(shared_state::forget(started_at.plus_seconds(-STATE_RETENTION_SECONDS)));
        }
        let rows = database.batch_without_deadline(&statements).await?;
        let changed: Vec<usize> = rows.iter().map(Vec::len).collect();
        if let [_record, _lost, sessions, keys, rates, log, events, ..] = changed.as_slice() {
            run.swept.sessions += sessions;
            run.swept.keys += keys;
            run.swept.rates += rates;
            run.swept.log += log;
            run.swept.events += events;
        }
        run.more = changed.iter().any(|n| *n >= CHUNK);
        if !run.more {
            break;
        }
    }
    run.more |= sweep_messages(database, &mut run, entropy).await?;
    run.more |= index(database).await?;
    let finished_at = clock.now();
    run.finished_at = Some(finished_at);
    database.batch_without_deadline(&[sweep::correct_ahead(finished_at), sweep::record(&run)]).await?;
    Ok(run)
}

/// Ends, tells and deletes what is due among the messages. Returns whether there may be more.
async fn sweep_messages(
    database: &dyn Database,
    run: &mut SweepRun,
    entropy: &dyn Entropy,
) -> Result<bool, DatabaseError> {
    let now = run.started_at;
    let statements = message_sweep::statements(now, stale_before(now), &mint_message_id(now, entropy));
    let rows = database.batch_without_deadline(&statements).await?;
    let [.., deleted, kept, _rates] = rows.as_slice() else { return Ok(false) };
    run.swept.messages += deleted.len();
    Ok(deleted.len() + kept.len() >= message_sweep::CHUNK)
}

/// Indexes some of the waiting notes. Returns whether there were any, because then there may be more.
async fn index(database: &dyn Database) -> Result<bool, DatabaseError> {
    let waiting = database.batch(&[note_index::waiting()]).await?.into_iter().next().unwrap_or_default();
    if !waiting.is_empty() {
        database.batch(&note_index::indexed(&waiting)).await?;
    }
    Ok(!waiting.is_empty())
}

/// Deletes deliveries from GitHub and decisions of the classifier whose time has come.
fn forget_deliveries(now: Timestamp) -> [Statement; 2] {
    let decided_before = now.plus_seconds(-CLASSIFICATION_RETENTION_SECONDS);
    [github_delivery::forget(now), classification::forget(decided_before)]
}

fn statements(run: &SweepRun) -> [Statement; 7] {
    let now = run.started_at;
    [
        sweep::record(run),
        session_event::lost_in_sweep(stale_before(now), now),
        sweep::abandon(stale_before(now), now),
        sweep::forget_keys(now),
        sweep::forget_rates(now.plus_seconds(-RATE_RETENTION_SECONDS)),
        sweep::forget_log(now.plus_seconds(-LOG_RETENTION_SECONDS)),
        event::forget(now.plus_seconds(-EVENT_RETENTION_SECONDS)),
    ]
}
