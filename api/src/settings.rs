//! The settings that an engine gets at start: its keys, its rate limit and the machine approval.

use deckwatch_protocol::BearerKey;

use crate::github::GithubSettings;
use crate::middleware::auth::{Credential, Keyring};

/// Which engine runs the API. `/health` and `/version` report it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite in this process.
    Embedded,
    /// Cloudflare Workers and D1.
    Worker,
}

impl Engine {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Worker => "worker",
        }
    }
}

/// The variables that an engine reads.
pub const SETTINGS: &[&str] = &[
    "CONTEXT_API_KEY",
    "CONTEXT_API_KEY_PREVIOUS",
    "ADMIN_API_KEY",
    "ADMIN_API_KEY_PREVIOUS",
    "RATE_LIMIT_PER_MINUTE",
    "AUTO_APPROVE_MACHINES",
    "GITHUB_WEBHOOK_SECRET",
    "GITHUB_WEBHOOK_SECRET_PREVIOUS",
    "GITHUB_APP_ID",
    "GITHUB_APP_PRIVATE_KEY",
    "GITHUB_TOKEN",
    "GITHUB_API_URL",
    "GITHUB_CLASSIFIER_RULES",
    "CLASSIFIER_MODEL",
    "CLASSIFIER_MODEL_FORM",
    "CLASSIFIER_MODEL_URL",
    "CLASSIFIER_MODEL_KEY",
];

/// The default number of requests per minute and actor. `RATE_LIMIT_PER_MINUTE` changes it.
const DEFAULT_RATE_LIMIT: u32 = 100;

/// The settings that an engine gets at start.
pub struct Settings {
    pub(crate) engine: Engine,
    pub(crate) keyring: Keyring,
    pub(crate) rate_limit_per_minute: u32,
    pub(crate) auto_approve_machines: bool,
    /// The settings of the GitHub webhook, if it has a secret. If they are not valid, the webhook says so, and everything
    /// else works.
    pub(crate) github: Option<Result<GithubSettings, String>>,
}

/// A setting that is not valid. The error never shows the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A variable has a value that is not valid.
    #[error("{name} {detail}")]
    Unusable {
        /// The variable.
        name: &'static str,
        /// The allowed values.
        detail: String,
    },
    /// A key is in both tiers. Then every holder of that context key would be an admin.
    #[error("CONTEXT_API_KEY and ADMIN_API_KEY contain the same key; use different keys")]
    SameKeys,
}

impl Settings {
    /// Reads `CONTEXT_API_KEY`, `ADMIN_API_KEY`, `RATE_LIMIT_PER_MINUTE`, `AUTO_APPROVE_MACHINES` and the variables of the
    /// GitHub classifier ([`SETTINGS`]) through `var`.
    /// An engine without a key starts, and refuses requests that need the key. During a key rotation, the old key
    /// stays valid in the variable of the same name with the suffix `_PREVIOUS`.
    pub fn from_vars(engine: Engine, var: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let context = [key(&var, "CONTEXT_API_KEY")?, key(&var, "CONTEXT_API_KEY_PREVIOUS")?];
        let admin = [key(&var, "ADMIN_API_KEY")?, key(&var, "ADMIN_API_KEY_PREVIOUS")?];
        if context.iter().flatten().any(|key| admin.iter().flatten().any(|other| key == other)) {
            return Err(SettingsError::SameKeys);
        }
        let rate_limit_per_minute = rate_limit(&var)?;
        let auto_approve_machines = flag(&var, "AUTO_APPROVE_MACHINES")?;
        let context = context.iter().flatten().map(Credential::context);
        let keyring = Keyring::of(context.chain(admin.iter().flatten().map(Credential::admin)).collect());
        let github = GithubSettings::from_vars(&var);
        Ok(Self { engine, keyring, rate_limit_per_minute, auto_approve_machines, github })
    }

    /// Settings of an engine that runs inside the process of its only caller. `key` is an admin key. The caller can
    /// also open the database file, so the key protects nothing. It only identifies the actor.
    pub fn in_process(key: &BearerKey) -> Self {
        Self {
            engine: Engine::Embedded,
            keyring: Keyring::of(vec![Credential::admin(key)]),
            rate_limit_per_minute: DEFAULT_RATE_LIMIT,
            auto_approve_machines: false,
            github: None,
        }
    }
}

fn key(var: &impl Fn(&str) -> Option<String>, name: &'static str) -> Result<Option<BearerKey>, SettingsError> {
    let Some(text) = var(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let unusable = |detail: String| SettingsError::Unusable { name, detail };
    BearerKey::new(text.trim()).map(Some).map_err(|invalid| unusable(invalid.to_string()))
}

fn rate_limit(var: &impl Fn(&str) -> Option<String>) -> Result<u32, SettingsError> {
    const NAME: &str = "RATE_LIMIT_PER_MINUTE";
    match var(NAME).filter(|text| !text.is_empty()) {
        None => Ok(DEFAULT_RATE_LIMIT),
        Some(text) => match text.trim().parse() {
            Ok(limit @ 1..=1_000_000) => Ok(limit),
            _ => Err(SettingsError::Unusable { name: NAME, detail: "must be an integer from 1 to 1000000".to_owned() }),
        },
    }
}

fn flag(var: &impl Fn(&str) -> Option<String>, name: &'static str) -> Result<bool, SettingsError> {
    match var(name).as_deref().map(str::trim) {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(SettingsError::Unusable { name, detail: "must be true or false".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_auto_approved_only_if_the_setting_is_true() {
        let auto_approve = |value: &'static str| {
            let var = move |name: &str| (name == "AUTO_APPROVE_MACHINES").then(|| value.to_owned());
            Settings::from_vars(Engine::Embedded, var).map(|settings| settings.auto_approve_machines)
        };
        assert_eq!(auto_approve("true"), Ok(true));
        assert_eq!((auto_approve(""), auto_approve("false")), (Ok(false), Ok(false)));
        for value in ["1", "yes", "True", "truefalse"] {
            assert!(auto_approve(value).is_err(), "{value}");
        }
    }
}
