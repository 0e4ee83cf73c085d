//! The keyring of the operating system, through its own tool: `security` on macOS, `secret-tool` elsewhere.
//!
//! A value goes in over standard input and comes out over standard output, never as an argument.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::Secret;
use super::program::{self, Ran};
use super::unlocking::{Unlocking, is_locked};
use crate::surroundings::Surroundings;

const SERVICE: &str = "deckwatch";
/// A locked keyring may ask its person for a password.
const PATIENCE: Duration = Duration::from_secs(15);
/// Over SSH it would ask on a desktop where nobody sits.
const PATIENCE_OVER_SSH: Duration = Duration::from_secs(3);
/// How `security` ends when there is no such item; its text differs between versions.
const NOT_FOUND: &str = "could not be found";

/// The keyring of this user.
pub(crate) struct Keyring {
    tool: Tool,
    unlocking: Unlocking,
}

enum Tool {
    /// A Secret Service, such as GNOME's or KDE's, through libsecret's tool.
    SecretService(PathBuf),
    /// The login keychain of macOS.
    Keychain(PathBuf),
}

/// One thing that is kept.
pub(crate) struct Item {
    label: &'static str,
    account: String,
}

impl Item {
    /// The machine identity for one Infisical: what is kept for one host is never sent to another.
    pub(super) fn identity(host: &str) -> Self {
        Self { label: "Deckwatch: machine identity for Infisical", account: format!("infisical@{host}") }
    }

    /// The key of one Context API.
    pub(super) fn api_key(host: &str) -> Self {
        Self { label: "Deckwatch: key of the Context API", account: format!("context-api@{host}") }
    }
}

impl Keyring {
    /// The one that this machine has a tool for; its own system's first.
    pub(super) fn of(surroundings: &Surroundings) -> Option<Self> {
        let keychain = || surroundings.program("security").map(Tool::Keychain);
        let service = || surroundings.program("secret-tool").map(Tool::SecretService);
        let tool = if cfg!(target_os = "macos") { keychain().or_else(service) } else { service().or_else(keychain) };
        Some(Self { tool: tool?, unlocking: Unlocking::of(surroundings) })
    }

    /// What is kept under an item; `None` when nothing is. The error says why it can't be told.
    pub(super) async fn read(&self, item: &Item) -> Result<Option<Secret>, String> {
        let ran = match &self.tool {
            Tool::SecretService(tool) => {
                self.run(tool, &["lookup", "service", SERVICE, "account", &item.account], "").await?
            }
            Tool::Keychain(tool) => {
                self.run(tool, &["find-generic-password", "-s", SERVICE, "-a", &item.account, "-w"], "").await?
            }
        };
        match ran {
            Ran { succeeded: true, output, .. } => Ok(Some(Secret::new(output.trim_end_matches('\n').to_owned()))),
            Ran { complaint, .. } if complaint.is_empty() || complaint.contains(NOT_FOUND) => Ok(None),
            Ran { complaint, .. } => Err(complaint),
        }
    }

    /// Keeps a value in place of what was there, and reads it back: `stored` is said only of what is.
    pub(super) async fn store(&self, item: &Item, value: &Secret) -> Result<(), String> {
        let ran = match &self.tool {
            Tool::SecretService(tool) => {
                let label = format!("--label={}", item.label);
                self.run(tool, &["store", &label, "service", SERVICE, "account", &item.account], value.expose()).await?
            }
            Tool::Keychain(tool) => self.run(tool, &["-i"], &added(item, value)).await?,
        };
        match self.read(item).await? {
            Some(kept) if kept.expose() == value.expose() => Ok(()),
            _ if ran.complaint.is_empty() => Err("what was stored could not be read back".to_owned()),
            _ => Err(ran.complaint),
        }
    }

    /// Forgets an item; one that is not there is forgotten already.
    pub(super) async fn forget(&self, item: &Item) -> Result<(), String> {
        let ran = match &self.tool {
            Tool::SecretService(tool) => {
                self.run(tool, &["clear", "service", SERVICE, "account", &item.account], "").await?
            }
            Tool::Keychain(tool) => {
                self.run(tool, &["delete-generic-password", "-s", SERVICE, "-a", &item.account], "").await?
            }
        };
        match self.read(item).await? {
            None => Ok(()),
            Some(_) => Err(ran.complaint),
        }
    }

    /// Runs the keyring's tool; once more when it was locked and is open now.
    async fn run(&self, tool: &Path, args: &[&str], input: &str) -> Result<Ran, String> {
        let remote = self.unlocking.remote;
        let patience = if remote { PATIENCE_OVER_SSH } else { PATIENCE };
        let once = async || program::run(Command::new(tool).args(args), input, patience).await;
        let ran = match once().await {
            Err(cause) if remote => {
                return Err(format!("{cause}; a locked keyring asks on the desktop, which SSH does not show"));
            }
            ran => ran?,
        };
        if matches!(self.tool, Tool::Keychain(_)) && is_locked(&ran) {
            self.unlocking.offer(tool)?;
            return once().await;
        }
        Ok(ran)
    }
}

/// A line for `security -i`. The value is in hexadecimal digits, which need no quoting.
fn added(item: &Item, value: &Secret) -> String {
    let hex = value.expose().bytes().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    format!("add-generic-password -U -s {SERVICE} -a \"{}\" -l \"{}\" -X {hex}\n", item.account, item.label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keychain_is_given_a_value_that_needs_no_quoting() {
        let line = added(&Item::identity("eu.infisical.com"), &Secret::new("a\"b\n".to_owned()));
        assert!(line.ends_with("-X 6122620a\n") && line.contains("-a \"infisical@eu.infisical.com\""), "{line}");
    }
}
