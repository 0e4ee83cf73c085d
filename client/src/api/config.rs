//! The configuration of the API client: endpoint, key and secrets.

use std::net::IpAddr;
use std::path::PathBuf;

use deckwatch_machine::digest::sha256_hex;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::variables;
use deckwatch_protocol::{Agent, BearerKey, cut};
use url::{Host, Url};

use crate::secret_scan::{Injected, SecretScan, UnusableSecrets};

/// The location of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Worker or a server, over HTTP.
    Remote {
        /// The base URL.
        url: Url,
    },
    /// The embedded engine on a database file of this machine.
    InProcess {
        /// The database file.
        database: PathBuf,
    },
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Remote { url } => write!(f, "{url}"),
            Self::InProcess { database } => write!(f, "{} (embedded)", database.display()),
        }
    }
}

/// The configuration of the API client.
pub struct ApiConfig {
    pub(super) endpoint: Endpoint,
    pub(super) key: BearerKey,
    pub(super) secrets: SecretScan,
    /// The actor under which the last answers are kept, if it is not that of the key.
    reader: Option<String>,
}

/// An invalid configuration. The message never contains the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The URL is set, but the key is not.
    #[error("CONTEXT_API_URL is set, but CONTEXT_API_KEY is not")]
    NoKey,
    /// The key is malformed.
    #[error("CONTEXT_API_KEY {0}")]
    BadKey(String),
    /// The URL is malformed or unsafe.
    #[error("the URL of the Context API can't be used: {0}")]
    BadUrl(String),
    /// The secret scan can't be created.
    #[error(transparent)]
    Secrets(#[from] UnusableSecrets),
}

impl ApiConfig {
    /// Reads `CONTEXT_API_URL`, `CONTEXT_API_KEY` and the secrets named in `DECKWATCH_SECRETS` through `var`. Without a
    /// URL it selects the embedded engine in the data folder of `dirs`, with `agent` as the actor.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>, dirs: &Dirs, agent: &Agent) -> Result<Self, ConfigError> {
        let set = |name: &str| var(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let config = match set(variables::API_URL) {
            None => Self::embedded(dirs.data.join("context.db"), agent)?,
            Some(url) => Self::remote(&url, &set(variables::API_KEY).ok_or(ConfigError::NoKey)?)?,
        };
        // It becomes the name of a folder.
        let is_actor = |text: &String| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let reader = set(variables::KEY_ACTOR).filter(is_actor);
        Ok(Self { secrets: SecretScan::new(&Injected::from_vars(set))?, reader, ..config })
    }

    /// The configuration for the API at `url`, with `key`.
    pub fn remote(url: &str, key: &str) -> Result<Self, ConfigError> {
        let url = base_url(url)?;
        let key = BearerKey::new(key).map_err(|invalid| ConfigError::BadKey(invalid.to_string()))?;
        let mut own = Injected::default();
        own.insert(variables::API_KEY, key.expose());
        Ok(Self { endpoint: Endpoint::Remote { url }, key, secrets: SecretScan::new(&own)?, reader: None })
    }

    /// The actor id: the first 16 hexadecimal digits of the key's SHA-256.
    pub(crate) fn actor(&self) -> String {
        actor_of(self.key.expose())
    }

    /// The actor under which the last answers are kept. The tokens of all agents of a machine share those of the key that
    /// they were exchanged for, and the launcher shows them.
    pub(crate) fn reader(&self) -> String {
        self.reader.clone().unwrap_or_else(|| self.actor())
    }

    /// The location of the API.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The configuration for the embedded engine on `database`. The key is not a secret, because every caller can open
    /// the file. It gives each agent its own rate limit and its own idempotency keys.
    pub fn embedded(database: PathBuf, agent: &Agent) -> Result<Self, ConfigError> {
        let key = BearerKey::new(&format!("in-process-agent:{agent}"));
        let key = key.map_err(|invalid| ConfigError::BadKey(invalid.to_string()))?;
        let secrets = SecretScan::new(&Injected::default())?;
        Ok(Self { endpoint: Endpoint::InProcess { database }, key, secrets, reader: None })
    }
}

/// The actor of a key: the first 16 hexadecimal digits of its SHA-256.
pub fn actor_of(key: &str) -> String {
    cut::to_chars(&sha256_hex(key.as_bytes()), 16).to_owned()
}

fn base_url(text: &str) -> Result<Url, ConfigError> {
    let bad = |detail: &str| ConfigError::BadUrl(detail.to_owned());
    let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it must not contain a user or a password; set the key in CONTEXT_API_KEY"));
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_private_network(&host) => Ok(url),
        ("http", _) => Err(bad("http would send the key unencrypted; use https, or http on loopback or a tailnet")),
        _ => Err(bad("it must start with https://")),
    }
}

/// Whether the host is loopback or a Tailscale address. `WireGuard` encrypts Tailscale traffic.
fn is_private_network(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".ts.net"),
        Host::Ipv4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_loopback() || (a == 100 && (64..128).contains(&b))
        }
        Host::Ipv6(ip) => IpAddr::V6(*ip).is_loopback() || ip.segments().starts_with(&[0xfd7a, 0x115c, 0xa1e0]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef";

    #[test]
    fn a_key_is_never_sent_unencrypted() {
        for url in ["http://api.example.com", "http://8.8.8.8", "ftp://x", "https://user:pw@x.example", "nonsense"] {
            assert!(ApiConfig::remote(url, KEY).is_err(), "{url}");
        }
        for url in ["https://api.example.com", "http://127.0.0.1:8787", "http://localhost:1", "http://100.100.1.2:8787"]
        {
            assert!(ApiConfig::remote(url, KEY).is_ok(), "{url}");
        }
    }

    #[test]
    fn the_error_for_a_bad_key_does_not_contain_it() {
        let error = ApiConfig::remote("https://x.example", "se cret").err().unwrap();
        assert!(!error.to_string().contains("se cret"), "{error}");
    }
}
