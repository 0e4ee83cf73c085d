//! Whether the agent of a session works now. Lists and warnings all ask this module, so that they agree.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::session::{ActiveSession, Session, SessionStatus};
use crate::time::Timestamp;

/// How many seconds after a heartbeat the API asks for the next one.
pub const HEARTBEAT_INTERVAL_SECONDS: RangeInclusive<u32> = 8 * 60..=12 * 60;

/// An agent that was heard of within this time is live: the longest interval, and 3 minutes for a slow network or a
/// repeated try.
pub const LIVE_SECONDS: u64 = 15 * 60;

/// A session that was silent for this long is stale. It is no longer active.
pub const STALE_SECONDS: u64 = 45 * 60;

/// Whether the agent of a session works now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// The agent was heard of within the interval of its heartbeats.
    Live,
    /// The agent was not heard of for longer than that, but for less than 45 minutes.
    Idle,
    /// The agent has left, or its process has ended, or it was silent for 45 minutes.
    Gone,
}

impl Presence {
    /// The word on the wire and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Idle => "idle",
            Self::Gone => "gone",
        }
    }

    /// Of an agent whose session is active, by its last heartbeat. A time ahead of `now` is another clock's present.
    fn of_active(last_heartbeat_at: Timestamp, now: Timestamp) -> Self {
        match now.seconds_since(last_heartbeat_at) {
            silence if silence <= LIVE_SECONDS => Self::Live,
            silence if silence < STALE_SECONDS => Self::Idle,
            _ => Self::Gone,
        }
    }
}

impl Session {
    /// Whether its agent works now.
    pub fn presence(&self, now: Timestamp) -> Presence {
        match self.status {
            SessionStatus::Active => Presence::of_active(self.last_heartbeat_at, now),
            SessionStatus::Ended | SessionStatus::Abandoned => Presence::Gone,
        }
    }
}

impl ActiveSession {
    /// Whether its agent works now.
    pub fn presence(&self, now: Timestamp) -> Presence {
        Presence::of_active(self.last_heartbeat_at, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_makes_a_live_agent_idle_and_then_gone() {
        let now = Timestamp::from_millis(1_000_000_000_000);
        let minutes = |minutes: i64| Presence::of_active(now.plus_seconds(-60 * minutes), now);
        assert!(LIVE_SECONDS > u64::from(*HEARTBEAT_INTERVAL_SECONDS.end()));
        assert_eq!([-5, 0, 12, 15].map(minutes), [Presence::Live; 4]);
        assert_eq!([16, 44].map(minutes), [Presence::Idle; 2]);
        assert_eq!([45, 600].map(minutes), [Presence::Gone; 2]);
    }
}
