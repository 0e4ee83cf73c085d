//! The members of the fleet: the machines that this one may reach.
//!
//! [`from_api`] reads them from the registry, and [`KeptList`] keeps its last answer for times without it. [`read_file`]
//! reads the list that a person writes. [`Breaker`] says which members to leave alone for a while, and [`LastAnswers`]
//! keeps what each one said last.

mod breaker;
mod file;
mod kept_list;
mod last_answers;
mod registry;

use deckwatch_machine::digest::sha256_hex;
use deckwatch_protocol::{Host, Machine, MachineArch, MachineOs, SshPublicKey, SshUser, TailscaleIp, Violations};
use deserr::Deserr;
use serde::{Deserialize, Serialize};

pub use self::breaker::{Admission, Breaker, MAX_JITTER, OpenBreaker, Pass};
pub use self::file::{MachinesFileError, read_file};
pub use self::kept_list::{KeptList, Taken};
pub use self::last_answers::{LastAnswer, LastAnswers};
pub use self::registry::{Registered, Waiting, from_api, machines};

/// A machine of the fleet, with its approved access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[serde(deny_unknown_fields)]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct Member {
    /// The hostname.
    pub hostname: Host,
    /// The user to log in as.
    pub user: SshUser,
    /// The address at which the other members reach it.
    pub tailscale_ip: TailscaleIp,
    /// The operating system.
    pub os: MachineOs,
    /// The processor architecture.
    pub arch: MachineArch,
    /// The key that it logs in to other members with. `None` if it has none yet.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_public_key: Option<SshPublicKey>,
    /// The key that its SSH server shows. `None`: the known hosts of the user decide.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<SshPublicKey>,
}

impl Member {
    /// The member that a machine of the registry is. `None` without an approved access, or if the machine is retired.
    pub fn of(machine: &Machine) -> Option<Self> {
        let access = machine.approved.as_ref().filter(|_| machine.retired_at.is_none())?;
        Some(Self {
            hostname: machine.hostname.clone(),
            user: access.user.clone(),
            tailscale_ip: access.tailscale_ip.clone(),
            os: machine.os.clone(),
            arch: machine.arch.clone(),
            ssh_public_key: Some(access.ssh_public_key.clone()),
            host_key: access.ssh_host_key.clone(),
        })
    }
}

/// The name of the files about a member. Hostnames ignore case, and are longer than some file systems allow.
fn file_stem(hostname: &Host) -> String {
    sha256_hex(hostname.as_str().to_ascii_lowercase().as_bytes())
}
