//! What an agent CLI says to a hook on its standard input.

use std::io::{BufReader, Read};

use serde::Deserialize;

/// At most so many bytes are read.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The members that a hook needs. Each CLI sends more, and none sends all of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Input {
    /// The conversation.
    pub(super) session_id: Option<String>,
    /// The CLI's own name of the event.
    pub(super) hook_event_name: Option<String>,
    /// The sub-agent in whose turn the hook runs. The main agent has none.
    pub(super) agent_id: Option<String>,
    /// Whether a hook has continued this turn at its end.
    pub(super) stop_hook_active: Option<bool>,
    /// The kind of a notification.
    pub(super) notification_type: Option<String>,
    /// The text of a notification.
    pub(super) message: Option<String>,
    /// The tool that ran or that needs a permission.
    pub(super) tool_name: Option<String>,
    /// Why a conversation ends.
    pub(super) reason: Option<String>,
}

impl Input {
    /// Reads up to the end of the JSON object, so a CLI that does not close the pipe is no problem. Other members, such as the
    /// answer of a tool, are skipped while they are read and cost no memory. A malformed input is an error.
    pub(super) fn read(from: impl Read) -> Result<Self, serde_json::Error> {
        let from = BufReader::with_capacity(64 * 1024, from.take(MAX_BYTES));
        Self::deserialize(&mut serde_json::Deserializer::from_reader(from))
    }

    /// Whether the hook runs in the turn of a sub-agent.
    pub(super) fn is_of_sub_agent(&self) -> bool {
        let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        is_set(&self.agent_id) || self.hook_event_name.as_ref().is_some_and(|name| name.starts_with("Subagent"))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use serde_json::json;

    use super::*;

    /// A pipe that nobody closes: it fails the test if it is read after its content.
    struct Open<'a>(&'a [u8]);

    impl Read for Open<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            assert!(!self.0.is_empty(), "read after the end of the object");
            self.0.read(buffer)
        }
    }

    #[test]
    fn members_are_found_around_a_large_answer_of_a_tool() {
        let text = json!({ "session_id": "one", "tool_response": { "agent_id": "x".repeat(5_000_000) },
            "prompt": "y".repeat(5_000_000), "stop_hook_active": true, "unknown": [1, [2]] });
        let input = Input::read(Open(text.to_string().as_bytes())).unwrap();
        assert_eq!((input.session_id.as_deref(), input.stop_hook_active), (Some("one"), Some(true)));
        assert!(!input.is_of_sub_agent());
    }

    #[test]
    fn sub_agents_are_recognised() {
        for (text, expected) in [
            (json!({ "agent_id": "a1" }), true),
            (json!({ "hook_event_name": "SubagentStop" }), true),
            (json!({ "agent_id": null, "agent_type": "reviewer" }), false),
            (json!({ "agent_id": "" }), false),
        ] {
            assert_eq!(Input::read(text.to_string().as_bytes()).unwrap().is_of_sub_agent(), expected, "{text}");
        }
    }

    #[test]
    fn malformed_input_is_an_error() {
        for text in ["", "{", "nonsense", "{\"session_id\": 1}", "\0\0", &"[".repeat(1_000_000)] {
            assert!(Input::read(text.as_bytes()).is_err(), "{}", text.len());
        }
    }
}
