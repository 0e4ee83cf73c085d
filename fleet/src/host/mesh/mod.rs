//! The requests of the SSH mesh: each machine finds or makes its key, accepts the keys of the others, knows their
//! addresses and host keys, and tries to log in to them.
//!
//! All changes are in `~/.ssh` of this user. The existing text of a file of the user is never changed: entries are added
//! to `authorized_keys`, and one line is put before `config`. The rest is in files that only the mesh writes.

mod authorized_keys;
mod config;
mod inspect;
mod key;
mod login;
mod ssh_folder;

use serde::{Deserialize, Serialize};

pub use self::authorized_keys::{Authorization, Authorize, KeyOf};
pub use self::config::{DeployConfig, Deployment};
pub use self::inspect::{Inspect, Inspection};
pub use self::key::{MachineKey, MakeKey};
pub use self::login::{LoginResult, Logins, TryLogins};

/// A change of one file, made or only planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The file or folder, such as `~/.ssh/authorized_keys`.
    pub file: String,
    /// Whether it did not exist.
    pub created: bool,
    /// The lines that are no longer in it.
    pub removed: Vec<String>,
    /// The lines that are new in it.
    pub added: Vec<String>,
    /// The new permissions, if they change. SSH ignores files that other users can write.
    pub mode: Option<u32>,
}
