//! Machines: the computers of the fleet, and how they reach each other.
//!
//! User, address and key are a machine's *access*: what other machines' SSH is told. They are approved together, as
//! one, because a key is only as good as the address that it is used for.

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
    /// An operating system, such as `macos` or `linux`.
    MachineOs, max 32, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// A processor architecture, such as `arm64` or `x86_64`.
    MachineArch, max 32, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// What a machine is for, such as `workstation` or `build`.
    MachineRole, max 50, pattern r"^[A-Za-z0-9][A-Za-z0-9._-]*$", label
}
text! {
    /// A user of a machine.
    SshUser, max 64, pattern r"^[A-Za-z0-9_][A-Za-z0-9._-]*$", |text| {
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        let fits = starts_well && plain;
        fits.then_some(()).ok_or(Invalid::new("must be letters, digits, dot, - or _, not starting with dot or -"))
    }
}

/// Where a machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum MachineStatus {
    /// Something of it waits for approval; what was approved before stays in use meanwhile.
    Pending,
    /// Nothing waits.
    Approved,
    /// Out of the fleet.
    Retired,
}

impl MachineStatus {
    /// The word on the wire and in the database.
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
    /// Its id.
    pub id: MachineId,
    /// Its hostname, unique without regard to case.
    pub hostname: Host,
    /// Where it stands.
    pub status: MachineStatus,
    /// Its operating system.
    pub os: MachineOs,
    /// Its architecture.
    pub arch: MachineArch,
    /// What it is for.
    pub role: Option<MachineRole>,
    /// What is noted about it.
    pub meta: Meta,
    /// The access that other machines are told; `null` while none was approved.
    pub approved: Option<ApprovedAccess>,
    /// The access that waits for approval; `null` when nothing waits.
    pub pending: Option<PendingAccess>,
    /// When it was first registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was last heard of.
    pub last_seen_at: Timestamp,
    /// When it was retired; `null` while it is of the fleet.
    pub retired_at: Option<Timestamp>,
    /// The correlation id of the request that first registered it.
    pub creation_correlation_id: String,
}

/// The access of a machine that an admin approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApprovedAccess {
    /// The user to log in as.
    pub user: SshUser,
    /// The address to connect to.
    pub tailscale_ip: TailscaleIp,
    /// The key it logs in with elsewhere, without a comment.
    pub ssh_public_key: SshPublicKey,
    /// The key's SHA-256, as `ssh-keygen -lf` prints it.
    pub fingerprint: KeyFingerprint,
    /// When it was approved.
    pub approved_at: Timestamp,
    /// The actor who approved it; `null` when the engine approves by itself.
    pub approved_by: Option<String>,
}

/// The access of a machine that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PendingAccess {
    /// The user to log in as.
    pub user: SshUser,
    /// The address to connect to.
    pub tailscale_ip: TailscaleIp,
    /// The key it logs in with elsewhere, without a comment.
    pub ssh_public_key: SshPublicKey,
    /// The key's SHA-256, as `ssh-keygen -lf` prints it.
    pub fingerprint: KeyFingerprint,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The actor who registered it.
    pub registered_by: String,
}

/// Registers a machine, or says what has changed; its hostname is in the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct RegisterMachine {
    /// Its operating system.
    pub os: MachineOs,
    /// Its architecture.
    pub arch: MachineArch,
    /// The address that other machines reach it at.
    pub tailscale_ip: TailscaleIp,
    /// The user that others log in as.
    pub user: SshUser,
    /// The key it logs in with elsewhere: the line of a file that ends in `.pub`. Its comment is dropped.
    pub ssh_public_key: SshPublicKey,
    /// What it is for.
    #[deserr(default)]
    #[serde(default)]
    pub role: Option<MachineRole>,
    /// Anything to note about it; replaces what was noted.
    #[deserr(default)]
    #[serde(default)]
    pub meta: Meta,
}

/// Approves the access that it names, whole, so that none can be swapped in meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct ApproveMachine {
    /// The user of the pending access.
    pub user: SshUser,
    /// The address of the pending access.
    pub tailscale_ip: TailscaleIp,
    /// The fingerprint of the pending key.
    pub fingerprint: KeyFingerprint,
}

/// Which machines `list_machines` shows, newest first; without `status`, all that are not retired.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct MachineFilter {
    /// Where they stand.
    #[deserr(default)]
    pub status: Option<MachineStatus>,
    /// What they are for.
    #[deserr(default)]
    pub role: Option<MachineRole>,
    /// 1 to 100, 20 unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// Where the page starts: the `next_cursor` of the page before.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// The answer to a machine's heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MachineHeartbeat {
    /// Its hostname.
    pub hostname: Host,
    /// Where it stands.
    pub status: MachineStatus,
    /// When it was last heard of.
    pub last_seen_at: Timestamp,
    /// When the server wants to hear again.
    pub next_heartbeat_at: Timestamp,
    /// The same as seconds from now: 10 minutes ± 2, drawn anew each time so that a fleet spreads out.
    pub heartbeat_interval_seconds: u32,
}

/// For which machine `ssh_config` renders the others.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct SshConfigFilter {
    /// The hostname of the machine that is left out; nobody is, without it.
    #[deserr(default, rename = "for")]
    #[serde(rename = "for")]
    pub host: Option<Host>,
    /// Where the page starts: the `next_cursor` of the page before.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// The approved machines, as SSH reads them: 500 at a time, in the order of their registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SshConfig {
    /// A `Host` block for each machine, for a file that `~/.ssh/config` includes.
    pub ssh_config: String,
    /// A line with each machine's key, for `~/.ssh/authorized_keys`.
    pub authorized_keys: Vec<String>,
    /// How many machines there are on all pages; exact up to 1,000.
    pub total: u32,
    /// True when `total` is only a lower bound. Absent when the count is exact.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub total_is_minimum: bool,
    /// How many machines this page has.
    pub shown: u32,
    /// The cursor of the next page, or `null` at the end.
    pub next_cursor: Option<Cursor>,
}
