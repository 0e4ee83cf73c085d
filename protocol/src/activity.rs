//! What the agent of a session does, and how it wants to be reached.

use std::fmt;
use std::str::FromStr;

use deserr::Deserr;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::EventKind;
use crate::text::{StatusLine, impl_text_traits, length, text};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

text! {
    /// A UUID in lower case, such as `0b8f2f4e-7c1d-4b6a-9a53-2f1c7a9d0e11`.
    Uuid, max 36, pattern r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", |text| {
        let hyphens = [8, 13, 18, 23];
        let good = text.len() == 36 && text.bytes().enumerate().all(|(at, byte)| match byte {
            b'-' => hyphens.contains(&at),
            _ => !hyphens.contains(&at) && matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
        good.then_some(()).ok_or(Invalid::new("must be a UUID in lower case"))
    }
}
text! {
    /// The public half of an X25519 key pair: 32 bytes in base64.
    PublicKey, max 44, pattern r"^[A-Za-z0-9+/]{43}=$", |text| {
        let digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
        let good = text.len() == 44 && text.ends_with('=') && text.bytes().take(43).all(digit);
        good.then_some(()).ok_or(Invalid::new("must be 32 bytes in base64: 43 characters and ="))
    }
}

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum ActivityState {
    /// It works on its task.
    Working,
    /// It has finished its turn and does nothing.
    Idle,
    /// It waits for a human.
    Waiting,
    /// It can't go on.
    Blocked,
    /// It does nothing and does not read its messages.
    Away,
}

impl ActivityState {
    /// Every state.
    pub const ALL: &[Self] = &[Self::Working, Self::Idle, Self::Waiting, Self::Blocked, Self::Away];

    /// The value on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Idle => "idle",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Away => "away",
        }
    }

    /// The event of an agent that gets this state. Nobody waits for an agent to be away.
    pub const fn event(self) -> Option<EventKind> {
        match self {
            Self::Working => Some(EventKind::AgentWorking),
            Self::Idle => Some(EventKind::AgentIdle),
            Self::Waiting => Some(EventKind::AgentWaiting),
            Self::Blocked => Some(EventKind::AgentBlocked),
            Self::Away => None,
        }
    }
}

/// What an agent says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct ReportedActivity {
    /// What the agent does.
    pub state: ActivityState,
    /// What it waits for, or what blocks it.
    #[deserr(default)]
    #[serde(default)]
    pub detail: Option<StatusLine>,
    /// What it works on, in one line.
    #[deserr(default)]
    #[serde(default)]
    pub summary: Option<StatusLine>,
}

impl ReportedActivity {
    /// The activity that is stored if the agent reports this at `now`.
    pub fn at(&self, now: Timestamp) -> Activity {
        Activity { state: self.state, detail: self.detail.clone(), summary: self.summary.clone(), at: now }
    }
}

/// What the agent of an active session last said about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Activity {
    /// What the agent does.
    pub state: ActivityState,
    /// What it waits for, or what blocks it.
    pub detail: Option<StatusLine>,
    /// What it works on, in one line.
    pub summary: Option<StatusLine>,
    /// When the agent said so.
    pub at: Timestamp,
}

impl Activity {
    /// After this many seconds, `working` is shown with its age.
    pub const FRESH_SECONDS: u64 = 10 * 60;

    /// The age in seconds of a state that may no longer be true: `working` that is older than 10 minutes.
    pub fn doubtful_for(&self, now: Timestamp) -> Option<u64> {
        let age = now.seconds_since(self.at);
        (self.state == ActivityState::Working && age > Self::FRESH_SECONDS).then_some(age)
    }
}

/// How messages reach the agent of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum DeliveryMode {
    /// The text of a message enters the agent's turn.
    #[default]
    Push,
    /// Only the number of waiting messages does.
    Inbox,
    /// Nothing does.
    Off,
}

impl DeliveryMode {
    /// The value on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Inbox => "inbox",
            Self::Off => "off",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_working_becomes_doubtful_and_only_after_10_minutes() {
        let now = Timestamp::from_millis(1_000_000_000_000);
        let of = |state, minutes: i64| {
            let activity = Activity { state, detail: None, summary: None, at: now.plus_seconds(-60 * minutes) };
            activity.doubtful_for(now)
        };
        assert_eq!([0, 10, 11].map(|minutes| of(ActivityState::Working, minutes)), [None, None, Some(660)]);
        for state in ActivityState::ALL.iter().filter(|state| **state != ActivityState::Working) {
            assert_eq!(of(*state, 600), None, "{}", state.as_str());
        }
    }

    #[test]
    fn ids_of_processes_and_public_keys_have_a_fixed_form() {
        assert!("0b8f2f4e-7c1d-4b6a-9a53-2f1c7a9d0e11".parse::<Uuid>().is_ok());
        for text in ["", "0B8F2F4E-7C1D-4B6A-9A53-2F1C7A9D0E11", "0b8f2f4e7c1d4b6a9a532f1c7a9d0e11", &"-".repeat(36)] {
            assert!(text.parse::<Uuid>().is_err(), "{text}");
        }
        assert!(format!("{}=", "A".repeat(43)).parse::<PublicKey>().is_ok());
        for text in ["", &"A".repeat(44), &format!("{}=", "A".repeat(42)), &format!("{}-=", "A".repeat(42))] {
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
        }
    }
}
