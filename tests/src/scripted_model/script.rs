//! What the model does: some calls of tools, then an end.

use std::borrow::Cow;

use serde_json::Value;

/// What the model says once it has made its calls.
pub(super) const LAST_WORDS: &str = "The script is over.";

/// The part that the model plays.
#[derive(Debug, Default)]
pub struct Script {
    pub(super) calls: Vec<Call>,
    /// After how many calls the model thinks until it is released.
    pub(super) waits_after: Option<usize>,
}

/// A call of a tool.
#[derive(Debug)]
pub(super) enum Call {
    /// Of one of Deckwatch's.
    Deckwatch { tool: String, arguments: Value },
    /// Of the agent's own, that runs a command in a shell.
    Shell(String),
}

/// The model's next move.
#[derive(Debug)]
pub(super) enum Move<'a> {
    /// Call a tool by the name under which it is offered, as call `number` of the conversation.
    Call { number: usize, tool: String, arguments: Cow<'a, Value> },
    /// Say the last words.
    End,
}

impl Script {
    /// Then calls a tool of Deckwatch's server.
    #[must_use]
    pub fn call(mut self, tool: &str, arguments: Value) -> Self {
        self.calls.push(Call::Deckwatch { tool: tool.to_owned(), arguments });
        self
    }

    /// Then runs a command in the agent's shell.
    #[must_use]
    pub fn shell(mut self, command: &str) -> Self {
        self.calls.push(Call::Shell(command.to_owned()));
        self
    }

    /// Then thinks until it is released; so long the conversation stays open, and the agent alive.
    #[must_use]
    pub fn wait(mut self) -> Self {
        self.waits_after = Some(self.calls.len());
        self
    }
}
