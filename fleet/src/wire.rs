//! The lines that the near side and the far side exchange: one JSON object each.
//!
//! The near side sends an [`Envelope`], and for some requests further lines. The far side sends a [`Marker`], any number
//! of items, and one result. Whatever a login shell prints before the marker is skipped.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the requests. Two sides with different versions do not talk to each other.
pub const VERSION: u32 = 1;
/// The longest line, in bytes. A longer one ends the connection.
pub const MAX_LINE: usize = 1024 * 1024;

/// A request that a member of the fleet answers.
pub trait Request: Serialize + DeserializeOwned + Send {
    /// The name on the wire.
    const NAME: &'static str;
    /// What is sent before the answer, any number of times. `()` if nothing is.
    type Item: Serialize + DeserializeOwned + Send;
    /// The answer.
    type Answer: Serialize + DeserializeOwned + Send;
}

/// The first line of the near side.
#[derive(Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// The [`VERSION`] of the near side.
    pub version: u32,
    /// The [`Request::NAME`].
    pub request: String,
    /// The request itself.
    pub body: Value,
}

/// The first line of the far side.
#[derive(Debug, Serialize, Deserialize)]
pub struct Marker {
    /// The [`VERSION`] of the far side.
    pub deckwatch_fleet: u32,
}

/// Every further line of the far side.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// A [`Request::Item`].
    Item(Value),
    /// The [`Request::Answer`]. Nothing follows.
    Done(Value),
    /// The request failed. Nothing follows.
    Failed(Refusal),
}

/// Why a member did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The kind of failure, for programs.
    pub kind: RefusalKind,
    /// What happened and what to do, for people.
    pub message: String,
}

/// The kinds of failures on a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The member does not know the request, or can't read it.
    BadRequest,
    /// A file, a folder or a program on the member can't be used.
    Machine,
    /// The agent CLI is not installed there.
    AgentMissing,
    /// The venture has no repository there.
    VentureMissing,
    /// The working directory can't be used.
    Workspace,
    /// The machine or the venture runs as many agents as it may.
    Full,
    /// There is no such run.
    NoSuchRun,
}

impl Refusal {
    /// A refusal of this kind.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Something on the machine failed.
    pub fn machine(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Machine, message)
    }
}
