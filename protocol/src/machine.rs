//! Machines: the computers of the fleet, and how they reach each other by SSH.
//!
//! The *access* of a machine is its user, address, public key and host key. Other machines use it in their SSH
//! configuration. An admin approves the four together, because a key is only trustworthy together with the address that it
//! is used for.

use std::fmt;
use std::str::FromStr;

use deserr::Deserr;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::MachineId;
use crate::json::Meta;
use crate::page::{Cursor, Limit, in_query};
use crate::ssh_key::{KeyFingerprint, SshPublicKey};
use crate::tailscale_ip::TailscaleIp;
use crate::text::{Host, impl_text_traits, label, length, text};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

text! {
    /// The operating system of a machine, such as `macos` or `linux`.
    MachineOs, max 32, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// The processor architecture of a machine, such as `arm64` or `x86_64`.
    MachineArch, max 32, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// The role of a machine, such as `workstation` or `build`.
    MachineRole, max 50, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// The name of a user on a machine.
    SshUser, max 64, pattern r"^[A-Za-z0-9_][A-Za-z0-9._-]*$", |text| {
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        let fits = starts_well && plain;
        fits.then_some(()).ok_or(Invalid::new("must be letters, digits, dot, - or _, not starting with dot or -"))
    }
}

/// The status of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum MachineStatus {
    /// A new access waits for approval. An access that was approved before stays in use until then.
    Pending,
    /// The access is approved, and no other access waits for approval.
    Approved,
    /// The machine was removed from the fleet.
    Retired,
}

impl MachineStatus {
    /// The value on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Retired => "retired",
        }
    }
}

/// A computer of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Machine {
    /// The id of the machine.
    pub id: MachineId,
    /// The hostname. Two hostnames that differ only in case are the same machine.
    pub hostname: Host,
    /// The status of the machine.
    pub status: MachineStatus,
    /// The operating system.
    pub os: MachineOs,
    /// The processor architecture.
    pub arch: MachineArch,
    /// The role of the machine, such as `build`.
    pub role: Option<MachineRole>,
    /// Any other data that was stored with the machine.
    pub meta: Meta,
    /// The approved access, which other machines use. `null` if none was approved yet.
    pub approved: Option<ApprovedAccess>,
    /// The access that waits for approval. `null` if none waits.
    pub pending: Option<PendingAccess>,
    /// When the machine was first registered.
    pub created_at: Timestamp,
    /// When the machine was last changed.
    pub updated_at: Timestamp,
    /// When the machine last registered or sent a heartbeat.
    pub last_seen_at: Timestamp,
    /// When the machine was retired. `null` if it belongs to the fleet.
    pub retired_at: Option<Timestamp>,
    /// The correlation id of the request that first registered the machine.
    pub creation_correlation_id: String,
}

/// The access of a machine that an admin approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApprovedAccess {
    /// The user to log in as on this machine.
    pub user: SshUser,
    /// The address of this machine.
    pub tailscale_ip: TailscaleIp,
    /// The public key that this machine uses to log in to other machines, without its comment.
    pub ssh_public_key: SshPublicKey,
    /// The SHA-256 fingerprint of the key, as `ssh-keygen -lf` prints it.
    pub fingerprint: KeyFingerprint,
    /// The host key of this machine, by which other machines recognise it. `null` if none was registered.
    #[serde(default)]
    pub ssh_host_key: Option<SshPublicKey>,
    /// The SHA-256 fingerprint of the host key.
    #[serde(default)]
    pub host_key_fingerprint: Option<KeyFingerprint>,
    /// When the access was approved.
    pub approved_at: Timestamp,
    /// The actor that approved the access. `null` if the engine approves access automatically.
    pub approved_by: Option<String>,
}

/// The access of a machine that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PendingAccess {
    /// The user to log in as on this machine.
    pub user: SshUser,
    /// The address of this machine.
    pub tailscale_ip: TailscaleIp,
    /// The public key that this machine uses to log in to other machines, without its comment.
    pub ssh_public_key: SshPublicKey,
    /// The SHA-256 fingerprint of the key, as `ssh-keygen -lf` prints it.
    pub fingerprint: KeyFingerprint,
    /// The host key of this machine, by which other machines recognise it. `null` if none was registered.
    #[serde(default)]
    pub ssh_host_key: Option<SshPublicKey>,
    /// The SHA-256 fingerprint of the host key.
    #[serde(default)]
    pub host_key_fingerprint: Option<KeyFingerprint>,
    /// When the access was registered.
    pub registered_at: Timestamp,
    /// The actor that registered the access.
    pub registered_by: String,
}

/// Registers a machine or updates its data. The path contains the hostname.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct RegisterMachine {
    /// The operating system.
    pub os: MachineOs,
    /// The processor architecture.
    pub arch: MachineArch,
    /// The address at which other machines reach this machine.
    pub tailscale_ip: TailscaleIp,
    /// The user to log in as on this machine.
    pub user: SshUser,
    /// The public key that this machine uses to log in to other machines: the line of its `.pub` file. The comment is
    /// not stored.
    pub ssh_public_key: SshPublicKey,
    /// The public host key of this machine, by which other machines recognise it: the line of
    /// `/etc/ssh/ssh_host_ed25519_key.pub`. The comment is not stored. Without it, other machines can't check that they
    /// reach this machine.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_host_key: Option<SshPublicKey>,
    /// The role of the machine, such as `build`.
    #[deserr(default)]
    #[serde(default)]
    pub role: Option<MachineRole>,
    /// Any other data to store with the machine. It replaces the data stored before.
    #[deserr(default)]
    #[serde(default)]
    pub meta: Meta,
}

/// Approves an access. The request repeats the whole access, so that nobody can exchange it between review and
/// approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct ApproveMachine {
    /// The user of the access that waits for approval.
    pub user: SshUser,
    /// The address of the access that waits for approval.
    pub tailscale_ip: TailscaleIp,
    /// The fingerprint of the key that waits for approval.
    pub fingerprint: KeyFingerprint,
    /// The fingerprint of the host key that waits for approval. `null` or absent if the access has no host key.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key_fingerprint: Option<KeyFingerprint>,
}

/// Selects the machines that `list_machines` shows, newest first. Without `status`, retired machines are not shown.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct MachineFilter {
    /// Show only machines with this status.
    #[deserr(default)]
    pub status: Option<MachineStatus>,
    /// Show only machines with this role.
    #[deserr(default)]
    pub role: Option<MachineRole>,
    /// The number of machines on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// The answer to the heartbeat of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MachineHeartbeat {
    /// The hostname of the machine.
    pub hostname: Host,
    /// The status of the machine.
    pub status: MachineStatus,
    /// When the machine last registered or sent a heartbeat.
    pub last_seen_at: Timestamp,
    /// When the machine should send its next heartbeat.
    pub next_heartbeat_at: Timestamp,
    /// The seconds from now until `next_heartbeat_at`: 10 ± 2 minutes, chosen at random each time, so that the machines
    /// of a fleet don't all send at once.
    pub heartbeat_interval_seconds: u32,
}

/// Selects the machines that `ssh_config` shows.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct SshConfigFilter {
    /// The hostname of the machine that will use the configuration. That machine is left out. Without it, all machines
    /// are included.
    #[deserr(default, rename = "for")]
    #[serde(rename = "for")]
    pub host: Option<Host>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// The approved machines as SSH configuration, in the order of registration. A page has up to 200 machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SshConfig {
    /// A `Host` block for each machine. Write it to a file that `~/.ssh/config` includes.
    pub ssh_config: String,
    /// A line with the key of each machine, for `~/.ssh/authorized_keys`.
    pub authorized_keys: Vec<String>,
    /// A line with the host key of each machine that has one, under its hostname and its address, for `known_hosts`.
    #[serde(default)]
    pub known_hosts: Vec<String>,
    /// The number of machines on all pages. It is exact up to 750.
    pub total: u32,
    /// True if `total` is only a lower bound. Absent if the count is exact.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub total_is_minimum: bool,
    /// The number of machines on this page.
    pub shown: u32,
    /// The cursor of the next page, or `null` on the last page.
    pub next_cursor: Option<Cursor>,
}
