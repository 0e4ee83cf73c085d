//! The errors of the demo.

use deckwatch_protocol::Agent;
use thiserror::Error;

/// The reason why the demo stopped.
#[derive(Debug, Error)]
pub(crate) enum DemoError {
    /// The MCP server did not start, or stopped.
    #[error("{agent} could not communicate with deckwatch-mcp: {cause}")]
    Server {
        /// The agent of the server.
        agent: Agent,
        /// What went wrong.
        cause: String,
    },
    /// A tool returned an error.
    #[error("the call of {tool} by {agent} failed:\n{answer}")]
    Tool {
        /// The agent that called the tool.
        agent: Agent,
        /// The name of the tool.
        tool: &'static str,
        /// The answer of the tool.
        answer: String,
    },
    /// An answer does not contain the expected text.
    #[error("the answer for {agent} does not contain {what}")]
    NotSeen {
        /// The agent that got the answer.
        agent: Agent,
        /// What the answer should contain.
        what: String,
    },
    /// The folder for the demo's database could not be created.
    #[error("can't create the folder for the demo's database: {0}")]
    Folder(#[source] std::io::Error),
}
