//! How often: one counter per actor and minute, raised inside the request's own batch.

use deckwatch_protocol::Timestamp;

use crate::database::{Row, Statement, count};
use crate::store;

/// The length of a window.
pub(crate) const WINDOW_SECONDS: u32 = 60;

/// The window that `now` falls into, for one actor.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    actor: String,
    start: Timestamp,
    pub(crate) limit: u32,
    /// When the window ends, as seconds since 1970.
    pub(crate) reset_at: i64,
    /// Seconds until the window ends; at least 1.
    pub(crate) reset_after: i64,
}

impl Window {
    pub(crate) fn at(now: Timestamp, actor: &str, limit: u32) -> Self {
        let seconds = now.as_millis().div_euclid(1000);
        let into = seconds.rem_euclid(i64::from(WINDOW_SECONDS));
        let start = seconds - into;
        let reset_at = start + i64::from(WINDOW_SECONDS);
        Self {
            actor: actor.to_owned(),
            start: Timestamp::from_millis(start * 1000),
            limit,
            reset_at,
            reset_after: reset_at - seconds,
        }
    }

    /// Counts the request; over the limit, the whole batch fails.
    pub(crate) fn count(&self) -> Statement {
        store::rate_limit::count(&self.actor, self.start, self.limit)
    }

    /// Counts a request whose batch failed, up to the limit.
    pub(crate) fn count_refused(&self) -> Statement {
        store::rate_limit::count_refused(&self.actor, self.start, self.limit)
    }

    /// How many requests are left, from the row that [`Self::count`] returned.
    pub(crate) fn remaining(&self, rows: &[Row]) -> Option<u32> {
        rows.first().and_then(|row| count(row, "request_count")).map(|used| self.limit.saturating_sub(used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_minute_of_the_clock() {
        let window = Window::at(Timestamp::from_millis(119_999), "a", 5);
        assert_eq!((window.start.as_millis(), window.reset_at, window.reset_after), (60_000, 120, 1));
        let next = Window::at(Timestamp::from_millis(120_000), "a", 5);
        assert_eq!((next.start.as_millis(), next.reset_at, next.reset_after), (120_000, 180, 60));
    }
}
