//! The key of the Context API, and the source that the settings configure for it.

use std::cell::OnceCell;
use std::rc::Rc;

use url::Url;

use super::Secret;
use super::identity::output_of;
use super::keyring::Item;
use super::settings::host_of;
use super::vault::{Vault, wait};
use crate::secrets_error::SecretsError;

/// The source of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// The output of a command. The command is a list of arguments and is run without a shell.
    Command(Vec<String>),
    /// The keyring of this machine.
    Keyring,
    /// A secret in Infisical, with its folder and name, such as `/deckwatch/CONTEXT_API_KEY`.
    Infisical(String),
}

/// A key that is fetched when it is needed and then kept in memory.
pub(crate) struct ApiKey {
    source: Option<KeySource>,
    vault: Rc<Vault>,
    item: Item,
    value: OnceCell<Secret>,
}

impl ApiKey {
    /// A key that is already known.
    pub(crate) fn given(value: Secret, vault: &Rc<Vault>) -> Self {
        Self { source: None, vault: Rc::clone(vault), item: Item::api_key(""), value: OnceCell::from(value) }
    }

    /// The key of the API at `url`, which is not fetched yet.
    pub(crate) fn at(source: KeySource, url: &str, vault: &Rc<Vault>) -> Self {
        Self { source: Some(source), vault: Rc::clone(vault), item: Item::api_key(&host(url)), value: OnceCell::new() }
    }

    /// The secret of the receiver of notices at `url`, which is not fetched yet.
    pub(crate) fn of_notices(source: KeySource, url: &str, vault: &Rc<Vault>) -> Self {
        Self { item: Item::notices(&host(url)), ..Self::at(source, url, vault) }
    }

    /// The key, if it has been fetched.
    pub(crate) fn if_fetched(&self) -> Option<&Secret> {
        self.value.get()
    }

    /// The key. Fetches it if that has not been done.
    pub(crate) fn get(&self) -> Result<&Secret, SecretsError> {
        if let (None, Some(source)) = (self.value.get(), &self.source) {
            // Setting it can't fail: this process fetches the key in one thread only.
            let _ = self.value.set(self.fetch(source)?);
        }
        self.value.get().ok_or(SecretsError::NoCredential { keyring: None })
    }

    /// The source of the key for messages. `None` if the key was given.
    pub(crate) fn origin(&self) -> Option<String> {
        match self.source.as_ref()? {
            KeySource::Command(_) => Some("key_command".to_owned()),
            KeySource::Keyring => Some("the keyring".to_owned()),
            KeySource::Infisical(place) => Some(format!("Infisical, {place}")),
        }
    }

    fn fetch(&self, source: &KeySource) -> Result<Secret, SecretsError> {
        let absent = |cause: String| SecretsError::NoKey { source_name: self.origin().unwrap_or_default(), cause };
        match source {
            KeySource::Command(words) => {
                let output = wait(async { output_of(words).await.map_err(absent) })?;
                Ok(Secret::new(output.expose().trim().to_owned()))
            }
            KeySource::Keyring => {
                let keyring = self.vault.keyring().ok_or_else(|| SecretsError::Keyring(NO_KEYRING.to_owned()))?;
                let kept = wait(async { keyring.read(&self.item).await.map_err(SecretsError::Keyring) })?;
                kept.ok_or_else(|| absent("it has none for this address".to_owned()))
            }
            KeySource::Infisical(place) => {
                let (path, name) = place.rsplit_once('/').unwrap_or(("", place));
                let folder = self.vault.shared_folder(path).ok_or(SecretsError::NotConfigured)?;
                let mut listing = self.vault.fetch(&folder)?;
                listing
                    .values
                    .remove(name)
                    .ok_or_else(|| SecretsError::Absent { folder: folder.to_string(), names: vec![name.to_owned()] })
            }
        }
    }
}

/// The error message for a machine without a keyring tool.
pub(crate) const NO_KEYRING: &str =
    "its tool is not installed (`security` on macOS, `secret-tool` of libsecret elsewhere)";

/// The host of an API. Its key is stored in the keyring under this name.
pub(crate) fn host(url: &str) -> String {
    Url::parse(url).map(|url| host_of(&url)).unwrap_or_default()
}
