//! Everything that can keep a tool from its work, each with what to do about it.

use deckwatch_client::agent::{ForeignLaunch, SlotError};
use deckwatch_client::api::{ClientError, ConfigError};
use deckwatch_client::checkout::CheckoutError;
use deckwatch_client::dirs::NoHome;
use deckwatch_client::discovery::DiscoveryError;
use deckwatch_client::ventures::VenturesError;
use deckwatch_protocol::{Invalid, RepoName, Violations};
use thiserror::Error;

use crate::github::trouble::GitHubTrouble;
use crate::plan::PlanError;

/// Why a tool could not do what it was called for.
#[derive(Debug, Error)]
pub(crate) enum Trouble {
    /// The arguments of the call do not fit; each field is named.
    #[error("these arguments do not fit: {0}. Correct them and call again.")]
    Arguments(Violations),
    /// A variable of the environment is malformed.
    #[error("the variable {name} {invalid}; correct it or unset it, then restart the agent")]
    Setting {
        /// The variable.
        name: &'static str,
        /// What is wrong with it.
        invalid: Invalid,
    },
    /// The environment is another launch's.
    #[error(transparent)]
    Foreign(#[from] ForeignLaunch),
    /// The user's folders are unknown.
    #[error(transparent)]
    Home(#[from] NoHome),
    /// Git can't say where the agent stands.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// The agent gets no name.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// The ventures file is unusable.
    #[error(transparent)]
    Ventures(#[from] VenturesError),
    /// Nobody says which venture the repository belongs to.
    #[error(
        "no venture has the repository {repo}: start the agent with `launcher <venture>`, or add the repository to a \
         venture in ~/.config/deckwatch/ventures.json"
    )]
    NoVenture {
        /// Where the agent works.
        repo: RepoName,
    },
    /// The environment does not say which API.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The API: unreachable, refused, or failed.
    #[error(transparent)]
    Api(#[from] ClientError),
    /// The folder of repositories is unusable.
    #[error("{0}; make it a readable folder, or name another one in DECKWATCH_DEV_ROOT")]
    Discovery(#[from] DiscoveryError),
    /// The weekly plan is unusable.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// GitHub has no answer.
    #[error(transparent)]
    GitHub(#[from] GitHubTrouble),
    /// A task of this process was lost.
    #[error("a task of deckwatch-mcp was lost: {0}; call again")]
    Lost(#[from] tokio::task::JoinError),
}

/// Runs what waits for files or other programs without holding up the conversation.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Trouble> {
    Ok(tokio::task::spawn_blocking(work).await?)
}
