//! What a turn of the agent was shown, so that it stays within its limits.

use std::io;

use serde::{Deserialize, Serialize};

use super::{AgentFolder, files};

/// A turn: from a prompt to the end of the work on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Turn {
    /// How many bytes the hooks have shown.
    pub spent: usize,
    /// How many events they have shown.
    pub events: usize,
    /// How often a hook has continued the turn at its end.
    pub continued: u32,
    /// Whether a conversation has just started. Its first prompt belongs to the same turn.
    pub is_opening: bool,
    /// Whether the turn has ended. The next event of the tool begins another one.
    pub has_ended: bool,
    /// Whether this turn was told that the server is gone.
    pub said_gone: bool,
    /// The number of waiting messages that the agent was told last.
    pub counted: u32,
}

impl Turn {
    /// The next turn.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { counted: self.counted, ..Self::default() }
    }
}

impl AgentFolder {
    /// The turn, as the last hook left it.
    pub fn turn(&self) -> io::Result<Turn> {
        Ok(files::read_json(&self.path.join("turn.json"))?.unwrap_or_default())
    }

    /// Records the turn.
    pub fn set_turn(&self, turn: &Turn) -> io::Result<()> {
        files::replace_json(&self.path.join("turn.json"), turn)
    }
}
