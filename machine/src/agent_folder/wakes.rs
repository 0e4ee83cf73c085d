//! When the agent was woken, so that a storm of messages never keeps it running, and which conversation is woken.

use std::io;
use std::path::PathBuf;

use deckwatch_protocol::{ActivityState, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AgentFolder, files};

/// How often an agent is woken within [`WINDOW_SECONDS`].
const MAX_WAKES: usize = 3;
const WINDOW_SECONDS: u64 = 60;
/// How long a new conversation is left alone: its first hooks show what waits, and a first prompt may follow.
const OPENING_SECONDS: u64 = 4;

/// The last times at which the agent was woken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Wakes {
    at: Vec<Timestamp>,
    /// Since when the agent was idle when it was woken last.
    idle_since: Option<Timestamp>,
}

impl AgentFolder {
    /// Whether the agent should be woken now: it is idle, a hook would show it a message, it was not woken since it is idle,
    /// and not too often within a minute.
    pub fn should_wake(&self, now: Timestamp) -> io::Result<bool> {
        let Some(idle_since) = self.idle_since()? else { return Ok(false) };
        if !self.turn()?.has_ended && now.seconds_since(idle_since) < OPENING_SECONDS {
            return Ok(false);
        }
        let wakes: Wakes = files::read_json(&self.wakes_file())?.unwrap_or_default();
        let recent = wakes.at.iter().filter(|at| now.seconds_since(**at) < WINDOW_SECONDS).count();
        Ok(recent < MAX_WAKES && wakes.idle_since != Some(idle_since) && self.has_unread()?)
    }

    /// Records that the agent is woken now.
    pub fn wakes(&self, now: Timestamp) -> io::Result<()> {
        let mut wakes: Wakes = files::read_json(&self.wakes_file())?.unwrap_or_default();
        wakes.at.retain(|at| now.seconds_since(*at) < WINDOW_SECONDS);
        wakes.at.push(now);
        wakes.idle_since = self.idle_since()?;
        files::replace_json(&self.wakes_file(), &wakes)
    }

    /// Records the conversation of the agent, as its tool names it.
    pub fn set_conversation(&self, conversation: &str) -> io::Result<()> {
        files::replace_json(&self.conversation_file(), &conversation)
    }

    /// The conversation of the agent.
    pub fn conversation(&self) -> io::Result<Option<String>> {
        files::read_json(&self.conversation_file())
    }

    fn idle_since(&self) -> io::Result<Option<Timestamp>> {
        let seen = self.presence()?.filter(|seen| seen.state == ActivityState::Idle);
        Ok(seen.map(|seen| seen.at))
    }

    fn wakes_file(&self) -> PathBuf {
        self.path.join("wakes.json")
    }

    fn conversation_file(&self) -> PathBuf {
        self.path.join("conversation.json")
    }
}
