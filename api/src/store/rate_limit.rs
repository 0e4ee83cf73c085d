//! Request counters: one row per actor, for its last minute. A power loss may lose the count of a minute.

use deckwatch_protocol::{Timestamp, TokenId};

use super::statements;
use crate::database::Statement;

/// The length of a window in seconds.
pub(crate) const WINDOW_SECONDS: u32 = 60;

/// The row of an actor has its last window, `?2`. Another isolate, whose clock is ahead, may have begun the next window,
/// `?3`: then the request counts there. Any other window is over, and the count begins again.
macro_rules! in_this_window {
    ($then:literal, $else:literal) => {
        concat!("iif(window_start between excluded.window_start and ?3, ", $then, ", ", $else, ")")
    };
}

/// Counts a request. `$values` are the columns of a new row, `$count` the count in the current window.
macro_rules! counting {
    ($values:expr, $count:literal) => {
        concat!(
            "insert into rate_limits (actor_key_id, window_start, request_count, request_limit) ",
            $values,
            " on conflict (actor_key_id) do update set request_count = ",
            in_this_window!($count, "1"),
            ", window_start = ",
            in_this_window!("window_start", "excluded.window_start"),
            ", request_limit = excluded.request_limit"
        )
    };
}

/// The new row of a configured key with the limit `?4`.
macro_rules! of_key {
    () => {
        "values (?1, ?2, 1, ?4)"
    };
}

/// The new row of the token `?4`. The limit is in the row of the token.
macro_rules! of_token {
    () => {
        "select ?1, ?2, 1, t.rate_limit_per_minute from tokens t where t.id = ?4"
    };
}

statements! {
    /// Over the limit, the constraint `rate_limit_exceeded` fails the batch of the request.
    COUNT = concat!(counting!(of_key!(), "request_count + 1"), " returning request_count, request_limit");

    USED_UP = "
        select 1 as used_up from rate_limits
        where actor_key_id = ?1 and window_start between ?2 and ?3 and request_count >= request_limit";

    COUNT_TOKEN = concat!(counting!(of_token!(), "request_count + 1"), " returning request_count, request_limit");

    COUNT_TOKEN_REFUSED = counting!(of_token!(), "min(request_count + 1, excluded.request_limit)");

    /// Counts a request again whose batch was rolled back together with its count.
    COUNT_REFUSED = counting!(of_key!(), "min(request_count + 1, excluded.request_limit)");
}

pub(crate) fn count(actor: &str, window_start: Timestamp, limit: u32) -> Statement {
    Statement::new(COUNT).bind(actor).bind(window_start).bind(next(window_start)).bind(limit).non_durable()
}

pub(crate) fn is_used_up(actor: &str, window_start: Timestamp) -> Statement {
    Statement::new(USED_UP).bind(actor).bind(window_start).bind(next(window_start))
}

pub(crate) fn count_refused(actor: &str, window_start: Timestamp, limit: u32) -> Statement {
    Statement::new(COUNT_REFUSED).bind(actor).bind(window_start).bind(next(window_start)).bind(limit).non_durable()
}

pub(crate) fn count_token(actor: &str, window_start: Timestamp, token: &TokenId) -> Statement {
    Statement::new(COUNT_TOKEN).bind(actor).bind(window_start).bind(next(window_start)).bind(token).non_durable()
}

pub(crate) fn count_token_refused(actor: &str, window_start: Timestamp, token: &TokenId) -> Statement {
    Statement::new(COUNT_TOKEN_REFUSED)
        .bind(actor)
        .bind(window_start)
        .bind(next(window_start))
        .bind(token)
        .non_durable()
}

/// The window after the one that starts at `window_start`.
fn next(window_start: Timestamp) -> Timestamp {
    window_start.plus_seconds(WINDOW_SECONDS.into())
}
