//! The agent command line tools that the launcher knows how to start.

use std::fmt;

use clap::ValueEnum;
use deckwatch_protocol::Client;
use serde::{Deserialize, Serialize};

/// A coding agent's command line tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AgentCli {
    Claude,
    Gemini,
    Codex,
}

impl AgentCli {
    /// All agent CLIs. If the user names none, the launcher tries them in this order.
    pub(crate) const ALL: [Self; 3] = [Self::Claude, Self::Gemini, Self::Codex];

    /// The name of its program. The records use the same name for the client.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Gemini => "gemini",
            Self::Codex => "codex",
        }
    }

    /// Its product name.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Claude => "Claude Code",
            Self::Gemini => "Gemini CLI",
            Self::Codex => "Codex CLI",
        }
    }

    /// The command that installs it.
    pub(crate) fn install_command(self) -> String {
        let package = match self {
            Self::Claude => "@anthropic-ai/claude-code",
            Self::Gemini => "@google/gemini-cli",
            Self::Codex => "@openai/codex",
        };
        format!("npm install -g {package}")
    }

    /// Its client name in the records.
    #[expect(clippy::expect_used, reason = "three constants that the tests parse")]
    pub(crate) fn client(self) -> Client {
        self.program().parse().expect("a client's name")
    }
}

impl fmt::Display for AgentCli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_a_client() {
        for cli in AgentCli::ALL {
            assert_eq!(cli.client().as_str(), cli.program());
        }
    }
}
