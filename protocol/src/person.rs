//! People: they send and read messages without a session.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::SessionId;
use crate::text::{VentureCode, impl_text_traits, label, length, text};
use crate::violation::{Invalid, Violations};

text! {
    /// The name of a person. Messages show the sender as `human:<name>`.
    PersonName, max 64, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}

impl PersonName {
    /// The name of a person who uses an admin key and gives no name.
    pub const OF_ADMIN: &str = "admin";
}

/// Who sends or reads messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker<'a> {
    /// The agent of this session.
    Agent(&'a SessionId),
    /// A person, on this venture.
    Person(&'a VentureCode),
}

impl<'a> Speaker<'a> {
    /// An agent names its session. A person names a venture instead.
    pub(crate) fn of(session: Option<&'a SessionId>, venture: Option<&'a VentureCode>) -> Result<Self, Violations> {
        match (session, venture) {
            (Some(session), None) => Ok(Self::Agent(session)),
            (None, Some(venture)) => Ok(Self::Person(venture)),
            (None, None) => Err(Violations::at("/session_id", "is required, unless a person names a venture instead")),
            (Some(_), Some(_)) => {
                Err(Violations::at("/venture", "must not be given with a session, which has a venture"))
            }
        }
    }

    /// Checks that an agent gives its epoch, and a person none.
    pub(crate) fn check_epoch(self, has_epoch: bool) -> Result<Self, Violations> {
        match (self, has_epoch) {
            (Self::Agent(_), false) => Err(Violations::at("/epoch", "is required with a session")),
            (Self::Person(_), true) => Err(Violations::at("/epoch", "must not be given without a session")),
            _ => Ok(self),
        }
    }

    /// The session of an agent.
    pub fn session(self) -> Option<&'a SessionId> {
        match self {
            Self::Agent(session) => Some(session),
            Self::Person(_) => None,
        }
    }

    /// The venture that a person names.
    pub fn venture(self) -> Option<&'a VentureCode> {
        match self {
            Self::Agent(_) => None,
            Self::Person(venture) => Some(venture),
        }
    }
}
