//! Who an agent is on this machine: the host's name, a numbered slot per running agent, and its conversations.
//!
//! It knows nothing of sessions or the API; a slot only makes the agent's name last as long as its
//! process, and come back after a crash.

mod conversations;
mod launch;
mod machine;
mod process;
mod session_processes;
mod shared_server;
mod slot;

use std::io;

use deckwatch_protocol::Host;

pub use self::conversations::{Conversation, Conversations, conversation_id, new_conversation_id, slot_number};
use self::machine::KeptName;
use crate::dirs::Dirs;

pub use self::launch::{Foreign, ForeignLaunch, Lineage, launch_id, lineage_of};
pub use self::session_processes::{AgentProcess, SessionProcesses, Worker, agent_process};
pub use self::shared_server::{RunningServer, SharedServer};
pub use self::slot::{Slot, SlotError, Wanted};

/// The name of a machine that has none that fits.
const UNNAMED: &str = "unnamed-host";

/// This machine's name: the one that is kept, else as the operating system says it now, made to fit [`Host`].
pub fn this_host() -> Host {
    let now = host_now();
    let kept = || KeptName::of_this_machine(&Dirs::from_env().ok()?, &now)?.read();
    kept().unwrap_or_else(|| now.clone())
}

/// Keeps this machine's name, so that it stays when the network gives the host another one.
fn keep_host(dirs: &Dirs, name: &Host) -> io::Result<()> {
    KeptName::of_this_machine(dirs, &host_now()).map_or(Ok(()), |kept| kept.keep(name))
}

fn host_now() -> Host {
    host_from(&sysinfo::System::host_name().unwrap_or_default())
}

fn host_from(name: &str) -> Host {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let safe: String = name.trim().chars().map(safe).take(Host::MAX_CHARS).collect();
    let named = safe.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    named.parse().unwrap_or_else(|_| unnamed())
}

#[expect(clippy::expect_used, reason = "a constant that the tests parse")]
fn unnamed() -> Host {
    UNNAMED.parse().expect("a good name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_hostname_is_made_to_fit() {
        let long = "h".repeat(300);
        let cases = [
            ("mac1", "mac1"),
            ("Toms-MacBook-Pro.local", "Toms-MacBook-Pro.local"),
            ("Tom's Mac\n", "Tom-s-Mac"),
            ("-oProxyCommand=x", "oProxyCommand-x"),
            ("büro", "b-ro"),
            ("", UNNAMED),
            ("😀", UNNAMED),
            (&long, &long[..Host::MAX_CHARS]),
        ];
        for (name, expected) in cases {
            assert_eq!(host_from(name).as_str(), expected);
        }
    }

    #[test]
    fn this_machine_has_a_name() {
        assert!(!this_host().as_str().is_empty());
    }
}
