//! The secrets of one launch: requested when the launch is planned, fetched when the agent starts.
//!
//! A launch continues without its secrets and says what is missing, unless `--require-secrets` is given.

use deckwatch_machine::variables;
use deckwatch_machine::ventures::VentureEntry;

use crate::endpoint::Endpoint;
use crate::error::LaunchError;
use crate::launch::Launch;
use crate::secrets::folder::Folder;
use crate::secrets::listing::Listing;
use crate::secrets::name::{self, MAX_TOTAL_BYTES};
use crate::secrets::vault::Vault;
use crate::secrets::{Secret, Secrets};
use crate::secrets_error::SecretsError;

/// The secrets that a launch needs, and what happens if they can't be fetched.
pub(crate) struct SecretsRequest<'a> {
    vault: &'a Vault,
    folder: Option<Folder>,
    /// The secrets that the venture's entry lists as required, by name.
    expected: Vec<String>,
    rule: Rule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// `--no-secrets`.
    Never,
    /// Start without secrets if they can't be fetched.
    IfPossible,
    /// `--require-secrets`.
    Required,
}

/// The secrets of a launch, and messages about them.
#[derive(Default)]
pub(crate) struct Granted {
    pub(crate) secrets: Secrets,
    /// Messages about what was done.
    pub(crate) notes: Vec<String>,
    /// Messages about problems.
    pub(crate) warnings: Vec<String>,
}

impl<'a> SecretsRequest<'a> {
    /// Creates the request from the command line and the venture.
    pub(crate) fn of(launch: &Launch, vault: &'a Vault, venture: &VentureEntry) -> Self {
        let rule = match (launch.no_secrets, launch.require_secrets) {
            (true, _) => Rule::Never,
            (_, true) => Rule::Required,
            _ => Rule::IfPossible,
        };
        let expected = venture.secrets.iter().map(ToString::to_string).collect();
        Self { vault, folder: vault.folder_of(venture), expected, rule }
    }

    /// The source of the secrets, for the plan. Fetches nothing.
    pub(crate) fn describe(&self) -> String {
        match (self.rule, &self.folder) {
            (Rule::Never, _) => "none: --no-secrets".to_owned(),
            (_, None) => "none: no Infisical project is configured".to_owned(),
            (_, Some(folder)) => format!("{folder} at {}", self.vault.describe()),
        }
    }

    /// Fetches the secrets, and also the key of the API if it has to be fetched.
    pub(crate) fn fetch(&self, endpoint: &Endpoint) -> Result<Granted, LaunchError> {
        let mut granted = Granted::default();
        self.fetch_folder(&mut granted)?;
        match endpoint.unlock() {
            Ok(()) => {}
            Err(error) if self.rule == Rule::Required => return Err(error),
            Err(error) => {
                granted.warnings.push(format!("{error}; the agent starts without the key of the Context API"));
                granted.notes.extend(error.hint());
            }
        }
        if let Some(key) = endpoint.var(variables::API_KEY) {
            granted.secrets.insert(variables::API_KEY, Secret::new(key.to_owned()));
        }
        Ok(granted)
    }

    fn fetch_folder(&self, granted: &mut Granted) -> Result<(), SecretsError> {
        let folder = match (self.rule, &self.folder) {
            (Rule::Never, _) => return Ok(()),
            (Rule::Required, None) => return Err(SecretsError::NotConfigured),
            (Rule::IfPossible, None) => {
                granted.notes.push("no secrets: no Infisical project is configured for this venture".to_owned());
                return Ok(());
            }
            (_, Some(folder)) => folder,
        };
        match self.vault.fetch(folder) {
            Ok(listing) => self.take(listing, folder, granted),
            Err(error) if self.rule == Rule::Required => Err(error),
            Err(error) => {
                let missing =
                    if self.expected.is_empty() { String::new() } else { format!(": {}", self.expected.join(", ")) };
                granted.warnings.push(format!("{error}; the agent starts without its secrets{missing}"));
                granted.notes.extend(error.hint());
                Ok(())
            }
        }
    }

    fn take(&self, listing: Listing, folder: &Folder, granted: &mut Granted) -> Result<(), SecretsError> {
        let sorted = SortedSecrets::of(listing, &self.expected);
        for (name, reason) in &sorted.left_out {
            granted.warnings.push(format!("the secret {name} is left out: it {reason}"));
        }
        if !sorted.missing.is_empty() {
            let error = SecretsError::Absent { folder: folder.to_string(), names: sorted.missing };
            if self.rule == Rule::Required {
                return Err(error);
            }
            granted.warnings.push(error.to_string());
        }
        let count = sorted.usable.names().count();
        granted.notes.push(format!("{count} secret{} of {}", if count == 1 { "" } else { "s" }, folder.path));
        granted.secrets = sorted.usable;
        Ok(())
    }
}

/// The secrets of a folder, split into those that an agent gets and those that it does not get.
pub(crate) struct SortedSecrets {
    pub(crate) usable: Secrets,
    /// The name, safe to print, and the reason.
    pub(crate) left_out: Vec<(String, &'static str)>,
    /// Expected names that the agent does not get.
    pub(crate) missing: Vec<String>,
}

impl SortedSecrets {
    pub(crate) fn of(listing: Listing, expected: &[String]) -> Self {
        let mut sorted = Self { usable: Secrets::default(), left_out: Vec::new(), missing: Vec::new() };
        let mut room = MAX_TOTAL_BYTES;
        for (name, value) in listing.values {
            let size = name.len() + value.expose().len() + 2;
            let reason = name::refusal(&name, &value)
                .or_else(|| (size > room).then_some("exceeds the limit of 512 KiB for all secrets together"));
            if let Some(reason) = reason {
                sorted.left_out.push((name::shown(&name), reason));
            } else {
                room -= size;
                sorted.usable.insert(&name, value);
            }
        }
        let hidden =
            listing.hidden.iter().map(|name| (name::shown(name), "has a value that this identity may not read"));
        sorted.left_out.extend(hidden);
        let got: Vec<&str> = sorted.usable.names().collect();
        sorted.missing = expected.iter().filter(|name| !got.contains(&name.as_str())).cloned().collect();
        sorted
    }
}
