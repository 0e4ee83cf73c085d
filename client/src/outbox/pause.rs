//! How long a queue is left alone after the API did not take it: on disk, so that every process of the machine waits, and
//! not each on its own.

use deckwatch_protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest pause. An API that asks for more is asked again all the same: it may be wrong, or mended sooner.
const LONGEST_SECONDS: i64 = 60 * 60;
/// The longest pause where nobody said how long it takes.
const LONGEST_UNASKED_SECONDS: i64 = 30;
/// What somebody writes now waits no longer for an API that asked to wait.
const LONGEST_FOR_A_WRITE_SECONDS: i64 = 30;

/// Why the queue is sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// A process looks after it from time to time.
    ByItself,
    /// Something was written.
    Write,
    /// Somebody asks how things stand, or begins a day.
    Asked,
}

/// Nobody sends before a time, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pause {
    /// When the API first did not take what waits.
    pub(super) since: Timestamp,
    /// When that was tried last.
    pub(super) tried_at: Timestamp,
    /// When it is tried again without anybody asking.
    pub(super) again_at: Timestamp,
    /// How often it was tried so.
    tries: u32,
    /// Whether the API said how long.
    asked: bool,
    /// What happened.
    pub(super) cause: String,
}

impl Pause {
    /// The pause after a failure at `now`, which follows `before`.
    pub(super) fn after(
        before: Option<Self>,
        cause: String,
        asks: Option<u64>,
        occasion: Occasion,
        now: Timestamp,
    ) -> Self {
        let by_itself = u32::from(occasion == Occasion::ByItself);
        let tries = before.as_ref().map_or(0, |before| before.tries).saturating_add(by_itself);
        let unasked = 1_i64.checked_shl(tries.min(10)).unwrap_or(i64::MAX).min(LONGEST_UNASKED_SECONDS);
        let seconds = asks.map_or(unasked, |asks| i64::try_from(asks).unwrap_or(i64::MAX).clamp(1, LONGEST_SECONDS));
        Self {
            since: before.map_or(now, |before| before.since),
            tried_at: now,
            again_at: now.plus_seconds(seconds),
            tries,
            asked: asks.is_some(),
            cause,
        }
    }

    /// Whether nothing is sent at `now`. A clock that was set back holds nothing up.
    pub(super) fn holds(&self, occasion: Occasion, now: Timestamp) -> bool {
        let longest = |seconds| now < self.again_at.min(self.tried_at.plus_seconds(seconds)) && now >= self.tried_at;
        match occasion {
            Occasion::ByItself => longest(LONGEST_SECONDS),
            Occasion::Write => self.asked && longest(LONGEST_FOR_A_WRITE_SECONDS),
            Occasion::Asked => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).plus_seconds(seconds)
    }

    #[test]
    fn what_the_api_asks_is_kept_but_not_for_ever() {
        for (asks, until) in [(1, 1), (59, 59), (9 * 3600, 3600), (u64::MAX, 3600)] {
            let pause = Pause::after(None, "x".into(), Some(asks), Occasion::Write, at(0));
            assert!(pause.holds(Occasion::ByItself, at(until - 1)), "{asks}");
            assert!(!pause.holds(Occasion::ByItself, at(until)), "{asks}");
            assert!(pause.holds(Occasion::Write, at((until - 1).min(29))), "{asks}");
            assert!(!pause.holds(Occasion::Write, at(until.min(30))), "{asks}");
            assert!(!pause.holds(Occasion::Asked, at(0)) && !pause.holds(Occasion::ByItself, at(-1)), "{asks}");
        }
    }

    #[test]
    fn who_tries_without_being_told_waits_longer_each_time_and_a_write_does_not_wait() {
        let (mut pause, mut waits) = (None, Vec::new());
        for _ in 0..8 {
            let next = Pause::after(pause, "x".into(), None, Occasion::ByItself, at(0));
            waits.push(next.again_at.seconds_since(at(0)));
            assert!(!next.holds(Occasion::Write, at(0)));
            pause = Some(next);
        }
        assert_eq!(waits, [2, 4, 8, 16, 30, 30, 30, 30]);
        assert_eq!(Pause::after(None, "x".into(), None, Occasion::Write, at(0)).again_at, at(1));
    }

    #[test]
    fn it_says_since_when() {
        let first = Pause::after(None, "one".into(), None, Occasion::Write, at(0));
        let second = Pause::after(Some(first), "two".into(), Some(100), Occasion::ByItself, at(50));
        assert_eq!((second.since, second.tried_at, second.cause.as_str()), (at(0), at(50), "two"));
    }
}
