//! A conversation starts: the server is asked to start the day, and the day is waited for.

use std::io;
use std::time::{Duration, Instant};

use deckwatch_machine::agent::ancestors;
use deckwatch_machine::agent_folder::{AgentFolder, DayRequest};
use deckwatch_machine::clock::now;

use super::input::Input;

/// How long the day is waited for. If it comes later, the next hook shows it.
const WAITS: Duration = Duration::from_secs(2);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Asks the server to start the day.
pub(super) fn request(folder: &AgentFolder, input: &Input) -> io::Result<()> {
    if let Some(conversation) = &input.session_id {
        folder.set_conversation(conversation)?;
    }
    folder.request_day(&DayRequest { at: now(), ancestors: ancestors(), conversation: input.session_id.clone() })
}

/// Waits until the server has written the day.
pub(super) fn wait_for_day(folder: &AgentFolder) -> io::Result<()> {
    let begun = Instant::now();
    while !folder.has_day()? && begun.elapsed() < WAITS {
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Ok(())
}
