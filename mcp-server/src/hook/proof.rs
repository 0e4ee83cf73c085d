//! The turn by which `launcher mcp doctor` proves the hooks: each records that it ran, and gives a marker to the model
//! instead of messages.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use super::answer::answer;
use super::input::Input;
use super::names::{HookCli, HookEvent};

/// Records the event in the file and prints its marker.
pub(super) fn prove(log: &Path, cli: HookCli, event: HookEvent) -> io::Result<()> {
    let input = Input::read(io::stdin())?;
    let mut log = File::options().create(true).append(true).open(log)?;
    log.write_all(format!("{}\n", event.as_str()).as_bytes())?;
    // The end of the turn is continued once.
    if input.is_of_sub_agent() || (event == HookEvent::TurnEnd && input.stop_hook_active == Some(true)) {
        return Ok(());
    }
    let own_name = input.hook_event_name.as_deref().unwrap_or_else(|| event.own_name(cli));
    match answer(cli, event, own_name, &format!("deckwatch-proof-{}", event.as_str())) {
        Some(answer) => writeln!(io::stdout(), "{answer}"),
        None => Ok(()),
    }
}
