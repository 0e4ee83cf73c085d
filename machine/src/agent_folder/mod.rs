//! The folder of an agent, through which its MCP server and the hooks of its tool work together.
//!
//! The server takes messages from the API and puts them here. A hook, which uses no network, shows them to the model and
//! records that. The server then reports it. Only files are exchanged, so either side can be killed at any time.
//!
//! | file | written by | contains |
//! |---|---|---|
//! | `server.lock` | server | the session and epoch of the server that holds the lock |
//! | `mail/` | server | messages that were taken and not shown |
//! | `taking/` | a hook | messages that it is showing now; what a killed hook leaves here is shown again |
//! | `shown/` | a hook | what was shown, until the server has reported it |
//! | `reported/` | server | what was reported, so that it is not shown again |
//! | `partial/` | a hook | messages of which only the beginning was shown |
//! | `events/` | server | one line for each event that concerns the agent |
//! | `waiting.json` | server | how many messages the API holds back |
//! | `day.md`, `session-start` | server, a hook | the start of the day, and the request for it |
//! | `presence.json`, `turn.json` | a hook | what the agent does; what this turn was shown |
//! | `hook-failures` | a hook | why a hook failed |
//! | `waiter.lock`, `waiter` | a hook | held by the process that wakes an idle agent; its number |
//! | `wakes.json`, `conversation.json` | a hook, server | when the agent was woken; the conversation that is woken |

mod api_name;
mod day;
mod events;
mod failures;
mod files;
mod mail;
mod mail_item;
mod presence;
mod reports;
mod server_lock;
mod taken;
mod turn;
mod waiter;
mod wakes;

use std::io;
use std::path::{Path, PathBuf};

use deckwatch_protocol::{Agent, VentureCode};

pub use self::api_name::ApiName;
pub use self::day::{Day, DayRequest};
pub use self::events::TakenEvents;
pub use self::failures::Failure;
pub use self::mail::Waiting;
pub use self::mail_item::{MailItem, Taker};
pub use self::presence::SeenPresence;
pub use self::reports::Shown;
pub use self::server_lock::{Server, ServerLock};
pub use self::taken::{Room, Taken, TakenItem};
pub use self::turn::Turn;
pub use self::waiter::Waiter;
use crate::dirs::Dirs;

/// The folders in the folder of an agent.
const FOLDERS: [&str; 6] = ["mail", "taking", "shown", "reported", "partial", "events"];

/// The folder of one agent of one API. It may not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentFolder {
    path: PathBuf,
}

impl AgentFolder {
    /// The folder of an agent.
    pub fn of(dirs: &Dirs, api: &ApiName, venture: &VentureCode, agent: &Agent) -> Self {
        Self { path: dirs.state.join("mail").join(api.as_str()).join(venture.as_str()).join(agent.as_str()) }
    }

    /// The folders of all agents of this machine.
    pub fn all(dirs: &Dirs) -> io::Result<Vec<Self>> {
        let mut folders = vec![dirs.state.join("mail")];
        // Below it are the APIs, their ventures and their agents.
        for _ in 0..3 {
            let mut below = Vec::new();
            for folder in folders {
                let entries = match std::fs::read_dir(folder) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    entries => entries?,
                };
                for entry in entries {
                    below.push(entry?.path());
                }
            }
            folders = below.into_iter().filter(|path| path.is_dir()).collect();
        }
        folders.sort();
        Ok(folders.into_iter().map(|path| Self { path }).collect())
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the folder, readable only for this user. The other functions expect that it exists.
    pub fn create(&self) -> io::Result<()> {
        FOLDERS.iter().try_for_each(|folder| Dirs::create(&self.path.join(folder)))
    }

    /// Whether the folder exists, so that an agent with hooks has run on this machine.
    pub fn exists(&self) -> bool {
        self.path.join("mail").is_dir()
    }

    /// The file that Claude Code's waiter locks.
    pub fn waiter_lock(&self) -> PathBuf {
        self.path.join("waiter.lock")
    }
}

#[cfg(test)]
mod tests;
