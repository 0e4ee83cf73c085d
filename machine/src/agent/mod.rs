//! The identity of an agent on this machine: the hostname, a numbered slot per running agent, and its conversations.
//!
//! It does not use the API. An agent keeps its slot, and so its name, as long as its process runs. After a crash, the
//! relaunched agent gets the same slot.

mod conversations;
mod launch;
mod machine;
mod old_builds;
mod process;
mod session_files;
mod session_processes;
mod shared_server;
mod slot;

use std::io;

use deckwatch_protocol::{Host, Uuid};

pub use self::conversations::{Conversation, Conversations, conversation_id, new_conversation_id, slot_number};
use self::machine::SavedName;
pub use self::machine::random_uuid;
use crate::dirs::Dirs;

pub use self::launch::{ForeignLaunch, ForeignReason, Lineage, launch_id, lineage_of};
pub use self::old_builds::{OldServer, how_to_restart, old_servers};
pub use self::process::RunningProcess;
pub use self::session_files::SessionFiles;
pub use self::session_processes::{AgentProcess, SessionProcesses, Worker, agent_process};
pub use self::shared_server::{RunningServer, SharedServer};
pub use self::slot::{HeldSlot, Slot, SlotError, SlotRequest};

/// The name of a machine without a usable hostname.
const UNNAMED: &str = "unnamed-host";

/// The name of this machine: the saved name, or else the current hostname, made valid for [`Host`].
pub fn this_host() -> Host {
    let now = host_now();
    let saved = || SavedName::of_this_machine(&Dirs::from_env().ok()?, &now)?.read();
    saved().unwrap_or_else(|| now.clone())
}

/// Saves this machine's name, so that it stays the same if the hostname changes.
pub fn save_host(dirs: &Dirs, name: &Host) -> io::Result<()> {
    SavedName::of_this_machine(dirs, &host_now()).map_or(Ok(()), |saved| saved.save(name))
}

/// The id of this machine for the API. It is made once.
pub fn machine_uuid(dirs: &Dirs) -> io::Result<Uuid> {
    machine::uuid_of_this_machine(dirs, &host_now())
}

/// The processes that started this one, nearest first, as far as this user can see them.
pub fn ancestors() -> Vec<u32> {
    process::lineage(std::process::id()).skip(1).collect()
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
    fn any_hostname_becomes_a_valid_host() {
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
