//! The pause of a queue after the API failed. It is stored on disk, so that all processes of the machine share one pause.

use deckwatch_protocol::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest pause, even if the API asks for more: its estimate can be wrong.
const LONGEST_SECONDS: i64 = 60 * 60;
/// The longest pause if the API does not say how long to wait.
const LONGEST_DEFAULT_SECONDS: i64 = 30;
/// The longest pause for a new write, if the API asked to wait.
const LONGEST_FOR_A_WRITE_SECONDS: i64 = 30;

/// Why the queue is sent at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendReason {
    /// A periodic retry by a process.
    Periodic,
    /// A new write.
    NewWrite,
    /// A status request or a start of day.
    Requested,
}

/// A time before which no process sends, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pause {
    /// When the API first failed.
    pub(super) since: Timestamp,
    /// When the last attempt was.
    pub(super) tried_at: Timestamp,
    /// When the next automatic retry is due.
    pub(super) again_at: Timestamp,
    /// How many automatic retries there were.
    tries: u32,
    /// Whether the API asked for this pause.
    asked: bool,
    /// The error.
    pub(super) cause: String,
}

impl Pause {
    /// The pause after a failure at `now`. `before` is the previous pause.
    pub(super) fn after(
        before: Option<Self>,
        cause: String,
        asks: Option<u64>,
        reason: SendReason,
        now: Timestamp,
    ) -> Self {
        let by_itself = u32::from(reason == SendReason::Periodic);
        let tries = before.as_ref().map_or(0, |before| before.tries).saturating_add(by_itself);
        let default = 1_i64.checked_shl(tries.min(10)).unwrap_or(i64::MAX).min(LONGEST_DEFAULT_SECONDS);
        let seconds = asks.map_or(default, |asks| i64::try_from(asks).unwrap_or(i64::MAX).clamp(1, LONGEST_SECONDS));
        Self {
            since: before.map_or(now, |before| before.since),
            tried_at: now,
            again_at: now.plus_seconds(seconds),
            tries,
            asked: asks.is_some(),
            cause,
        }
    }

    /// Whether sending is paused at `now`. If the clock was set back, it is not.
    pub(super) fn holds(&self, reason: SendReason, now: Timestamp) -> bool {
        let longest = |seconds| now < self.again_at.min(self.tried_at.plus_seconds(seconds)) && now >= self.tried_at;
        match reason {
            SendReason::Periodic => longest(LONGEST_SECONDS),
            SendReason::NewWrite => self.asked && longest(LONGEST_FOR_A_WRITE_SECONDS),
            SendReason::Requested => false,
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
    fn the_pause_that_the_api_requests_is_kept_up_to_a_limit() {
        for (asks, until) in [(1, 1), (59, 59), (9 * 3600, 3600), (u64::MAX, 3600)] {
            let pause = Pause::after(None, "x".into(), Some(asks), SendReason::NewWrite, at(0));
            assert!(pause.holds(SendReason::Periodic, at(until - 1)), "{asks}");
            assert!(!pause.holds(SendReason::Periodic, at(until)), "{asks}");
            assert!(pause.holds(SendReason::NewWrite, at((until - 1).min(29))), "{asks}");
            assert!(!pause.holds(SendReason::NewWrite, at(until.min(30))), "{asks}");
            assert!(!pause.holds(SendReason::Requested, at(0)) && !pause.holds(SendReason::Periodic, at(-1)), "{asks}");
        }
    }

    #[test]
    fn automatic_retries_wait_longer_each_time_and_writes_do_not_wait() {
        let (mut pause, mut waits) = (None, Vec::new());
        for _ in 0..8 {
            let next = Pause::after(pause, "x".into(), None, SendReason::Periodic, at(0));
            waits.push(next.again_at.seconds_since(at(0)));
            assert!(!next.holds(SendReason::NewWrite, at(0)));
            pause = Some(next);
        }
        assert_eq!(waits, [2, 4, 8, 16, 30, 30, 30, 30]);
        assert_eq!(Pause::after(None, "x".into(), None, SendReason::NewWrite, at(0)).again_at, at(1));
    }

    #[test]
    fn a_later_pause_keeps_the_first_failure_time() {
        let first = Pause::after(None, "one".into(), None, SendReason::NewWrite, at(0));
        let second = Pause::after(Some(first), "two".into(), Some(100), SendReason::Periodic, at(50));
        assert_eq!((second.since, second.tried_at, second.cause.as_str()), (at(0), at(50), "two"));
    }
}
