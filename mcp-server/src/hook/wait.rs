//! The waiter of Claude Code: it ends with a text when there is mail, and Claude Code then asks the model.
//!
//! The launcher registers it with `asyncRewake` at the end of a turn. It wakes only an idle agent, and takes no mail: the
//! prompt that its end causes runs the hook that shows the mail.

use std::io;
use std::os::unix::process::parent_id;
use std::process::ExitCode;
use std::time::Duration;

use deckwatch_machine::clock::now;
use deckwatch_machine::variables;

use super::caller::Caller;
use super::names::{HookCli, HookEvent};
use super::record_for;
use crate::wake::{BY_HOOK, WAKING_TEXT};

/// The exit status that wakes the model, with the text on standard error.
const WAKES: u8 = 2;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Waits for mail. Ends without a word if a newer waiter was started or if the agent CLI has ended.
pub(super) fn run(caller: &Caller) -> ExitCode {
    if std::env::var(variables::WAKE).as_deref() != Ok(BY_HOOK) || caller.check_launch().is_err() {
        return ExitCode::SUCCESS;
    }
    match wait(caller) {
        Ok(true) => {
            eprintln!("{WAKING_TEXT}");
            ExitCode::from(WAKES)
        }
        Ok(false) => ExitCode::SUCCESS,
        Err(error) => {
            record_for(caller, HookCli::Claude, HookEvent::Wait, error.to_string());
            ExitCode::SUCCESS
        }
    }
}

/// Whether the agent is to be woken.
fn wait(caller: &Caller) -> io::Result<bool> {
    let (folder, parent) = (&caller.folder, parent_id());
    folder.create()?;
    let Some(waiter) = folder.become_waiter()? else { return Ok(false) };
    while waiter.is_newest()? && parent_id() == parent {
        if folder.should_wake(now())? {
            folder.wakes(now())?;
            return Ok(true);
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Ok(false)
}
