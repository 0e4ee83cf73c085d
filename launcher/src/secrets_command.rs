//! `launcher secrets`: stores or deletes a credential, or checks the folder of a venture. It never shows a secret.

use std::io::{self, IsTerminal as _, Read as _, Write};

use clap::Subcommand;
use clap_complete::engine::ArgValueCandidates;
use deckwatch_machine::ventures::VentureEntry;
use serde::Serialize;

use crate::completions;
use crate::config::Config;
use crate::error::LaunchError;
use crate::launch_secrets::SortedSecrets;
use crate::output::say;
use crate::secrets::Secret;
use crate::secrets::api_key::{self, NO_KEYRING};
use crate::secrets::folder::Folder;
use crate::secrets::identity::Identity;
use crate::secrets::keyring::Item;
use crate::secrets::vault::{Vault, wait};
use crate::secrets_error::SecretsError;
use crate::target::Target;

/// The largest number of bytes of a credential on standard input.
const MAX_INPUT_BYTES: u64 = 8 * 1024;

/// The subcommands of `launcher secrets`.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// List the secrets that a venture has and lacks, by name
    Check {
        /// Code of the venture, or `.` for the one of the repository you are in
        #[arg(value_name = "VENTURE", add = ArgValueCandidates::new(completions::ventures))]
        venture: Target,

        /// Print JSON
        #[arg(long)]
        json: bool,
    },

    /// Store a machine identity in the keyring; it is asked for, or read from standard input as two lines or JSON
    Login {
        /// Store the key of the configured Context API instead, one line
        #[arg(long)]
        api_key: bool,
    },

    /// Delete what `login` stored
    Logout {
        /// Delete the key of the Context API
        #[arg(long)]
        api_key: bool,
    },
}

/// The secrets that a venture has and lacks.
#[derive(Serialize)]
struct Report<'a> {
    venture: &'a str,
    from: String,
    folder: &'a Folder,
    present: Vec<&'a str>,
    missing: &'a [String],
    left_out: Vec<LeftOut<'a>>,
}

#[derive(Serialize)]
struct LeftOut<'a> {
    name: &'a str,
    reason: &'a str,
}

/// Lists the secrets that a venture has and lacks. Returns an error if one is missing.
pub(crate) fn check(
    venture: &VentureEntry,
    vault: &Vault,
    json: bool,
    out: &mut impl Write,
) -> Result<(), LaunchError> {
    let folder = vault.folder_of(venture).ok_or(SecretsError::NotConfigured)?;
    let expected: Vec<String> = venture.secrets.iter().map(ToString::to_string).collect();
    let sorted = SortedSecrets::of(vault.fetch(&folder)?, &expected);
    let report = Report {
        venture: venture.code.as_str(),
        from: vault.describe(),
        folder: &folder,
        present: sorted.usable.names().collect(),
        missing: &sorted.missing,
        left_out: sorted.left_out.iter().map(|(name, reason)| LeftOut { name, reason }).collect(),
    };
    let written = if json { report.write_json(out) } else { report.write_text(out) };
    written.map_err(LaunchError::Output)?;
    match sorted.missing {
        none if none.is_empty() => Ok(()),
        names => Err(SecretsError::Absent { folder: folder.to_string(), names }.into()),
    }
}

impl Report<'_> {
    fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        writeln!(out)
    }

    fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let or_none = |names: String| if names.is_empty() { "none".to_owned() } else { names };
        writeln!(out, "venture   {}", self.venture)?;
        writeln!(out, "from      {} at {}", self.folder, self.from)?;
        writeln!(out, "present   {}", or_none(self.present.join(" ")))?;
        writeln!(out, "missing   {}", or_none(self.missing.join(" ")))?;
        for LeftOut { name, reason } in &self.left_out {
            writeln!(out, "left out  {name}, which {reason}")?;
        }
        Ok(())
    }
}

/// Stores a credential in the keyring after Infisical has accepted it, or if Infisical can't be asked.
pub(crate) fn login(config: &Config, vault: &Vault, of_api: bool) -> Result<(), LaunchError> {
    let keyring = vault.keyring().ok_or_else(|| SecretsError::Keyring(NO_KEYRING.to_owned()))?;
    let (item, value, what) = if of_api {
        (api_item(config)?, read_api_key()?, "the key of the Context API")
    } else {
        (vault.item()?, read_identity(vault)?, "the machine identity")
    };
    wait(async { keyring.store(&item, &value).await.map_err(SecretsError::Keyring) })?;
    say(&format!("{what} is stored in the keyring"));
    Ok(())
}

/// Deletes a credential.
pub(crate) fn logout(config: &Config, vault: &Vault, of_api: bool) -> Result<(), LaunchError> {
    let keyring = vault.keyring().ok_or_else(|| SecretsError::Keyring(NO_KEYRING.to_owned()))?;
    let item = if of_api { api_item(config)? } else { vault.item()? };
    wait(async { keyring.forget(&item).await.map_err(SecretsError::Keyring) })?;
    say("it is deleted from the keyring");
    Ok(())
}

fn api_item(config: &Config) -> Result<Item, LaunchError> {
    let api =
        config.api.as_ref().ok_or_else(|| LaunchError::Endpoint("[api] url is not set in config.toml".to_owned()))?;
    Ok(Item::api_key(&api_key::host(&api.url)))
}

fn read_api_key() -> Result<Secret, LaunchError> {
    let text = if io::stdin().is_terminal() { hidden("Key of the Context API")? } else { standard_input()? };
    let key = text.expose().trim();
    if key.is_empty() || !key.chars().all(|c| c.is_ascii_graphic()) {
        return Err(SecretsError::BadCredential("it is empty or contains spaces".to_owned()).into());
    }
    Ok(Secret::new(key.to_owned()))
}

fn read_identity(vault: &Vault) -> Result<Secret, LaunchError> {
    let text = if io::stdin().is_terminal() {
        let id = inquire::Text::new("Client id of the machine identity").prompt().map_err(prompt_error)?;
        Secret::new(format!("{id}\n{}", hidden("Client secret")?.expose()))
    } else {
        standard_input()?
    };
    let identity = Identity::parse(text.expose()).map_err(|what| SecretsError::BadCredential(what.to_owned()))?;
    let kept = serde_json::json!({
        "clientId": identity.client_id.expose(),
        "clientSecret": identity.client_secret.expose(),
    });
    let kept = Secret::new(kept.to_string());
    match vault.try_identity(identity) {
        Ok(()) => {}
        Err(error @ SecretsError::Unreachable { .. }) => say(&format!("{error}; it is stored without a test")),
        Err(error) => return Err(error.into()),
    }
    Ok(kept)
}

fn hidden(what: &str) -> Result<Secret, LaunchError> {
    let asked = inquire::Password::new(what).without_confirmation();
    asked.with_display_mode(inquire::PasswordDisplayMode::Hidden).prompt().map(Secret::new).map_err(prompt_error)
}

fn prompt_error(error: inquire::InquireError) -> LaunchError {
    match error {
        inquire::InquireError::OperationCanceled | inquire::InquireError::OperationInterrupted => {
            LaunchError::Cancelled
        }
        other => SecretsError::BadCredential(other.to_string()).into(),
    }
}

fn standard_input() -> Result<Secret, SecretsError> {
    let mut text = String::new();
    let read = io::stdin().take(MAX_INPUT_BYTES).read_to_string(&mut text);
    let text = Secret::new(text);
    read.map(|_| text).map_err(|error| SecretsError::BadCredential(error.to_string()))
}
