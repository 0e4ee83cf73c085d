//! Counters of requests: one row per actor and minute. A minute's count may be lost with the power.

use deckwatch_protocol::{Timestamp, TokenId};

use super::statements;
use crate::database::Statement;

statements! {
    /// The constraint `rate_limit_exceeded` fails the batch of the request over the limit.
    COUNT = "
        insert into rate_limits (actor_key_id, window_start, request_count, request_limit) values (?1, ?2, 1, ?3)
        on conflict (actor_key_id, window_start) do update set
          request_count = request_count + 1, request_limit = excluded.request_limit
        returning request_count, request_limit";

    USED_UP = "
        select 1 as used_up from rate_limits
        where actor_key_id = ?1 and window_start = ?2 and request_count >= request_limit";

    /// For a token, whose limit stands beside it.
    COUNT_TOKEN = "
        insert into rate_limits (actor_key_id, window_start, request_count, request_limit)
        select ?1, ?2, 1, t.rate_limit_per_minute from tokens t where t.id = ?3
        on conflict (actor_key_id, window_start) do update set
          request_count = request_count + 1, request_limit = excluded.request_limit
        returning request_count, request_limit";

    COUNT_TOKEN_REFUSED = "
        insert into rate_limits (actor_key_id, window_start, request_count, request_limit)
        select ?1, ?2, 1, t.rate_limit_per_minute from tokens t where t.id = ?3
        on conflict (actor_key_id, window_start) do update set
          request_count = min(request_count + 1, excluded.request_limit), request_limit = excluded.request_limit";

    /// For a request whose batch was rolled back, its count with it.
    COUNT_REFUSED = "
        insert into rate_limits (actor_key_id, window_start, request_count, request_limit) values (?1, ?2, 1, ?3)
        on conflict (actor_key_id, window_start) do update set
          request_count = min(request_count + 1, excluded.request_limit), request_limit = excluded.request_limit";
}

pub(crate) fn count(actor: &str, window_start: Timestamp, limit: u32) -> Statement {
    Statement::new(COUNT).bind(actor).bind(window_start).bind(limit).forgettable()
}

pub(crate) fn is_used_up(actor: &str, window_start: Timestamp) -> Statement {
    Statement::new(USED_UP).bind(actor).bind(window_start)
}

pub(crate) fn count_refused(actor: &str, window_start: Timestamp, limit: u32) -> Statement {
    Statement::new(COUNT_REFUSED).bind(actor).bind(window_start).bind(limit).forgettable()
}

pub(crate) fn count_token(actor: &str, window_start: Timestamp, token: &TokenId) -> Statement {
    Statement::new(COUNT_TOKEN).bind(actor).bind(window_start).bind(token).forgettable()
}

pub(crate) fn count_token_refused(actor: &str, window_start: Timestamp, token: &TokenId) -> Statement {
    Statement::new(COUNT_TOKEN_REFUSED).bind(actor).bind(window_start).bind(token).forgettable()
}
