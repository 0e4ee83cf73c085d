//! What a machine says about itself before the mesh changes anything.

use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};

use deckwatch_machine::agent::this_host;
use deckwatch_protocol::{Host, SshPublicKey};
use serde::{Deserialize, Serialize};

use super::key::{MachineKey, find, parsed};
use super::ssh_folder::{SshFolder, dirs};
use crate::host::{Answers, Connection};
use crate::members::Member;
use crate::wire::{Refusal, Request};

/// The file with the host key, on Linux and macOS.
const HOST_KEY: &str = "/etc/ssh/ssh_host_ed25519_key.pub";

/// Asks a machine what it has. Changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inspect {
    /// The machine, as the others know it.
    pub member: Member,
}

/// What a machine has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// The hostname.
    pub hostname: Host,
    /// The user that the far side runs as. `None` if the environment does not say.
    pub user: Option<String>,
    /// The approved key if the machine has it, else its usual key.
    pub key: Option<MachineKey>,
    /// The host key that the machine's SSH server has, if it can be read.
    pub host_key: Option<SshPublicKey>,
    /// Whether other users can write the home folder. Its SSH server then accepts no key.
    pub home_is_writable: bool,
    /// Whether Remote Login is on. `None` on other systems than macOS.
    pub remote_login: Option<bool>,
}

impl Request for Inspect {
    const NAME: &'static str = "mesh_inspect";
    type Item = ();
    type Answer = Inspection;
}

impl Answers for Inspect {
    async fn answer(self, _: &mut Connection) -> Result<Inspection, Refusal> {
        let folder = SshFolder::to_read()?;
        let home = dirs()?.home;
        Ok(Inspection {
            hostname: this_host(),
            user: std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok(),
            key: find(&folder, self.member.ssh_public_key.as_ref())?,
            host_key: std::fs::read(HOST_KEY).ok().and_then(|line| parsed(&line).ok()),
            home_is_writable: home.metadata().is_ok_and(|metadata| metadata.mode() & 0o022 != 0),
            remote_login: (self.member.os.as_str() == "macos").then(remote_login),
        })
    }
}

/// Whether macOS has loaded its SSH server. Asking `systemsetup` would need an administrator.
fn remote_login() -> bool {
    let mut launchctl = Command::new("launchctl");
    launchctl.args(["print", "system/com.openssh.sshd"]).stdin(Stdio::null()).stdout(Stdio::null());
    launchctl.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
