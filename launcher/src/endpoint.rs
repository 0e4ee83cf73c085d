//! The API that the agent uses: the API of the team, or the embedded engine on this machine.

use std::rc::Rc;

use deckwatch_client::ApiConfig;
use deckwatch_machine::variables;

use crate::config::Config;
use crate::error::LaunchError;
use crate::output::say;
use crate::process_env::ProcessEnv;
use crate::secrets::Secret;
use crate::secrets::api_key::ApiKey;
use crate::secrets::name;
use crate::secrets::vault::Vault;

/// Where records are stored.
pub(crate) enum Endpoint {
    /// The database in Deckwatch's data folder.
    Embedded,
    /// An API over HTTP.
    Remote {
        /// Its address. It is valid and contains no password.
        url: String,
        /// Its key. It may have to be fetched first.
        key: ApiKey,
    },
}

impl Endpoint {
    /// Chooses the API: the environment comes first, then the configuration. Without either, it is the embedded engine.
    /// Inside an agent that was started with `--local`, it is the embedded engine. This does not fetch a key;
    /// [`Endpoint::unlock`] does.
    pub(crate) fn choose(env: &ProcessEnv, config: &Config, vault: &Rc<Vault>) -> Result<Self, LaunchError> {
        if is_inside_local(env) {
            return Ok(Self::Embedded);
        }
        let (url, key) = (from_environment(variables::API_URL, env, config), config.api.as_ref());
        let (url, key_env, source) = match (url, key) {
            (Some(url), _) => (url, variables::API_KEY, None),
            (None, Some(api)) => (api.url.clone(), api.key_env().unwrap_or(variables::API_KEY), api.key_source()),
            (None, None) => return Ok(Self::Embedded),
        };
        let key = match (from_environment(key_env, env, config), source) {
            (Some(key), _) => {
                checked(&url, &key)?;
                ApiKey::given(Secret::new(key), vault)
            }
            (None, Some(source)) => {
                checked(&url, EXAMPLE_KEY)?;
                ApiKey::at(source, &url, vault)
            }
            (None, None) => return Err(LaunchError::NoKey { variable: key_env.to_owned() }),
        };
        Ok(Self::Remote { url, key })
    }

    /// The endpoint of one launch. With `--local`, or inside an agent that was started with `--local`, it is the embedded
    /// engine; if an API is configured, a message says so.
    pub(crate) fn of_launch(
        is_local: bool,
        env: &ProcessEnv,
        config: &Config,
        vault: &Rc<Vault>,
    ) -> Result<Self, LaunchError> {
        if !is_local && !is_inside_local(env) {
            return Self::choose(env, config, vault);
        }
        let configured = || config.api.as_ref().map(|api| api.url.clone());
        if let Some(url) = env.var(variables::API_URL).or_else(configured) {
            let database = env.shown(&env.database());
            let (why, fix) = if is_local {
                ("--local", String::new())
            } else {
                (
                    "this is inside an agent that was started with --local",
                    format!("; to use it, unset {}", variables::LOCAL),
                )
            };
            say(&format!("{why}: records are in {database} on this machine; {url} is not used{fix}"));
        }
        Ok(Self::Embedded)
    }

    /// Fetches the key if it is not known yet. Afterwards, [`Endpoint::var`] returns it.
    pub(crate) fn unlock(&self) -> Result<(), LaunchError> {
        match self {
            Self::Embedded => Ok(()),
            Self::Remote { url, key } => checked(url, key.get()?.expose()),
        }
    }

    /// The same API with the admin key. The admin key comes from the environment only. The embedded engine needs none.
    pub(crate) fn of_admin(env: &ProcessEnv, config: &Config, vault: &Rc<Vault>) -> Result<Self, LaunchError> {
        if is_inside_local(env) {
            return Ok(Self::Embedded);
        }
        let configured = || config.api.as_ref().map(|api| api.url.clone());
        let Some(url) = from_environment(variables::API_URL, env, config).or_else(configured) else {
            return Ok(Self::Embedded);
        };
        let key = env.var(variables::ADMIN_KEY).ok_or_else(|| LaunchError::NoAdminKey { url: url.clone() })?;
        ApiConfig::remote(&url, &key).map_err(|error| {
            LaunchError::Endpoint(error.to_string().replace(variables::API_KEY, variables::ADMIN_KEY))
        })?;
        Ok(Self::Remote { url, key: ApiKey::given(Secret::new(key), vault) })
    }

    /// The same API for reading: with the admin key if there is one, otherwise with the usual key.
    pub(crate) fn of_reader(env: &ProcessEnv, config: &Config, vault: &Rc<Vault>) -> Result<Self, LaunchError> {
        if env.var(variables::ADMIN_KEY).is_some() {
            return Self::of_admin(env, config, vault);
        }
        let endpoint = Self::choose(env, config, vault)?;
        endpoint.unlock()?;
        Ok(endpoint)
    }

    /// The value of an environment variable that tells the client and the agent about the API.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        match (self, name) {
            (Self::Remote { url, .. }, variables::API_URL) => Some(url),
            (Self::Remote { key, .. }, variables::API_KEY) => key.if_fetched().map(Secret::expose),
            _ => None,
        }
    }

    /// A description of where records are stored.
    pub(crate) fn describe(&self, env: &ProcessEnv) -> String {
        match self {
            Self::Embedded => env.shown(&env.database()),
            Self::Remote { url, key } => match key.origin() {
                Some(origin) => format!("{url}, key of {origin}"),
                None => url.clone(),
            },
        }
    }
}

/// Whether the launcher runs inside an agent that was started with `--local`. The shell of such an agent may set the
/// variables of the API again, so they don't count.
pub(crate) fn is_inside_local(env: &ProcessEnv) -> bool {
    env.var(variables::LOCAL).is_some()
}

/// A variable of the API. If another launch left it in a shell, such as in tmux, the user's configuration is used instead.
fn from_environment(name: &str, env: &ProcessEnv, config: &Config) -> Option<String> {
    let left = name::inherited(env.var(variables::SECRETS).as_deref());
    let is_left = || left.iter().any(|name| name == variables::API_KEY);
    let same = |url: &str| env.var(variables::API_URL).is_none_or(|left| left == url);
    let is_api = name == variables::API_URL || name == variables::API_KEY;
    let ignored = is_api && config.api.as_ref().is_some_and(|api| !same(&api.url)) && is_left();
    env.var(name).filter(|_| !ignored)
}

/// A well-formed key. It is used to check an address before the real key is fetched.
const EXAMPLE_KEY: &str = "0123456789abcdef";

/// Checks the address and the key. The error of the client says what is wrong, and never contains the key.
fn checked(url: &str, key: &str) -> Result<(), LaunchError> {
    ApiConfig::remote(url, key).map(drop).map_err(|error| LaunchError::Endpoint(error.to_string()))
}
