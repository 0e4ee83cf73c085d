//! Days of real agents: Claude Code, Codex CLI and Gemini CLI as they come from npm, started by the real
//! `launcher`, working through the real `deckwatch-mcp`, driven by a model that follows a script.
//!
//! `DECKWATCH_TEST_AGENTS` names the folder where `scripts/lib/agents.sh` installed them. An agent that is not
//! there is skipped with its reason printed; nothing else is ever skipped. No test leaves this machine.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says why it is skipped"
)]

mod agent_cli;
mod conversation;
mod day;
mod interactive;
mod machine;
mod offered;
mod own_settings;
mod pane;
mod process;
mod running;
mod slash_commands;
mod team_api;

/// Proves facts with every agent. Each is an `async fn(Machine)` beside the call.
macro_rules! with_every_agent {
    ($($fact:ident),+ $(,)?) => {
        crate::with_every_agent!(claude Claude: $($fact),+);
        crate::with_every_agent!(codex Codex: $($fact),+);
        crate::with_every_agent!(gemini Gemini: $($fact),+);
    };
    ($name:ident $cli:ident: $($fact:ident),+) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $fact() {
                    if let Some(machine) = crate::machine::Machine::with(crate::agent_cli::AgentCli::$cli) {
                        super::$fact(machine).await;
                    }
                }
            )+
        }
    };
}
use with_every_agent;
