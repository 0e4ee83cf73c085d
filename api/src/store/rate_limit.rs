//! Request counters: one row per actor and minute. A power loss may lose the count of a minute.

use deckwatch_protocol::{Timestamp, TokenId};

use super::statements;
use crate::database::Statement;

statements! {
    /// Over the limit, the constraint `rate_limit_exceeded` fails the batch of the request.
    COUNT = "
        insert into rate_limits (actor_key_id, window_start, request_count, request_limit) values (?1, ?2, 1, ?3)
        on conflict (actor_key_id, window_start) do update set
          request_count = request_count + 1, request_limit = excluded.request_limit
        returning request_count, request_limit";

    USED_UP = "
        select 1 as used_up from rate_limits
        where actor_key_id = ?1 and window_start = ?2 and request_count >= request_limit";

    /// For a token. The limit is in the row of the token.
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

    /// Counts a request again whose batch was rolled back together with its count.
    COUNT_REFUSED = "
        insert into rate_limits (actor_key_id, window_start, request_count, request_limit) values (?1, ?2, 1, ?3)
        on conflict (actor_key_id, window_start) do update set
          request_count = min(request_count + 1, excluded.request_limit), request_limit = excluded.request_limit";
}

pub(crate) fn count(actor: &str, window_start: Timestamp, limit: u32) -> Statement {
    Statement::new(COUNT).bind(actor).bind(window_start).bind(limit).non_durable()
}

pub(crate) fn is_used_up(actor: &str, window_start: Timestamp) -> Statement {
    Statement::new(USED_UP).bind(actor).bind(window_start)
}

pub(crate) fn count_refused(actor: &str, window_start: Timestamp, limit: u32) -> Statement {
    Statement::new(COUNT_REFUSED).bind(actor).bind(window_start).bind(limit).non_durable()
}

pub(crate) fn count_token(actor: &str, window_start: Timestamp, token: &TokenId) -> Statement {
    Statement::new(COUNT_TOKEN).bind(actor).bind(window_start).bind(token).non_durable()
}

pub(crate) fn count_token_refused(actor: &str, window_start: Timestamp, token: &TokenId) -> Statement {
    Statement::new(COUNT_TOKEN_REFUSED).bind(actor).bind(window_start).bind(token).non_durable()
}
