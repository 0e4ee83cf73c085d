//! What the model does: some calls of Deckwatch's tools, then an end.

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

/// A call of one of Deckwatch's tools.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) tool: String,
    pub(super) arguments: Value,
}

/// The model's next move.
#[derive(Debug)]
pub(super) enum Move<'a> {
    /// Call a tool by the name under which it is offered, as call `number` of the conversation.
    Call { number: usize, tool: String, arguments: &'a Value },
    /// Say the last words.
    End,
}

impl Script {
    /// Then calls a tool of Deckwatch's server.
    #[must_use]
    pub fn call(mut self, tool: &str, arguments: Value) -> Self {
        self.calls.push(Call { tool: tool.to_owned(), arguments });
        self
    }

    /// Then thinks until it is released; so long the conversation stays open, and the agent alive.
    #[must_use]
    pub fn wait(mut self) -> Self {
        self.waits_after = Some(self.calls.len());
        self
    }
}
