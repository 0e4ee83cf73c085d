//! The script of the model: calls of tools, then an end.

use serde_json::Value;

/// The text that the model sends after its calls.
pub(super) const FINAL_TEXT: &str = "The script is over.";

/// The steps of the model.
#[derive(Debug, Default)]
pub struct Script {
    pub(super) calls: Vec<Call>,
    /// The number of calls after which the model waits until it is released.
    pub(super) waits_after: Option<usize>,
    /// The prompt of a sub-agent, and its calls.
    pub(super) sub_agent: Option<(String, Vec<Call>)>,
}

/// A call of a tool.
#[derive(Debug, Clone)]
pub(super) enum Call {
    /// A tool of Deckwatch.
    Deckwatch { tool: String, arguments: Value },
    /// The agent's shell tool, with a command.
    Shell(String),
    /// A tool of the agent's own, by its name.
    Own { tool: String, arguments: Value },
}

/// The model's next step.
#[derive(Debug)]
pub(super) enum Step {
    /// Call a tool, by the name under which the agent offers it, as call `number` of the conversation.
    Call { number: usize, tool: String, arguments: Value },
    /// Send the final text.
    End,
}

impl Script {
    /// Adds a call of a tool of Deckwatch's server.
    #[must_use]
    pub fn call(mut self, tool: &str, arguments: Value) -> Self {
        self.calls.push(Call::Deckwatch { tool: tool.to_owned(), arguments });
        self
    }

    /// Adds a command for the agent's shell.
    #[must_use]
    pub fn shell(mut self, command: &str) -> Self {
        self.calls.push(Call::Shell(command.to_owned()));
        self
    }

    /// Adds a call of a tool of the agent's own.
    #[must_use]
    pub fn own(mut self, tool: &str, arguments: Value) -> Self {
        self.calls.push(Call::Own { tool: tool.to_owned(), arguments });
        self
    }

    /// Adds a wait until the model is released. Until then the conversation stays open and the agent keeps running.
    #[must_use]
    pub fn wait(mut self) -> Self {
        self.waits_after = Some(self.calls.len());
        self
    }
}
