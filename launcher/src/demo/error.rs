//! Why a demo broke off.

use deckwatch_protocol::Agent;
use thiserror::Error;

/// Why the demo did not show what it set out to show.
#[derive(Debug, Error)]
pub(crate) enum DemoError {
    /// The MCP server did not start or broke off.
    #[error("{agent} could not speak to deckwatch-mcp: {cause}")]
    Server {
        /// Whose server it was.
        agent: Agent,
        /// What went wrong.
        cause: String,
    },
    /// A tool said that it did not work.
    #[error("{agent} called {tool}, which answered:\n{answer}")]
    Tool {
        /// Who called.
        agent: Agent,
        /// What was called.
        tool: &'static str,
        /// What the tool said.
        answer: String,
    },
    /// An answer lacks what the scene is about.
    #[error("{agent} does not see {what}")]
    NotSeen {
        /// Who should see it.
        agent: Agent,
        /// What should be there.
        what: String,
    },
    /// The folder for the demo's database can't be made.
    #[error("can't make the folder of the demo's database: {0}")]
    Folder(#[source] std::io::Error),
}
