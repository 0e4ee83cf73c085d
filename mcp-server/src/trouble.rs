//! The errors of tools. Each says what to do.

use std::path::PathBuf;

use deckwatch_client::api::{ClientError, ConfigError};
use deckwatch_client::clean::clean_line;
use deckwatch_client::sealed::{KeyError, SealError};
use deckwatch_machine::agent::{ForeignLaunch, SlotError};
use deckwatch_machine::checkout::CheckoutError;
use deckwatch_machine::dirs::NoHome;
use deckwatch_machine::discovery::DiscoveryError;
use deckwatch_machine::ventures::VenturesError;
use deckwatch_protocol::{RepoName, Violations};
use thiserror::Error;

use crate::environment::InvalidVariable;
use crate::github::trouble::GitHubTrouble;
use crate::plan::PlanError;
use crate::sentence::as_sentence;

/// The error of a tool.
#[derive(Debug, Error)]
pub(crate) enum Trouble {
    /// The arguments of the call are not valid; each field is named.
    #[error("the arguments are not valid: {0}. Correct them and call again.")]
    Arguments(Violations),
    /// A variable of the environment is malformed.
    #[error(transparent)]
    Variable(#[from] InvalidVariable),
    /// The environment belongs to another launch.
    #[error(transparent)]
    ForeignLaunch(#[from] ForeignLaunch),
    /// The keys for sealed messages can't be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A message could not be sealed and was not sent.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The user's folders are unknown.
    #[error(transparent)]
    Home(#[from] NoHome),
    /// Git can't describe the checkout.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// No slot could be claimed, so the agent has no name.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// The ventures file is unusable.
    #[error(transparent)]
    Ventures(#[from] VenturesError),
    /// The repository does not belong to any venture.
    #[error(
        "{repo} does not belong to any venture: start the agent with `launcher <venture>`, or add the repository to a \
         venture in ~/.config/deckwatch/ventures.json"
    )]
    NoVenture {
        /// Where the agent works.
        repo: RepoName,
    },
    /// The API's settings in the environment are missing or malformed.
    #[error("{error}; {fix}", error = .0, fix = fix_of_config(.0))]
    Config(#[from] ConfigError),
    /// The agent has no session, or has ended its day.
    #[error("you have no active session: call `sod`, then call this tool again")]
    NoSession,
    /// The folder of the agent's messages is unusable.
    #[error("can't use the folder of your messages {path}: {source}. Repair it, then call again", path = .path.display())]
    MailFolder {
        /// The folder.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// Others hold what a call wanted to claim. The text names them.
    #[error("{0}")]
    ClaimHeld(String),
    /// The shared value has another version than the call named. The text shows the present one.
    #[error("{0}")]
    StateChanged(String),
    /// The API: unreachable, refused, or failed.
    #[error(transparent)]
    Api(#[from] ClientError),
    /// The folder of repositories is unusable.
    #[error("{0}; make it a readable folder, or name another one in DECKWATCH_DEV_ROOT")]
    Discovery(#[from] DiscoveryError),
    /// The weekly plan is unusable.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A request to GitHub failed.
    #[error(transparent)]
    GitHub(#[from] GitHubTrouble),
    /// A task of this process failed.
    #[error("a task of deckwatch-mcp failed: {0}; call again")]
    Lost(#[from] tokio::task::JoinError),
}

/// The fix for settings of the API.
pub(crate) fn fix_of_config(error: &ConfigError) -> &'static str {
    match error {
        ConfigError::NoKey => {
            "set CONTEXT_API_KEY, or unset CONTEXT_API_URL to work on this machine alone, then restart the agent"
        }
        ConfigError::BadKey(_) => "set CONTEXT_API_KEY to the exact key from the API's admin, then restart the agent",
        ConfigError::BadUrl(_) => {
            "set CONTEXT_API_URL to the API's address, such as https://context.example.com, then restart the agent"
        }
        ConfigError::Secrets(_) => "give this agent fewer or shorter secrets, then restart it",
    }
}

/// The error of a call to the API as a sentence of a report, on one line.
pub(crate) fn sentence(error: &ClientError) -> String {
    as_sentence(&clean_line(&error.to_string()))
}

/// Runs work that blocks on files or other programs on another thread.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Trouble> {
    Ok(tokio::task::spawn_blocking(work).await?)
}
