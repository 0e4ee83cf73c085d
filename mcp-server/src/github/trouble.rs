//! The errors of requests to GitHub. Each has its own message and fix. No message contains a token.

use bytes::Bytes;
use deckwatch_client::clean::clean_line;
use deckwatch_client::http::retry_after;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{RepoName, Timestamp};
use http::header::LOCATION;
use http::{Response, StatusCode};
use serde::Deserialize;
use thiserror::Error;

use super::token_source::TokenSource;
use crate::budget::clip;

const MESSAGE_COST: usize = 200;

/// The error of a request to GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum GitHubTrouble {
    /// No token was found.
    #[error("there is no token for GitHub: {}, or set {variable}", login(*.installed))]
    NoToken { installed: bool, variable: &'static str },
    /// No token was found for the host of the repository's remote, which may not even be a GitHub.
    #[error(
        "the repository's remote is at {host}, and there is no token for it: if it is a GitHub Enterprise, run `gh auth \
         login --hostname {host}`, or set GH_ENTERPRISE_TOKEN; if it is another name for github.com, set GH_HOST=github.com"
    )]
    NoTokenForRemote { host: String },
    /// `gh` did not answer in time.
    #[error("`gh auth token` did not answer within {seconds} s: run it in a terminal to see why, or set {variable}")]
    GhSilent { seconds: u64, variable: &'static str },
    /// Status 401.
    #[error("GitHub does not accept the token from {by}: it is wrong, expired or revoked; {}", renew(*.by))]
    TokenRefused { by: TokenSource },
    /// Status 403, but not a rate limit.
    #[error(
        "GitHub forbids this for the token from {by} ({message}): give it read access to issues and repositories, and \
         authorise it for the organisation if that has single sign-on"
    )]
    Forbidden { by: TokenSource, message: String },
    /// Status 429, or 403 with the sign of a rate limit.
    #[error("GitHub's rate limit for this token is used up; try again {}", again(*.until))]
    RateLimited { until: Option<Timestamp> },
    /// The secondary rate limit: too many requests in a short time.
    #[error(
        "GitHub has stopped requests with this token for a while, because too many came in a short time (its secondary \
         rate limit); try again {}", again(*.until)
    )]
    TooFast { until: Option<Timestamp> },
    /// Status 404: the URL is not a GraphQL endpoint.
    #[error("{url} is not GitHub's GraphQL endpoint (404): correct GITHUB_API_URL or GH_HOST")]
    NoSuchEndpoint { url: String },
    /// A server error.
    #[error("GitHub failed ({status}): try again in a minute, and see https://www.githubstatus.com")]
    Failed { status: u16 },
    /// The answer is malformed.
    #[error("GitHub's answer is malformed ({cause}): check that GITHUB_API_URL or GH_HOST names GitHub")]
    Malformed { cause: String },
    /// The answer is a page for people.
    #[error(
        "a web page answered in GitHub's place, for example of a proxy that wants a login: log in there, or check that \
         GITHUB_API_URL or GH_HOST names GitHub"
    )]
    WebPage,
    /// The address redirects. It is not followed, because the token would go along.
    #[error(
        "{url} redirects to {to}; the token was not sent there: set GITHUB_API_URL or GH_HOST to GitHub's own address"
    )]
    Redirected { url: String, to: String },
    /// The answer is larger than any of GitHub's.
    #[error("the answer from {url} is too large ({cause}): check that GITHUB_API_URL or GH_HOST names GitHub")]
    TooLarge { url: String, cause: String },
    /// The answer broke off.
    #[error("the answer from {url} broke off ({cause}): try again")]
    Interrupted { url: String, cause: String },
    /// GitHub refused the query.
    #[error("GitHub refused the query ({message}): try again; if it fails again, update deckwatch-mcp")]
    Refused { message: String },
    /// No answer in time.
    #[error("GitHub did not answer within {seconds} s at {url}: check the network, then try again")]
    Silent { url: String, seconds: u64 },
    /// No connection.
    #[error("can't reach GitHub at {url}: {cause}; check the network, then try again")]
    Unreachable { url: String, cause: String },
    /// The variable with GitHub's address is malformed.
    #[error("{cause}; correct it or unset it")]
    Address { cause: String },
    /// The repository has no remote on GitHub.
    #[error("{repo} is not on GitHub: add its remote (`git remote add origin git@github.com:OWNER/NAME.git`)")]
    NotOnGitHub { repo: RepoName },
    /// The repository does not exist, or the token has no access to it.
    #[error("GitHub shows no repository {repo} to this token: correct the name, or give the token access to it")]
    NoSuchRepo { repo: RepoName },
    /// The repository exists, but the token has no access to it.
    #[error("this token has no access to {repo} ({message}): authorise the token for the organisation")]
    Hidden { repo: RepoName, message: String },
}

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

impl GitHubTrouble {
    /// The error of a response; `None` when it succeeded.
    pub(super) fn of(response: &Response<Bytes>, url: &str, by: TokenSource) -> Option<Self> {
        let status = response.status();
        let message = serde_json::from_slice(response.body()).map_or(String::new(), |body: ErrorBody| body.message);
        let trouble = match status {
            StatusCode::OK if is_page(response) => Self::WebPage,
            StatusCode::OK => return None,
            StatusCode::UNAUTHORIZED => Self::TokenRefused { by },
            StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN if is_too_fast(response, &message) => {
                Self::TooFast { until: Some(pause_of(response)) }
            }
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited { until: until(response) },
            StatusCode::FORBIDDEN if is_rate_limit(response, &message) => Self::RateLimited { until: until(response) },
            StatusCode::FORBIDDEN => Self::Forbidden { by, message: clean_message(&message) },
            StatusCode::NOT_FOUND => Self::NoSuchEndpoint { url: url.to_owned() },
            _ if status.is_redirection() && response.headers().contains_key(LOCATION) => {
                Self::Redirected { url: url.to_owned(), to: location(response) }
            }
            _ if status.is_server_error() => Self::Failed { status: status.as_u16() },
            _ => Self::Malformed { cause: format!("status {}", status.as_u16()) },
        };
        Some(trouble)
    }

    /// Whether the same request can succeed later, without anybody doing anything.
    pub(super) fn passes(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::TooFast { .. }
                | Self::Failed { .. }
                | Self::Silent { .. }
                | Self::Interrupted { .. }
                | Self::Unreachable { .. }
        )
    }
}

/// GitHub's message as one clean line.
pub(super) fn clean_message(message: &str) -> String {
    let line = clip(&clean_line(message), MESSAGE_COST);
    if line.is_empty() { "it does not say why".to_owned() } else { line }
}

fn is_rate_limit(response: &Response<Bytes>, message: &str) -> bool {
    let used_up = number(response, "x-ratelimit-remaining") == Some(0);
    used_up || response.headers().contains_key("retry-after") || message.to_ascii_lowercase().contains("rate limit")
}

/// Whether it is the secondary limit. Its answer names the wait, or says so in words.
fn is_too_fast(response: &Response<Bytes>, message: &str) -> bool {
    let used_up = number(response, "x-ratelimit-remaining") == Some(0);
    let says_so = message.to_ascii_lowercase().contains("secondary rate limit");
    says_so || (!used_up && response.headers().contains_key("retry-after"))
}

/// When the secondary limit ends. Without a wait in the answer, GitHub asks for at least a minute.
fn pause_of(response: &Response<Bytes>) -> Timestamp {
    let seconds = retry_after(response.headers()).map_or(60, |wait| wait.as_secs());
    now().plus_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Whether the body is a page of HTML.
fn is_page(response: &Response<Bytes>) -> bool {
    response.body().trim_ascii_start().starts_with(b"<")
}

/// Where a response redirects to, without a query, which could be a secret.
fn location(response: &Response<Bytes>) -> String {
    let text = response.headers().get(LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
    clean_message(text.unwrap_or_default().split('?').next().unwrap_or_default())
}

/// When the limit is reset, if the answer says so.
pub(super) fn until(response: &Response<Bytes>) -> Option<Timestamp> {
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
        TokenSource::Variable(name) => format!("set {name} to a valid token, or unset it and run `gh auth login`"),
        TokenSource::Gh => "run `gh auth login`".to_owned(),
    }
}

fn again(until: Option<Timestamp>) -> String {
    until.map_or("in a few minutes".to_owned(), |until| format!("after {until}"))
}
