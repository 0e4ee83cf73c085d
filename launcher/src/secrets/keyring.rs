//! Reads and writes the keyring of the operating system with its own tool: `security` on macOS, `secret-tool` elsewhere.
//!
//! A secret is passed through standard input and standard output, never as an argument.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::Secret;
use super::program::{self, ProgramResult};
use super::unlocking::{Unlocking, is_locked};
use crate::process_env::ProcessEnv;

const SERVICE: &str = "deckwatch";
/// A locked keyring may ask the user for a password.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Over SSH, the keyring would ask on the desktop, where no user can answer.
const TIMEOUT_OVER_SSH: Duration = Duration::from_secs(3);
/// A part of the message of `security` if the item does not exist. The rest of the message differs between versions.
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

/// An item of the keyring.
pub(crate) struct Item {
    label: &'static str,
    account: String,
}

impl Item {
    /// The machine identity for one Infisical host. It is never sent to another host.
    pub(super) fn identity(host: &str) -> Self {
        Self { label: "Deckwatch: machine identity for Infisical", account: format!("infisical@{host}") }
    }

    /// The key of one Context API.
    pub(crate) fn api_key(host: &str) -> Self {
        Self { label: "Deckwatch: key of the Context API", account: format!("context-api@{host}") }
    }

    /// The secret of one receiver of notices.
    pub(super) fn notices(host: &str) -> Self {
        Self { label: "Deckwatch: secret for notices", account: format!("notices@{host}") }
    }
}

impl Keyring {
    /// The keyring for which this machine has a tool. The tool of the operating system is preferred.
    pub(super) fn of(env: &ProcessEnv) -> Option<Self> {
        let keychain = || env.program("security").map(Tool::Keychain);
        let service = || env.program("secret-tool").map(Tool::SecretService);
        let tool = if cfg!(target_os = "macos") { keychain().or_else(service) } else { service().or_else(keychain) };
        Some(Self { tool: tool?, unlocking: Unlocking::of(env) })
    }

    /// The value of an item. `None` if the item does not exist. The error says why it could not be read.
    pub(super) async fn read(&self, item: &Item) -> Result<Option<Secret>, String> {
        let result = match &self.tool {
            Tool::SecretService(tool) => {
                self.run(tool, &["lookup", "service", SERVICE, "account", &item.account], "").await?
            }
            Tool::Keychain(tool) => {
                self.run(tool, &["find-generic-password", "-s", SERVICE, "-a", &item.account, "-w"], "").await?
            }
        };
        match result {
            ProgramResult { succeeded: true, output, .. } => {
                Ok(Some(Secret::new(output.trim_end_matches('\n').to_owned())))
            }
            ProgramResult { error_text, .. } if error_text.is_empty() || error_text.contains(NOT_FOUND) => Ok(None),
            ProgramResult { error_text, .. } => Err(error_text),
        }
    }

    /// Stores a value, and replaces an existing one. Reads it back, so that success means that it is stored.
    pub(crate) async fn store(&self, item: &Item, value: &Secret) -> Result<(), String> {
        let result = match &self.tool {
            Tool::SecretService(tool) => {
                let label = format!("--label={}", item.label);
                self.run(tool, &["store", &label, "service", SERVICE, "account", &item.account], value.expose()).await?
            }
            Tool::Keychain(tool) => self.run(tool, &["-i"], &keychain_command(item, value)).await?,
        };
        match self.read(item).await? {
            Some(kept) if kept.expose() == value.expose() => Ok(()),
            _ if result.error_text.is_empty() => Err("what was stored could not be read back".to_owned()),
            _ => Err(result.error_text),
        }
    }

    /// Deletes an item. Does nothing if it does not exist.
    pub(crate) async fn forget(&self, item: &Item) -> Result<(), String> {
        let result = match &self.tool {
            Tool::SecretService(tool) => {
                self.run(tool, &["clear", "service", SERVICE, "account", &item.account], "").await?
            }
            Tool::Keychain(tool) => {
                self.run(tool, &["delete-generic-password", "-s", SERVICE, "-a", &item.account], "").await?
            }
        };
        match self.read(item).await? {
            None => Ok(()),
            Some(_) => Err(result.error_text),
        }
    }

    /// Runs the tool of the keyring. Runs it once more if the keyring was locked and the user unlocked it.
    async fn run(&self, tool: &Path, args: &[&str], input: &str) -> Result<ProgramResult, String> {
        let remote = self.unlocking.remote;
        let time_limit = if remote { TIMEOUT_OVER_SSH } else { TIMEOUT };
        let once = async || program::run(Command::new(tool).args(args), input, time_limit).await;
        let result = match once().await {
            Err(cause) if remote => {
                return Err(format!("{cause}; a locked keyring asks on the desktop, which SSH does not show"));
            }
            result => result?,
        };
        if matches!(self.tool, Tool::Keychain(_)) && is_locked(&result) {
            self.unlocking.offer(tool)?;
            return once().await;
        }
        Ok(result)
    }
}

/// The input line for `security -i`. The value is in hexadecimal digits, which need no quotes.
fn keychain_command(item: &Item, value: &Secret) -> String {
    let hex = base16ct::lower::encode_string(value.expose().as_bytes());
    format!("add-generic-password -U -s {SERVICE} -a \"{}\" -l \"{}\" -X {hex}\n", item.account, item.label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_for_the_keychain_needs_no_quoting() {
        let line = keychain_command(&Item::identity("eu.infisical.com"), &Secret::new("a\"b\n".to_owned()));
        assert!(line.ends_with("-X 6122620a\n") && line.contains("-a \"infisical@eu.infisical.com\""), "{line}");
    }
}
