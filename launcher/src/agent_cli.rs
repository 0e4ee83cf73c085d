//! The agent command line tools that the launcher knows how to start, and what it tells them.

use std::fmt;

use clap::ValueEnum;
use deckwatch_client::discovery::DEV_ROOT_VARIABLE;
use deckwatch_client::ventures::FILE_VARIABLE;
use deckwatch_protocol::Client;
use serde::{Deserialize, Serialize};

use crate::secrets::NAMES_VARIABLE;

use crate::conversation::CONVERSATION_VARIABLE;

/// What an agent is told of itself; one that is not set for a launch is removed, not inherited.
pub(crate) const AGENT_VARIABLES: [&str; 9] = [
    "DECKWATCH_VENTURE",
    "DECKWATCH_AGENT",
    "DECKWATCH_CLIENT",
    "DECKWATCH_TRACK",
    "DECKWATCH_ISSUE",
    CONVERSATION_VARIABLE,
    FILE_VARIABLE,
    DEV_ROOT_VARIABLE,
    NAMES_VARIABLE,
];

/// What the user may set for the server: GitHub, and where the weekly plan is. Inherited, never set or removed here.
pub(crate) const USER_VARIABLES: [&str; 4] = ["GITHUB_API_URL", "GH_HOST", "GH_CONFIG_DIR", "DECKWATCH_PLAN"];
/// Tokens for GitHub under the names that `gh` knows.
pub(crate) const GITHUB_TOKENS: [&str; 4] =
    ["GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];

/// A coding agent's command line tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AgentCli {
    Claude,
    Gemini,
    Codex,
}

impl AgentCli {
    /// In the order of preference when nobody names one.
    pub(crate) const ALL: [Self; 3] = [Self::Claude, Self::Gemini, Self::Codex];

    /// Its program, and the client's name in every record.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Gemini => "gemini",
            Self::Codex => "codex",
        }
    }

    /// What people call it.
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

    /// Its name in the records.
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
