//! The messages of the socket at `GET /v1/watch`. The engine says that there are new events; `list_events` shows them.

use std::fmt;
use std::str::FromStr;

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::number::EventSeq;
use crate::text::{VentureCode, impl_text_traits};
use crate::violation::{Invalid, Violation, Violations, at_most};

/// The path of the socket.
pub const WATCH_PATH: &str = "/v1/watch";

/// The message that a client sends so that the socket stays open, and the answer of the engine.
pub const WATCH_PING: &str = "ping";
/// The answer to [`WATCH_PING`].
pub const WATCH_PONG: &str = "pong";
/// The seconds between two such messages of a client.
pub const WATCH_PING_SECONDS: u64 = 30;

/// The message of a client that says which events it wants hints about. A later message replaces an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[deserr(deny_unknown_fields, error = Violations, validate = WatchRequest::bounded -> Violations)]
pub struct WatchRequest {
    /// 1 to 10 ventures, or only `*` for the events of all ventures and of the whole team.
    pub ventures: Vec<WatchedVenture>,
    /// The number of the last event that the client has. If it is not that of the newest event, the engine sends a hint at
    /// once.
    pub after: EventSeq,
}

impl WatchRequest {
    /// The maximum number of ventures.
    pub const MAX_VENTURES: usize = 10;
    /// The maximum size of a message in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Whether it asks for the events of this venture. `None` stands for the whole team.
    pub fn includes(&self, venture: Option<&str>) -> bool {
        self.ventures.iter().any(|watched| watched.is_all() || venture == Some(watched.as_str()))
    }

    fn bounded(self, at: ValuePointerRef) -> Result<Self, Violations> {
        at_most(at, &[("ventures", self.ventures.len(), Self::MAX_VENTURES)])?;
        let is_all = self.ventures.iter().any(WatchedVenture::is_all);
        if self.ventures.is_empty() || is_all && self.ventures.len() > 1 {
            let detail = "must have 1 to 10 ventures, or only `*`".to_owned();
            return Err(Violations(vec![Violation { pointer: "/ventures".to_owned(), detail }]));
        }
        Ok(self)
    }
}

/// The code of a venture, or `*` for all ventures and the whole team.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchedVenture(String);

impl WatchedVenture {
    /// All ventures and the whole team.
    pub fn all() -> Self {
        Self("*".to_owned())
    }

    /// One venture.
    pub fn of(venture: &VentureCode) -> Self {
        Self(venture.as_str().to_owned())
    }

    /// Whether it stands for all ventures.
    pub fn is_all(&self) -> bool {
        self.0 == "*"
    }

    /// The text on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WatchedVenture {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text != "*" {
            text.parse::<VentureCode>()?;
        }
        Ok(Self(text.to_owned()))
    }
}

impl_text_traits!(WatchedVenture, r"^(\*|[a-z0-9][a-z0-9_-]*)$", VentureCode::MAX_CHARS);

/// The message of the engine: there are new events up to this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchHint {
    /// The number of the newest event that the client may see, or of the newest event of all.
    pub seq: u64,
}
