//! The errors of `launcher github`. Each says what happened, why, and what to do. None contains a credential.

use deckwatch_client::clean::clean_line;
use deckwatch_protocol::{Timestamp, cut};
use thiserror::Error;

/// The longest message of GitHub that is shown.
const MESSAGE_CHARS: usize = 200;

/// Why a request to GitHub, or a step of the set-up, failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum GitHubError {
    #[error("{0}; correct it or unset it")]
    Address(String),
    #[error("there is no credential for GitHub")]
    NoCredential { variable: &'static str },
    #[error("the private key of the App can't be used: {0}")]
    Key(String),
    #[error("GitHub does not accept the {credential} (401): {message}")]
    Unauthorised { credential: &'static str, message: String },
    #[error("GitHub forbids this (403): {message}")]
    Forbidden { message: String, needs: Option<String> },
    #[error("GitHub has no {what} that this credential may see (404)")]
    NotFound { what: String },
    #[error("the rate limit of GitHub is used up")]
    RateLimited { until: Option<Timestamp>, seconds: Option<u64> },
    #[error("GitHub refused the request ({status}): {message}")]
    Refused { status: u16, message: String },
    #[error("GitHub failed ({status})")]
    Failed { status: u16 },
    #[error("{url} did not answer as GitHub does: {cause}")]
    Malformed { url: String, cause: String },
    #[error("GitHub at {url} can't be reached: {cause}")]
    Unreachable { url: String, cause: String },
    #[error("{0}")]
    Setup(String),
    #[error("the App was not created within {minutes} minutes")]
    NotCreated { minutes: u64 },
    #[error("the App {name} is registered, but its secrets could not be stored: {cause}")]
    NotStored { name: String, settings: String, cause: String },
    #[error("{failed} of {of} repositories could not get all labels")]
    Labels { failed: usize, of: usize },
}

impl GitHubError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoCredential { variable } => format!(
                "set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY for an App, or {variable} for a token, or run `gh auth login`"
            ),
            Self::Key(_) => {
                "GITHUB_APP_PRIVATE_KEY is the content of the .pem file that GitHub made; the App's settings page \
                 makes a new one"
                    .to_owned()
            }
            Self::Unauthorised { credential: "JWT of the App", .. } => {
                "compare GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY with the App's settings page, and check the clock of \
                 this machine"
                    .to_owned()
            }
            Self::Unauthorised { .. } => "the token is wrong, expired or revoked: make a new one".to_owned(),
            Self::Forbidden { needs: Some(needs), .. } => format!("the credential needs {needs}"),
            Self::Forbidden { .. } => {
                "give the credential the missing permission, and authorise it for the organisation if that has single \
                 sign-on"
                    .to_owned()
            }
            Self::NotFound { .. } => "correct the name, or give the credential access to it".to_owned(),
            Self::RateLimited { until: Some(until), .. } => format!("try again after {until}"),
            Self::RateLimited { seconds: Some(seconds), .. } => format!("try again in {seconds} s"),
            Self::RateLimited { .. } => "try again in a few minutes".to_owned(),
            Self::Failed { .. } => "try again in a minute, and see https://www.githubstatus.com".to_owned(),
            Self::Malformed { .. } => "check that --host, GH_HOST or GITHUB_API_URL names GitHub".to_owned(),
            Self::Unreachable { .. } => {
                "check the network, and the name in --host, GH_HOST or GITHUB_API_URL".to_owned()
            }
            Self::NotCreated { .. } => {
                "run the command again, and press the button on GitHub's page; if GitHub shows the \
                 App already, delete it there first, because its secrets can't be read again"
                    .to_owned()
            }
            Self::NotStored { settings, .. } => format!(
                "the secrets are gone with this process. On {settings}, generate a new private key and set a new webhook \
                 secret, and store both yourself; or delete the App there and run this again"
            ),
            Self::Labels { .. } => "the table says why; run this again afterwards".to_owned(),
            Self::Address(_) | Self::Refused { .. } | Self::Setup(_) => return None,
        };
        Some(hint)
    }
}

/// GitHub's text on one line, safe to print.
pub(crate) fn clean(text: &str) -> String {
    let line = clean_line(text);
    let short = cut::to_chars(&line, MESSAGE_CHARS);
    if short.is_empty() { "it does not say why".to_owned() } else { short.to_owned() }
}
