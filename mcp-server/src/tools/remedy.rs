//! The fix for each kind of error, for `preflight`.

use deckwatch_client::api::{ClientError, Endpoint};
use deckwatch_protocol::{ErrorCode, Problem};

use crate::trouble::{Trouble, fix_of_config};

/// A problem and its fix.
pub(super) struct Remedy {
    pub(super) what: String,
    pub(super) fix: String,
}

impl Remedy {
    pub(super) fn of(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::Config(error) => Self::new(error.to_string(), fix_of_config(error)),
            Trouble::ForeignLaunch(foreign) => Self::new(foreign.what(), foreign.fix()),
            // The messages of all other kinds include the fix.
            other => Self::new("does not work", other.to_string()),
        }
    }

    /// The fix for a failed call to the API at `endpoint`.
    pub(super) fn of_call(error: &ClientError, endpoint: &Endpoint) -> Self {
        match (error, endpoint) {
            (ClientError::Failed { .. }, Endpoint::InProcess { database }) => Self::new(
                error.to_string(),
                format!(
                    "check the disk and that you can write to {}; `./scripts/backup restore` restores a backup",
                    database.display()
                ),
            ),
            (ClientError::Unreachable { endpoint, cause, is_sent: true }, _) => Self::new(
                format!("accepts connections at {endpoint}, but did not answer: {cause}"),
                "wait a minute and try again; if it fails again, ask the API's operator, because the API or a proxy in \
                 front of it hangs or has too much work",
            ),
            (ClientError::Unreachable { endpoint, cause, .. }, _) => Self::new(
                format!("can't be reached at {endpoint}: {cause}"),
                "check the network, and check that CONTEXT_API_URL is the API's address",
            ),
            (ClientError::Refused(problem), _) => Self::new(error.to_string(), of_refusal(problem)),
            (ClientError::RefusedUnknown(problem), _) => Self::new(error.to_string(), of_failure(Some(problem.status))),
            (ClientError::Failed { status, .. }, _) => Self::new(error.to_string(), of_failure(*status)),
            (ClientError::NotTheApi { status, .. }, _) => Self::new(error.to_string(), of_foreign_answer(*status)),
            // The messages of these errors include the fix.
            (
                ClientError::HoldsSecret { .. }
                | ClientError::QueueFailed { .. }
                | ClientError::DeliveryUnknown { .. }
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

fn of_refusal(problem: &Problem) -> &'static str {
    match problem.code {
        ErrorCode::Unauthorized => {
            "ask the API's admin for a valid key, set CONTEXT_API_KEY to it or save it with `launcher secrets login \
             --api-key`, then restart the agent"
        }
        ErrorCode::Forbidden => "ask the API's admin for a key with the scope context, for this venture or for all",
        ErrorCode::RateLimited => {
            "wait a minute; agents that share a key share its rate limit, so give each agent its own key"
        }
        _ => "correct what the error names; if that is correct, give the correlation id to the API's admin",
    }
}

fn of_failure(status: Option<u16>) -> &'static str {
    match status {
        Some(500..) => "ask the API's operator: its log has details under the correlation id",
        _ => "update deckwatch-mcp and the API to the same version; the check `versions` names both",
    }
}

/// The fix when the answer is not from the Context API.
fn of_foreign_answer(status: u16) -> &'static str {
    match status {
        429 => "the proxy in front of the API refuses more requests: wait a minute and try again",
        502..=504 => "the proxy in front of the API says that the API is down: ask its operator",
        _ => {
            "the server at that address is not the Context API: set CONTEXT_API_URL to the API's address, without /v1, \
             and restart the agent"
        }
    }
}
