//! The rows that the scheduled sweep changes or deletes, at most 1,000 per statement.

use deckwatch_protocol::Timestamp;

use super::session::MAX_CLOCK_SKEW_SECONDS;
use super::statements;
use crate::database::{Param, Statement};

/// How many rows a sweep has changed or deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepCounts {
    /// Sessions marked as abandoned.
    pub sessions: usize,
    /// Idempotency keys deleted.
    pub keys: usize,
    /// Rate limit windows deleted.
    pub rates: usize,
    /// Log rows deleted.
    pub log: usize,
    /// Events deleted.
    pub events: usize,
    /// Messages deleted.
    pub messages: usize,
}

/// The current state of a run, for its record.
pub(crate) struct SweepRun {
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Option<Timestamp>,
    /// Whether rows are left for the next run, as far as known.
    pub(crate) more: bool,
    pub(crate) swept: SweepCounts,
}

/// The ids of the sessions that the sweep abandons, at most `$limit`.
macro_rules! stale_to_sweep {
    ($limit:literal) => {
        concat!(
            "select id from sessions indexed by sessions_one_live where status = 'active' and last_heartbeat_at < ?1 limit ",
            $limit
        )
    };
}
pub(super) use stale_to_sweep;

statements! {
    /// The statement before has appended an event for each of these sessions. If it appended none, no session is read
    /// again.
    ABANDON = concat!("
        update sessions set status = 'abandoned', ended_at = ?2, end_reason = 'stale'
        where id in (", stale_to_sweep!("iif(changes() > 0, 1000, 0)"), ")
        returning 1 as one");

    /// The same correction as at the start of a day, for every venture.
    CORRECT_AHEAD = "
        update sessions set last_heartbeat_at = ?1
        where id in (
          select id from sessions indexed by sessions_one_live
          where status = 'active' and last_heartbeat_at > ?2 limit 1000)";

    /// The keys that expired before today.
    FORGET_KEYS = "
        delete from idempotency_keys where (expires_on, actor_key_id, idempotency_key) in (
          select expires_on, actor_key_id, idempotency_key from idempotency_keys
          where expires_on < substr(?1, 1, 10) order by expires_on limit 1000)
        returning 1 as one";

    FORGET_RATES = "
        delete from rate_limits where actor_key_id in (
          select actor_key_id from rate_limits where window_start < ?1 limit 1000)
        returning 1 as one";

    FORGET_LOG = "
        delete from request_log where moment in (
          select moment from request_log where moment < replace(?1, ':', '') order by moment limit 1000)
        returning 1 as one";

    RECORD = "
        insert into sweep_runs (id, started_at, finished_at, more, sessions, keys, rates, log, events, messages)
        values (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        on conflict (id) do update set started_at = excluded.started_at, finished_at = excluded.finished_at,
          more = excluded.more, sessions = excluded.sessions, keys = excluded.keys, rates = excluded.rates,
          log = excluded.log, events = excluded.events, messages = excluded.messages";
}

/// Writes the record of the run.
pub(crate) fn record(run: &SweepRun) -> Statement {
    let counted = |rows: usize| Param::Integer(i64::try_from(rows).unwrap_or(i64::MAX));
    Statement::new(RECORD)
        .bind(run.started_at)
        .bind(run.finished_at)
        .bind(run.more)
        .bind(counted(run.swept.sessions))
        .bind(counted(run.swept.keys))
        .bind(counted(run.swept.rates))
        .bind(counted(run.swept.log))
        .bind(counted(run.swept.events))
        .bind(counted(run.swept.messages))
}

/// Marks the sessions for which the statement before has appended events as abandoned.
pub(crate) fn abandon(stale_before: Timestamp, now: Timestamp) -> Statement {
    Statement::new(ABANDON).bind(stale_before).bind(now)
}

/// Sets heartbeats later than `now` to `now`.
pub(crate) fn correct_ahead(now: Timestamp) -> Statement {
    Statement::new(CORRECT_AHEAD).bind(now).bind(now.plus_seconds(MAX_CLOCK_SKEW_SECONDS))
}

/// Deletes the idempotency keys that expired before the day of `now`.
pub(crate) fn forget_keys(now: Timestamp) -> Statement {
    Statement::new(FORGET_KEYS).bind(now)
}

/// Deletes rate limit windows that started before `before`.
pub(crate) fn forget_rates(before: Timestamp) -> Statement {
    Statement::new(FORGET_RATES).bind(before)
}

/// Deletes log rows written before `before`.
pub(crate) fn forget_log(before: Timestamp) -> Statement {
    Statement::new(FORGET_LOG).bind(before)
}
