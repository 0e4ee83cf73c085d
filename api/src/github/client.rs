//! Requests to GitHub, and what its refusals mean.

use deckwatch_protocol::{Timestamp, cut};
use serde_json::Value;

use super::access::TIMEOUT;
use super::settings::GithubSettings;
use crate::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse};

/// The most redirects that are followed: GitHub answers so for a renamed or transferred repository.
const MAX_REDIRECTS: usize = 2;

/// Why GitHub did not do what was asked. The texts go to the admin, and contain nothing of the response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum GithubError {
    /// The rate limit is used up, perhaps until a time.
    #[error("GitHub limits the rate of requests; the next attempt waits")]
    RateLimited {
        /// The seconds to wait, if GitHub says so.
        seconds: Option<i64>,
        /// When requests are accepted again, if GitHub says so.
        until: Option<Timestamp>,
    },
    /// GitHub fails or does not answer.
    #[error("GitHub does not answer: {0}")]
    Unavailable(String),
    /// The credentials are wrong or lack a permission. GitHub also answers 404 for what they may not see.
    #[error("GitHub refuses: {0}")]
    Denied(String),
    /// The issue was deleted.
    #[error("the issue was deleted")]
    Gone,
    /// The response is larger than the engine reads.
    #[error("the response of GitHub is too large to read")]
    TooLarge,
}

/// A request below the address of the API.
#[derive(Clone)]
pub(super) struct Request {
    method: &'static str,
    path: String,
    body: Option<String>,
}

impl Request {
    pub(super) fn get(path: String) -> Self {
        Self { method: "GET", path, body: None }
    }

    pub(super) fn post(path: String, body: String) -> Self {
        Self { method: "POST", path, body: Some(body) }
    }

    pub(super) fn delete(path: String) -> Self {
        Self { method: "DELETE", path, body: None }
    }
}

/// A successful response.
pub(super) struct Response(String);

impl Response {
    /// Decodes the body.
    pub(super) fn json(&self) -> Result<Value, GithubError> {
        serde_json::from_str(&self.0).map_err(|_| unexpected())
    }
}

/// The error for a response that has not the form that GitHub documents.
pub(super) fn unexpected() -> GithubError {
    GithubError::Unavailable("its response has not the form that GitHub documents".to_owned())
}

/// Sends a request with a token.
pub(super) async fn send(
    settings: &GithubSettings,
    outbound: &dyn Outbound,
    token: &str,
    request: Request,
) -> Result<Response, GithubError> {
    let mut url = format!("{}{}", settings.api, request.path);
    for _ in 0..=MAX_REDIRECTS {
        let mut headers = vec![
            ("accept", "application/vnd.github+json".to_owned()),
            ("authorization", format!("Bearer {token}")),
            ("user-agent", "deckwatch".to_owned()),
            ("x-github-api-version", "2022-11-28".to_owned()),
        ];
        headers.extend(request.body.as_ref().map(|_| ("content-type", "application/json".to_owned())));
        let (method, body) = (request.method, request.body.clone());
        let sent = outbound.send(OutboundRequest { method, url: url.clone(), headers, body, timeout: TIMEOUT }).await;
        let response = sent.map_err(|error| match error {
            OutboundError::TooLarge => GithubError::TooLarge,
            error => GithubError::Unavailable(error.to_string()),
        })?;
        match response.status {
            200..=299 => return Ok(Response(response.body)),
            301 | 302 | 307 | 308 => {
                // The token must not leave GitHub.
                let location = response.header("location").filter(|to| is_below(to, &settings.api));
                let refused = || GithubError::Denied("it redirects to another address".to_owned());
                location.ok_or_else(refused)?.clone_into(&mut url);
            }
            _ => return Err(refusal(&request, &response)),
        }
    }
    Err(GithubError::Unavailable("it redirects again and again".to_owned()))
}

/// Whether the address begins with the address of the API.
fn is_below(url: &str, api: &str) -> bool {
    url.strip_prefix(api).is_some_and(|rest| rest.starts_with('/'))
}

fn refusal(request: &Request, response: &OutboundResponse) -> GithubError {
    let what = format!("{} {}", request.method, cut::to_chars(&request.path, 200));
    match response.status {
        410 => GithubError::Gone,
        403 | 429 if is_rate_limit(response) => rate_limited(response),
        401 => GithubError::Denied(format!(
            "401 for {what}: the credentials are not valid. Set GITHUB_APP_PRIVATE_KEY or GITHUB_TOKEN again"
        )),
        status @ (403 | 404) => GithubError::Denied(format!(
            "{status} for {what}: it does not exist, or the App or the token has no access. Install the App on the \
             repository, with read and write access to issues and pull requests"
        )),
        status @ 400..=499 => GithubError::Denied(format!("{status} for {what}")),
        status => GithubError::Unavailable(format!("{status} for {what}")),
    }
}

fn is_rate_limit(response: &OutboundResponse) -> bool {
    response.status == 429
        || response.header("retry-after").is_some()
        || response.header("x-ratelimit-remaining") == Some("0")
        || response.body.to_lowercase().contains("rate limit")
}

fn rate_limited(response: &OutboundResponse) -> GithubError {
    let number = |name| response.header(name)?.parse::<i64>().ok();
    let reset = number("x-ratelimit-reset").filter(|_| response.header("x-ratelimit-remaining") == Some("0"));
    let until = reset.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)));
    GithubError::RateLimited { seconds: number("retry-after"), until }
}
