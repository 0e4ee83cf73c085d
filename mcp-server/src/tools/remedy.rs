//! What to do about trouble, one remedy for each kind: for `preflight`, which names both.

use deckwatch_client::api::{ClientError, ConfigError, Endpoint};
use deckwatch_protocol::{ErrorCode, Problem};

use crate::trouble::Trouble;

/// Trouble, as one who repairs it reads it.
pub(super) struct Remedy {
    pub(super) what: String,
    pub(super) fix: String,
}

impl Remedy {
    pub(super) fn of(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::Config(error) => Self::new(error.to_string(), of_config(error)),
            Trouble::Foreign(foreign) => Self::new(foreign.what(), foreign.fix()),
            // The texts of all other kinds say what to do themselves.
            other => Self::new("does not work", other.to_string()),
        }
    }

    /// Of a call to the API at `endpoint`.
    pub(super) fn of_call(error: &ClientError, endpoint: &Endpoint) -> Self {
        match (error, endpoint) {
            (ClientError::Failed { .. }, Endpoint::InProcess { database }) => Self::new(
                error.to_string(),
                format!(
                    "check the disk and that {} is yours to write; `./scripts/backup restore` brings a backup back",
                    database.display()
                ),
            ),
            (ClientError::Unreachable { endpoint, cause, .. }, _) => Self::new(
                format!("can't be reached at {endpoint}: {cause}"),
                "check the network and that CONTEXT_API_URL is the API's address",
            ),
            (ClientError::Refused(problem), _) => Self::new(error.to_string(), of_refusal(problem)),
            (ClientError::RefusedUnknown(problem), _) => Self::new(error.to_string(), of_failure(Some(problem.status))),
            (ClientError::Failed { status, .. }, _) => Self::new(error.to_string(), of_failure(*status)),
            (ClientError::Foreign { status, .. }, _) => Self::new(error.to_string(), of_stranger(*status)),
            // Their texts say what to do themselves.
            (
                ClientError::HoldsSecret { .. }
                | ClientError::NotKept { .. }
                | ClientError::Unsure { .. }
                | ClientError::NoVenture { .. }
                | ClientError::SetAside { .. },
                _,
            ) => Self::new("does not work", error.to_string()),
        }
    }

    fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }
}

fn of_config(error: &ConfigError) -> &'static str {
    match error {
        ConfigError::NoKey => "set CONTEXT_API_KEY, or unset CONTEXT_API_URL, then restart the agent",
        ConfigError::BadKey(_) => {
            "set CONTEXT_API_KEY to the key exactly as the API's admin gave it, then restart the agent"
        }
        ConfigError::BadUrl(_) => {
            "set CONTEXT_API_URL to the API's address, such as https://context.example.com, then restart the agent"
        }
        ConfigError::Secrets(_) => "give this agent fewer or shorter secrets, then restart it",
    }
}

fn of_refusal(problem: &Problem) -> &'static str {
    match problem.code {
        ErrorCode::Unauthorized => {
            "ask the API's admin for a key that holds, set CONTEXT_API_KEY to it, or keep it with `launcher secrets \
             login --api-key`, and restart the agent"
        }
        ErrorCode::Forbidden => "ask the API's admin for a key with the scope context, for this venture or for all",
        ErrorCode::RateLimited => {
            "wait a minute; agents that share a key share its rate, so give each a key of its own"
        }
        _ => "correct what it names; if that is right, ask the API's admin and name the correlation id",
    }
}

fn of_failure(status: Option<u16>) -> &'static str {
    match status {
        Some(500..) => "ask whoever runs the API: its log says more under the correlation id",
        _ => "bring deckwatch-mcp and the API to the same version; `versions` here names both",
    }
}

/// What answered is not the Context API.
fn of_stranger(status: u16) -> &'static str {
    match status {
        429 => "the proxy before the API takes no more requests for now: wait a minute and try again",
        502..=504 => "the proxy before the API says that the API is down: ask its operator",
        _ => {
            "something else than the Context API answers there: set CONTEXT_API_URL to the API's address, without \
             /v1, and restart the agent"
        }
    }
}
