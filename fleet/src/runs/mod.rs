//! Runs: agents that a person starts on a machine of the fleet.
//!
//! A *headless* run has a [`supervisor`]: a process without a terminal that owns the agent's process group, keeps its
//! output in a file and records how it ended. It depends on no connection. An *interactive* run is an agent in a tmux
//! session. Both have a record in a folder of their own (`store`). No key, no other variable of the environment and no
//! prompt is in these folders. [`admission`] limits how many agents run at once. [`requests`] has what a machine can be
//! asked.

pub mod admission;
mod bytes;
mod id;
mod launch_request;
mod launcher;
mod linger;
mod record;
pub mod requests;
mod session;
mod store;
pub mod supervisor;

pub use self::admission::Limits;
pub use self::bytes::Bytes;
pub use self::id::{InvalidRunId, RunId};
pub use self::launch_request::{
    Assignment, LaunchRequest, Launched, OutputFormat, RequestedLaunch, Variable, Workspace,
};
pub use self::launcher::Launcher;
pub use self::linger::linger_warning;
pub use self::record::{RunKind, RunRecord, RunState};
pub use self::session::{SESSION_PREFIX, SessionOffer, is_session_name, offered, open as open_session, session_name};
pub use self::store::{Runs, StoreError};
