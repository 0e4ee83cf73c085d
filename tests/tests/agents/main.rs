//! Tests with real agents: Claude Code, Codex CLI and Gemini CLI from npm, started by the real `launcher`, with the
//! real `deckwatch-mcp`, driven by a scripted model.
//!
//! `DECKWATCH_TEST_AGENTS` names the folder into which `scripts/lib/agents.sh` installed them. If an agent CLI is not
//! installed, its tests print the reason and are skipped. No test connects to another machine.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says why it is skipped"
)]

mod agent_cli;
mod consent;
mod conversation;
mod day;
mod exchange;
mod hooks;
mod idle;
mod interactive;
mod machine;
mod mail;
#[cfg(target_os = "linux")]
mod networks;
mod offered;
mod office;
mod own_settings;
mod pane;
mod process;
mod recovery;
mod running;
mod shared_repository;
mod slash_commands;
mod storm;
mod team_api;
mod waking;

/// Makes a test for every agent CLI from each `async fn(Machine)` in the same file.
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
