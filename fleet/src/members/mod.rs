//! The members of the fleet: the machines that this one may reach.

mod file;

use deckwatch_protocol::{Host, Machine, MachineArch, MachineOs, SshPublicKey, SshUser, TailscaleIp};
use serde::{Deserialize, Serialize};

pub use self::file::{MachinesFileError, read_file};

/// A machine of the fleet, with its approved access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_public_key: Option<SshPublicKey>,
    /// The key that its SSH server shows. `None`: the known hosts of the user decide.
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
            host_key: None,
        })
    }
}
