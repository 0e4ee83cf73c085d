//! What the agent does, as its hooks saw it.

use std::io;
use std::path::PathBuf;

use deckwatch_protocol::{ActivityState, StatusLine, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AgentFolder, files};

/// What the agent does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenPresence {
    /// Whether it works or waits.
    pub state: ActivityState,
    /// What it waits for.
    pub detail: Option<StatusLine>,
    /// When a hook saw it.
    pub at: Timestamp,
}

impl SeenPresence {
    /// `working` is written again after this time, so that it does not become doubtful.
    const REPEATED_AFTER_SECONDS: u64 = 5 * 60;
}

impl AgentFolder {
    /// What the hooks saw last.
    pub fn presence(&self) -> io::Result<Option<SeenPresence>> {
        files::read_json(&self.presence_file())
    }

    /// Records what a hook saw, unless it was seen a short time ago.
    pub fn saw(&self, seen: &SeenPresence) -> io::Result<()> {
        let is_new = self.presence()?.is_none_or(|last| {
            let changed = (last.state, &last.detail) != (seen.state, &seen.detail);
            changed || seen.at.seconds_since(last.at) >= SeenPresence::REPEATED_AFTER_SECONDS
        });
        if is_new { files::replace_json(&self.presence_file(), seen) } else { Ok(()) }
    }

    fn presence_file(&self) -> PathBuf {
        self.path.join("presence.json")
    }
}
