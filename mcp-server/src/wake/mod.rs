//! Wakes the agent when mail arrives while it is idle, by the doors that the launcher found.
//!
//! | door | who wakes | how |
//! |---|---|---|
//! | `hook` | the waiter of Claude Code, see [`crate::hook`] | it ends with a status that asks the model |
//! | `queue` | this server | `codex queue`, which stores a prompt for the conversation |
//! | `prompt` | this server | pastes into Codex's empty prompt in tmux, only in a session that the launcher made |
//! | `tmux` | this server | `tmux send-keys`, only in a session that the launcher made |
//!
//! The text is ours alone. The mail itself is shown by the hook that the prompt runs, fenced. Without a door, mail waits for
//! the next prompt.

mod door;
mod pane;
mod program;

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use deckwatch_machine::agent_folder::AgentFolder;
use deckwatch_machine::clock::now;

pub(crate) use self::door::Door;
use crate::trouble::blocking;

/// The door of Claude Code, as the launcher names it.
pub(crate) const BY_HOOK: &str = "hook";
/// The whole text that wakes an agent.
pub(crate) const WAKING_TEXT: &str =
    "You have mail from Deckwatch. It is shown to you with this line. If it is not, read it with the tool `inbox`.";

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// Wakes the agent again and again, until this is dropped. Does nothing if this server has no door.
pub(crate) async fn keep_awake(folder: &AgentFolder, doors: Vec<Door>) -> Infallible {
    if doors.is_empty() {
        return std::future::pending().await;
    }
    let mut ticks = tokio::time::interval(BETWEEN_LOOKS);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let looked_at = folder.clone();
        let conversation = match blocking(move || to_wake(&looked_at)).await {
            Ok(Ok(None)) => continue,
            Ok(Ok(Some(conversation))) => conversation,
            Ok(Err(error)) => {
                log::warn!("could not look for mail that wakes the agent: {}: {error}", folder.path().display());
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(trouble) => {
                log::warn!("could not look for mail that wakes the agent: {trouble}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // A failure is not repeated before the agent has worked again.
        if let Err(error) = wake_by_first(&doors, &conversation).await {
            log::warn!("could not wake the agent: {error}; the mail waits for the next prompt");
        }
    }
}

/// Wakes the agent by the first door that opens.
async fn wake_by_first(doors: &[Door], conversation: &str) -> Result<(), String> {
    let mut errors = Vec::new();
    for door in doors {
        match door.wake(conversation).await {
            Ok(()) => return Ok(()),
            Err(error) => errors.push(error),
        }
    }
    Err(errors.join("; "))
}

/// The conversation to wake, which is recorded as woken. Empty if no hook has named it.
fn to_wake(folder: &AgentFolder) -> io::Result<Option<String>> {
    if !folder.should_wake(now())? {
        return Ok(None);
    }
    folder.wakes(now())?;
    Ok(Some(folder.conversation()?.unwrap_or_default()))
}
