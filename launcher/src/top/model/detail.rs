//! What was read about the agent that is opened.

use deckwatch_protocol::{Agent, Event, Handoff, InboxItem, MessageRecord, Timestamp, VentureCode};
use serde_json::Value;

/// An agent of a venture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentKey {
    pub(crate) venture: VentureCode,
    pub(crate) agent: Agent,
}

impl AgentKey {
    /// Whether the event is about this agent: it is its subject or one of the named recipients.
    pub(crate) fn is_of(&self, event: &Event) -> bool {
        let is_named = |name: &Value| name.as_str() == Some(self.agent.as_str());
        let to = event.data.get("to").and_then(Value::as_array).is_some_and(|to| to.iter().any(is_named));
        event.venture.as_ref() == Some(&self.venture) && (to || event.agent.as_ref() == Some(&self.agent))
    }
}

/// One agent.
#[derive(Debug)]
pub(crate) struct Detail {
    pub(crate) of: AgentKey,
    /// Its last handoff, or why it is not known.
    pub(crate) handoff: Result<Option<Handoff>, String>,
    /// The messages that wait for it, and their number. Or why they are not known.
    pub(crate) inbox: Result<(Vec<InboxItem>, u32), String>,
    /// The newest messages from it and to it that the events of this screen name, newest first.
    pub(crate) messages: Vec<MessageRecord>,
    /// How many of those messages this key may not read.
    pub(crate) hidden: usize,
    /// When this was read.
    pub(crate) read_at: Timestamp,
}
