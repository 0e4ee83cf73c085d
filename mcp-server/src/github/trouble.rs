//! Why GitHub has no answer: each case with its own words and its own fix. No token is ever in them.

use bytes::Bytes;
use deckwatch_protocol::{RepoName, Timestamp};
use http::{Response, StatusCode};
use serde::Deserialize;
use thiserror::Error;

use super::token_source::TokenSource;
use crate::render::budget::clip;
use crate::render::clean::clean_line;

const MESSAGE_COST: usize = 200;

/// Why GitHub has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum GitHubTrouble {
    /// There is nobody to ask as.
    #[error("there is no token for GitHub: {}, or set {variable}", login(*.installed))]
    NoToken { installed: bool, variable: &'static str },
    /// `gh` waits for something.
    #[error("`gh auth token` did not answer within {seconds} s: run it in a terminal to see why, or set {variable}")]
    GhSilent { seconds: u64, variable: &'static str },
    /// 401.
    #[error("GitHub does not accept the token from {by}: it is wrong, expired or revoked; {}", renew(*.by))]
    TokenRefused { by: TokenSource },
    /// 403 that is no rate limit.
    #[error(
        "GitHub forbids this to the token from {by} ({message}): let it read issues and repositories, and authorise it \
         for the organisation if that has single sign-on"
    )]
    Forbidden { by: TokenSource, message: String },
    /// 429, or 403 with the sign of a rate limit.
    #[error("GitHub's rate limit for this token is used up; ask again {}", again(*.until))]
    RateLimited { until: Option<Timestamp> },
    /// 404: no GraphQL there.
    #[error("{url} is not GitHub's GraphQL (404): correct GITHUB_API_URL or GH_HOST")]
    NoSuchEndpoint { url: String },
    /// Another status that is no answer.
    #[error("GitHub failed ({status}): ask again in a minute; https://www.githubstatus.com says more")]
    Failed { status: u16 },
    /// The answer is none.
    #[error("GitHub's answer can't be understood ({cause}): check that GITHUB_API_URL or GH_HOST is GitHub")]
    Malformed { cause: String },
    /// GitHub understood, and refused the question itself.
    #[error("GitHub refused the question ({message}): ask again; if it stays so, update deckwatch-mcp")]
    Refused { message: String },
    /// Nothing came in time.
    #[error("GitHub did not answer within {seconds} s at {url}: check the network, then ask again")]
    Silent { url: String, seconds: u64 },
    /// No connection.
    #[error("can't reach GitHub at {url}: {cause}; check the network, then ask again")]
    Unreachable { url: String, cause: String },
    /// A variable that says where GitHub is.
    #[error("{cause}; correct it or unset it")]
    Address { cause: String },
    /// The repository has no name on GitHub.
    #[error("{repo} is not on GitHub: add its remote (`git remote add origin git@github.com:OWNER/NAME.git`)")]
    NotOnGitHub { repo: RepoName },
    /// GitHub has no such repository, or hides it from the token.
    #[error("GitHub shows no repository {repo} to this token: correct the name, or give the token access to it")]
    NoSuchRepo { repo: RepoName },
    /// GitHub has it, but not for this token.
    #[error("GitHub hides {repo} from this token ({message}): authorise the token for the organisation")]
    Hidden { repo: RepoName, message: String },
    /// The repository was renamed; a search by its old name would find nothing.
    #[error("{repo} is called {now} on GitHub: correct the git remote and the venture's repos")]
    Renamed { repo: RepoName, now: String },
}

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

impl GitHubTrouble {
    /// The trouble that a response is; `None` when it is an answer.
    pub(super) fn of(response: &Response<Bytes>, url: &str, by: TokenSource) -> Option<Self> {
        let status = response.status();
        let message = serde_json::from_slice(response.body()).map_or(String::new(), |body: ErrorBody| body.message);
        let trouble = match status {
            StatusCode::OK => return None,
            StatusCode::UNAUTHORIZED => Self::TokenRefused { by },
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited { until: until(response) },
            StatusCode::FORBIDDEN if is_rate_limit(response, &message) => Self::RateLimited { until: until(response) },
            StatusCode::FORBIDDEN => Self::Forbidden { by, message: harmless(&message) },
            StatusCode::NOT_FOUND => Self::NoSuchEndpoint { url: url.to_owned() },
            _ if status.is_server_error() => Self::Failed { status: status.as_u16() },
            _ => Self::Malformed { cause: format!("status {}", status.as_u16()) },
        };
        Some(trouble)
    }
}

/// GitHub's own words on one harmless line.
pub(super) fn harmless(message: &str) -> String {
    let line = clip(&clean_line(message), MESSAGE_COST);
    if line.is_empty() { "it does not say why".to_owned() } else { line }
}

fn is_rate_limit(response: &Response<Bytes>, message: &str) -> bool {
    let used_up = number(response, "x-ratelimit-remaining") == Some(0);
    used_up || response.headers().contains_key("retry-after") || message.to_ascii_lowercase().contains("rate limit")
}

/// When the limit is reset, if the answer says so.
fn until(response: &Response<Bytes>) -> Option<Timestamp> {
    let seconds = number(response, "x-ratelimit-reset")?;
    Some(Timestamp::from_millis(seconds.saturating_mul(1000)))
}

fn number(response: &Response<Bytes>, header: &str) -> Option<i64> {
    response.headers().get(header)?.to_str().ok()?.parse().ok()
}

fn login(installed: bool) -> &'static str {
    if installed { "run `gh auth login`" } else { "install gh and run `gh auth login`" }
}

fn renew(by: TokenSource) -> String {
    match by {
        TokenSource::Variable(name) => format!("set {name} to a good one, or unset it and run `gh auth login`"),
        TokenSource::Gh => "run `gh auth login`".to_owned(),
    }
}

fn again(until: Option<Timestamp>) -> String {
    until.map_or("in a few minutes".to_owned(), |until| format!("after {until}"))
}
