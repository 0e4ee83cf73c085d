//! The key that a machine logs in to the others with.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use deckwatch_machine::agent::this_host;
use deckwatch_protocol::SshPublicKey;
use serde::{Deserialize, Serialize};

use super::ssh_folder::SshFolder;
use crate::host::{Answers, Connection};
use crate::wire::{Refusal, Request};

/// The files that `ssh` tries without being told. The mesh uses the first one, and makes it if it is missing.
pub(super) const USUAL_FILES: [&str; 5] = ["id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk"];
const OWN_FILE: &str = "id_ed25519";

/// Asks a machine to make its key if it has none.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeKey {}

/// A key of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineKey {
    /// The public half.
    pub key: SshPublicKey,
    /// The name of its file in `~/.ssh`.
    pub file: String,
}

impl Request for MakeKey {
    const NAME: &'static str = "mesh_make_key";
    type Item = ();
    type Answer = MachineKey;
}

impl Answers for MakeKey {
    async fn answer(self, _: &mut Connection) -> Result<MachineKey, Refusal> {
        let folder = SshFolder::to_change(false)?;
        if let Some(key) = find(&folder, None)? {
            return Ok(key);
        }
        let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "user".to_owned());
        let comment = format!("{name}@{}", this_host());
        let file = folder.path(OWN_FILE);
        keygen(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f"]).arg(file))?;
        find(&folder, None)?.ok_or_else(|| Refusal::machine("ssh-keygen made no key in ~/.ssh/id_ed25519"))
    }
}

/// The key of this machine: the approved one if it has it, else the usual one. `None` if it has neither.
pub(super) fn find(folder: &SshFolder, approved: Option<&SshPublicKey>) -> Result<Option<MachineKey>, Refusal> {
    if let Some(key) = approved
        && let Some(file) = file_of(folder, key)?
    {
        return Ok(Some(MachineKey { key: key.clone(), file }));
    }
    let file = OWN_FILE.to_owned();
    if let Some(line) = folder.read(&format!("{OWN_FILE}.pub"))? {
        return Ok(Some(MachineKey { key: parsed(&line)?, file }));
    }
    let private = folder.path(OWN_FILE);
    if !private.exists() {
        return Ok(None);
    }
    let line = keygen(Command::new("ssh-keygen").args(["-y", "-P", "", "-f"]).arg(private))?;
    Ok(Some(MachineKey { key: parsed(&line)?, file }))
}

/// The path that tells `ssh` to use the key. A key without a private file is in an agent: its public file selects it.
pub(super) fn identity(folder: &SshFolder, file: &str) -> PathBuf {
    let private = folder.path(file);
    if private.exists() { private } else { folder.path(&format!("{file}.pub")) }
}

/// The name of the file that has the private half of `key`.
fn file_of(folder: &SshFolder, key: &SshPublicKey) -> Result<Option<String>, Refusal> {
    let Ok(entries) = folder.path("").read_dir() else { return Ok(None) };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    for name in names.iter().filter_map(|name| name.strip_suffix(".pub")).filter(|name| is_plain(name)) {
        let line = folder.read(&format!("{name}.pub"))?.unwrap_or_default();
        if parsed(&line).ok().as_ref() == Some(key) {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

/// Whether a name needs no quotes in a configuration file.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// The key in the line of a `.pub` file.
pub(super) fn parsed(line: &[u8]) -> Result<SshPublicKey, Refusal> {
    let text = String::from_utf8_lossy(line);
    text.trim().parse().map_err(|error| Refusal::machine(format!("the public key in ~/.ssh can't be used: {error}")))
}

/// Runs `ssh-keygen`, which must not ask. Returns what it prints.
fn keygen(command: &mut Command) -> Result<Vec<u8>, Refusal> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| Refusal::machine(format!("ssh-keygen can't be started: {error}")))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Refusal::machine(format!(
        "ssh-keygen failed: {message}; if ~/.ssh/id_ed25519 has a passphrase, write its public half beside it: \
         ssh-keygen -y -f ~/.ssh/id_ed25519 > ~/.ssh/id_ed25519.pub"
    )))
}
