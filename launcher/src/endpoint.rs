//! Which API the agent will talk to: the team's, or the embedded engine of this machine.

use std::rc::Rc;

use deckwatch_client::ApiConfig;
use deckwatch_client::variables;

use crate::config::Config;
use crate::error::LaunchError;
use crate::output::say;
use crate::secrets::Secret;
use crate::secrets::api_key::ApiKey;
use crate::secrets::grant;
use crate::secrets::vault::Vault;
use crate::surroundings::Surroundings;

/// Where records go.
pub(crate) enum Endpoint {
    /// The database in Deckwatch's data folder.
    Embedded,
    /// An API over HTTP.
    Remote {
        /// Its address, which was checked and holds no password.
        url: String,
        /// Its key, which may have to be fetched.
        key: ApiKey,
    },
}

impl Endpoint {
    /// The environment decides, then the configuration; without either it is the embedded engine.
    /// A key that has to be fetched is not fetched here, see [`Endpoint::unlock`].
    pub(crate) fn choose(surroundings: &Surroundings, config: &Config, vault: &Rc<Vault>) -> Result<Self, LaunchError> {
        let (url, key) = (from_environment(variables::API_URL, surroundings, config), config.api.as_ref());
        let (url, key_env, source) = match (url, key) {
            (Some(url), _) => (url, variables::API_KEY, None),
            (None, Some(api)) => (api.url.clone(), api.key_env().unwrap_or(variables::API_KEY), api.key_source()),
            (None, None) => return Ok(Self::Embedded),
        };
        let key = match (from_environment(key_env, surroundings, config), source) {
            (Some(key), _) => {
                checked(&url, &key)?;
                ApiKey::given(Secret::new(key), vault)
            }
            (None, Some(source)) => {
                checked(&url, WELL_FORMED)?;
                ApiKey::at(source, &url, vault)
            }
            (None, None) => return Err(LaunchError::NoKey { variable: key_env.to_owned() }),
        };
        Ok(Self::Remote { url, key })
    }

    /// The endpoint of one launch: with `--local`, the embedded engine whatever is configured, which a line says.
    pub(crate) fn of_launch(
        is_local: bool,
        surroundings: &Surroundings,
        config: &Config,
        vault: &Rc<Vault>,
    ) -> Result<Self, LaunchError> {
        if !is_local {
            return Self::choose(surroundings, config, vault);
        }
        let configured = || config.api.as_ref().map(|api| api.url.clone());
        if let Some(url) = surroundings.var(variables::API_URL).or_else(configured) {
            let database = surroundings.shown(&surroundings.database());
            say(&format!("--local: records are in {database} on this machine; {url} is not used"));
        }
        Ok(Self::Embedded)
    }

    /// Fetches the key where it has to be fetched; [`Endpoint::var`] knows it from then on.
    pub(crate) fn unlock(&self) -> Result<(), LaunchError> {
        match self {
            Self::Embedded => Ok(()),
            Self::Remote { url, key } => checked(url, key.get()?.expose()),
        }
    }

    /// The same API as its admin: the key comes from the environment alone. The embedded engine has no other key.
    pub(crate) fn of_admin(
        surroundings: &Surroundings,
        config: &Config,
        vault: &Rc<Vault>,
    ) -> Result<Self, LaunchError> {
        let configured = || config.api.as_ref().map(|api| api.url.clone());
        let Some(url) = from_environment(variables::API_URL, surroundings, config).or_else(configured) else {
            return Ok(Self::Embedded);
        };
        let key = surroundings.var(variables::ADMIN_KEY).ok_or_else(|| LaunchError::NoAdminKey { url: url.clone() })?;
        ApiConfig::remote(&url, &key).map_err(|error| {
            LaunchError::Endpoint(error.to_string().replace(variables::API_KEY, variables::ADMIN_KEY))
        })?;
        Ok(Self::Remote { url, key: ApiKey::given(Secret::new(key), vault) })
    }

    /// The same API for one who only reads: as its admin where there is a key of one, else as anybody.
    pub(crate) fn of_reader(
        surroundings: &Surroundings,
        config: &Config,
        vault: &Rc<Vault>,
    ) -> Result<Self, LaunchError> {
        if surroundings.var(variables::ADMIN_KEY).is_some() {
            return Self::of_admin(surroundings, config, vault);
        }
        let endpoint = Self::choose(surroundings, config, vault)?;
        endpoint.unlock()?;
        Ok(endpoint)
    }

    /// How the client and the agent are told of it: as environment variables.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        match (self, name) {
            (Self::Remote { url, .. }, variables::API_URL) => Some(url),
            (Self::Remote { key, .. }, variables::API_KEY) => key.known().map(Secret::expose),
            _ => None,
        }
    }

    /// Where records go, as people read it.
    pub(crate) fn describe(&self, surroundings: &Surroundings) -> String {
        match self {
            Self::Embedded => surroundings.shown(&surroundings.database()),
            Self::Remote { url, key } => match key.origin() {
                Some(origin) => format!("{url}, key of {origin}"),
                None => url.clone(),
            },
        }
    }
}

/// A variable of the API. What a launch has left in a shell, as in tmux, does not win over the user's configuration.
fn from_environment(name: &str, surroundings: &Surroundings, config: &Config) -> Option<String> {
    let left = grant::inherited(surroundings.var(variables::SECRETS).as_deref());
    let is_left = || left.iter().any(|name| name == variables::API_KEY);
    let same = |url: &str| surroundings.var(variables::API_URL).is_none_or(|left| left == url);
    let is_api = name == variables::API_URL || name == variables::API_KEY;
    let ignored = is_api && config.api.as_ref().is_some_and(|api| !same(&api.url)) && is_left();
    surroundings.var(name).filter(|_| !ignored)
}

/// A key of the right form, to check an address whose own key is not there yet.
const WELL_FORMED: &str = "0123456789abcdef";

/// The client says what is wrong with either, and never shows the key.
fn checked(url: &str, key: &str) -> Result<(), LaunchError> {
    ApiConfig::remote(url, key).map(drop).map_err(|error| LaunchError::Endpoint(error.to_string()))
}
