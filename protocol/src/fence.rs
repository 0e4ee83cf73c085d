//! Fences: a process that was replaced by another one of the same agent can't write for its session any more.

use serde::Serialize;

use crate::id::SessionId;
use crate::number::Epoch;

/// A session and the epoch in which the caller speaks for it. The requests of presence, claims, state, take and report
/// have these two fields. `start_day` answers with the epoch: the same `start_id` keeps it, another one takes the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fence {
    /// The session of the agent.
    pub session_id: SessionId,
    /// The epoch of the caller. Another one is refused: 409 `superseded`.
    pub epoch: Epoch,
}
