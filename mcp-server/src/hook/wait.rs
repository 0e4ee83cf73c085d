//! The waiter of Claude Code: it ends when there is mail, and so wakes an idle agent.

use std::process::ExitCode;

use super::caller::Caller;

/// Waits for mail.
pub(super) fn run(_caller: &Caller) -> ExitCode {
    ExitCode::SUCCESS
}
