//! The question of the launcher whether Codex may run the hooks, answered on a terminal.

use crate::agent_cli::AgentCli;
use crate::machine::Machine;
use crate::pane::Pane;

/// The question.
pub(crate) const QUESTION: &str = "Let Codex run these hooks?";

/// Agrees to the hooks, if the agent CLI is Codex. Starts no conversation.
pub(crate) async fn agree(machine: &Machine) {
    if machine.cli == AgentCli::Codex {
        answer(machine, "y").await;
    }
}

/// Answers the question. Starts no conversation.
pub(crate) async fn answer(machine: &Machine, answer: &str) -> String {
    let mut command = machine.launcher(&["--hooks"]);
    command.arg("--version").env("TERM", "xterm-256color");
    let pane = Pane::open(&command, machine.path("tmux-consent"));
    pane.shows(QUESTION).await;
    pane.types(answer).await;
    pane.ends().await;
    pane.screen()
}
