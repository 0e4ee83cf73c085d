//! Rate limits: one counter per actor and minute. The request's own batch increments it.

use deckwatch_protocol::{Timestamp, TokenId};

use crate::database::{Row, Statement, count};
use crate::store;
use crate::store::rate_limit::WINDOW_SECONDS;

/// Where the limit of a window comes from.
#[derive(Debug, Clone)]
enum LimitSource {
    /// The engine's setting: this number of requests.
    Fixed(u32),
    /// The row of this token.
    OfToken(TokenId),
}

/// The window of one actor that contains `now`.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    actor: String,
    start: Timestamp,
    limit_source: LimitSource,
    /// When the window ends, as seconds since 1970.
    pub(crate) reset_at: i64,
    /// Seconds until the window ends; at least 1.
    pub(crate) reset_after: i64,
}

/// The rate limit state of an actor in its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimitState {
    /// The limit of the window, if it is known.
    pub(crate) limit: Option<u32>,
    /// The requests left.
    pub(crate) remaining: u32,
}

impl RateLimitState {
    /// The state after the request, from the row that [`Window::count`] returned.
    pub(crate) fn after(rows: &[Row]) -> Option<Self> {
        let row = rows.first()?;
        let (used, limit) = (count(row, "request_count")?, count(row, "request_limit")?);
        Some(Self { limit: Some(limit), remaining: limit.saturating_sub(used) })
    }
}

impl Window {
    /// The window of a configured key, with `limit` requests.
    pub(crate) fn at(now: Timestamp, actor: &str, limit: u32) -> Self {
        Self::with_source(now, actor, LimitSource::Fixed(limit))
    }

    /// The window of a token. The row of the token has the limit.
    pub(crate) fn of_token(now: Timestamp, actor: &str, token: &TokenId) -> Self {
        Self::with_source(now, actor, LimitSource::OfToken(token.clone()))
    }

    fn with_source(now: Timestamp, actor: &str, limit_source: LimitSource) -> Self {
        let seconds = now.as_millis().div_euclid(1000);
        let elapsed = seconds.rem_euclid(i64::from(WINDOW_SECONDS));
        let start = seconds - elapsed;
        let reset_at = start + i64::from(WINDOW_SECONDS);
        Self {
            actor: actor.to_owned(),
            start: Timestamp::from_millis(start * 1000),
            limit_source,
            reset_at,
            reset_after: reset_at - seconds,
        }
    }

    /// The limit of the window, if it is known without the database.
    pub(crate) fn limit(&self) -> Option<u32> {
        match self.limit_source {
            LimitSource::Fixed(limit) => Some(limit),
            LimitSource::OfToken(_) => None,
        }
    }

    /// Counts the request. Over the limit, the whole batch fails.
    pub(crate) fn count(&self) -> Statement {
        match &self.limit_source {
            LimitSource::Fixed(limit) => store::rate_limit::count(&self.actor, self.start, *limit),
            LimitSource::OfToken(token) => store::rate_limit::count_token(&self.actor, self.start, token),
        }
    }

    /// Selects a row if the window has no requests left.
    pub(crate) fn is_used_up(&self) -> Statement {
        store::rate_limit::is_used_up(&self.actor, self.start)
    }

    /// Counts a request whose batch failed, up to the limit.
    pub(crate) fn count_refused(&self) -> Statement {
        match &self.limit_source {
            LimitSource::Fixed(limit) => store::rate_limit::count_refused(&self.actor, self.start, *limit),
            LimitSource::OfToken(token) => store::rate_limit::count_token_refused(&self.actor, self.start, token),
        }
    }

    /// The state of an actor that has no requests left.
    pub(crate) fn used_up(&self) -> RateLimitState {
        RateLimitState { limit: self.limit(), remaining: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_one_clock_minute() {
        let window = Window::at(Timestamp::from_millis(119_999), "a", 5);
        assert_eq!((window.start.as_millis(), window.reset_at, window.reset_after), (60_000, 120, 1));
        let next = Window::at(Timestamp::from_millis(120_000), "a", 5);
        assert_eq!((next.start.as_millis(), next.reset_at, next.reset_after), (120_000, 180, 60));
    }
}
