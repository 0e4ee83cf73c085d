//! Sends requests to GitHub: a query, or the check whether anything in a repository has changed.

use std::sync::Arc;

use bytes::Bytes;
use deckwatch_client::http::{Http, RequestFailure};
use deckwatch_protocol::Timestamp;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Request, Response, StatusCode, request};
use serde::Deserialize;

use super::address::Address;
use super::limits::{Deadline, WHOLE};
use super::token::Token;
use super::trouble::GitHubTrouble;

/// The version of the REST API that the check is written for.
const API_VERSION: &str = "2022-11-28";
/// The longest `ETag` that is kept.
const MAX_TAG: usize = 200;

/// GitHub at one address, with one token, until a deadline.
pub(super) struct Connection {
    pub(super) http: Arc<Http>,
    pub(super) address: Address,
    pub(super) token: Token,
    pub(super) deadline: Deadline,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Checked {
    /// Nothing has changed since the answer with this `ETag`.
    Unchanged,
    /// Something has changed; with the new `ETag` and the time of the last change.
    Changed { tag: String, last_change: Option<Timestamp> },
    /// The check can't tell, for example because the repository was renamed or has no issues. The query will.
    Unknown,
}

#[derive(Deserialize)]
struct Changed {
    updated_at: Timestamp,
}

impl Connection {
    /// Sends a query and returns the successful response.
    pub(super) async fn query(&self, body: String) -> Result<Response<Bytes>, GitHubTrouble> {
        let url = self.address.graphql.as_str();
        let request = self.authorised(Request::post(url))?.header(CONTENT_TYPE, "application/json");
        let response = self.send(request, Bytes::from(body), url).await?;
        match GitHubTrouble::of(&response, url, self.token.source) {
            Some(trouble) => Err(trouble),
            None => Ok(response),
        }
    }

    /// Asks for the item of the repository that was changed last, unless it is the one with this `ETag`. An answer
    /// without changes does not count against the rate limit.
    pub(super) async fn check(&self, name: &str, tag: Option<&str>) -> Result<Checked, GitHubTrouble> {
        let url = format!("{}/repos/{name}/issues?state=all&sort=updated&direction=desc&per_page=1", self.address.rest);
        let mut request = self.authorised(Request::get(&url))?.header("x-github-api-version", API_VERSION);
        if let Some(tag) = tag {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let response = self.send(request, Bytes::new(), &url).await?;
        match response.status() {
            StatusCode::NOT_MODIFIED if tag.is_some() => Ok(Checked::Unchanged),
            StatusCode::OK => Ok(changed(&response)),
            // The query reports every other error, but it must not follow when GitHub asks to stop.
            _ => match GitHubTrouble::of(&response, &url, self.token.source) {
                Some(trouble @ GitHubTrouble::TooFast { .. }) => Err(trouble),
                _ => Ok(Checked::Unknown),
            },
        }
    }

    fn authorised(&self, request: request::Builder) -> Result<request::Builder, GitHubTrouble> {
        let key = HeaderValue::from_str(&format!("Bearer {}", self.token.expose()));
        let mut key = key.map_err(|_| GitHubTrouble::TokenRefused { by: self.token.source })?;
        key.set_sensitive(true);
        Ok(request.header(ACCEPT, "application/vnd.github+json").header(AUTHORIZATION, key))
    }

    async fn send(&self, request: request::Builder, body: Bytes, url: &str) -> Result<Response<Bytes>, GitHubTrouble> {
        let request = request.body(body).map_err(|error| GitHubTrouble::Address { cause: error.to_string() })?;
        let silent = || GitHubTrouble::Silent { url: self.address.graphql.clone(), seconds: WHOLE.as_secs() };
        let left = self.deadline.left();
        if left.is_zero() {
            return Err(silent());
        }
        self.http.send_within(left, request).await.map_err(|unanswered| match unanswered.failure {
            failure if failure.timed_out() => silent(),
            RequestFailure::TooLarge => GitHubTrouble::TooLarge { url: url.to_owned(), cause: unanswered.cause },
            RequestFailure::Connected { .. } => {
                GitHubTrouble::Interrupted { url: url.to_owned(), cause: unanswered.cause }
            }
            _ => GitHubTrouble::Unreachable { url: self.address.graphql.clone(), cause: unanswered.cause },
        })
    }
}

fn changed(response: &Response<Bytes>) -> Checked {
    let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| tag.len() <= MAX_TAG);
    let items: Result<Vec<Changed>, _> = serde_json::from_slice(response.body());
    match (tag, items) {
        (Some(tag), Ok(items)) => {
            let last_change = items.first().map(|item| item.updated_at);
            Checked::Changed { tag: tag.to_owned(), last_change }
        }
        _ => Checked::Unknown,
    }
}
