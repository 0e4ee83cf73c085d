//! Requests to GitHub's REST API.
//!
//! A credential is sent only to the API's own address: a redirect, which GitHub uses for renamed repositories, is followed
//! there only. Every request has a time limit.

use std::time::Duration;

use bytes::Bytes;
use deckwatch_client::http::{Http, HttpLimits, retry_after};
use deckwatch_protocol::Timestamp;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LINK, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::site::Site;
use crate::github_error::{GitHubError, clean};
use crate::output::say;
use crate::secrets::Secret;

const LIMITS: HttpLimits =
    HttpLimits { connect: Duration::from_secs(5), whole: Duration::from_secs(15), answer_bytes: 8 * 1024 * 1024 };
/// The most redirects of one request: a repository that was renamed twice needs one.
const MAX_REDIRECTS: usize = 3;
/// The most pages of one list, with 100 items each.
const MAX_PAGES: usize = 10;
/// The longest total pause of one command, if GitHub limits its requests.
const MAX_PAUSE: Duration = Duration::from_mins(2);

/// A credential for one kind of request.
pub(super) enum Credential {
    /// None: only for the exchange of a manifest's code.
    None,
    /// The JWT of an App.
    Jwt(Secret),
    /// A token of a person or of an installation.
    Token(Secret),
}

impl Credential {
    /// What it is, for errors.
    fn name(&self) -> &'static str {
        match self {
            Self::None => "request without a credential",
            Self::Jwt(_) => "JWT of the App",
            Self::Token(_) => "token",
        }
    }

    fn header(&self) -> Result<Option<HeaderValue>, GitHubError> {
        let text = match self {
            Self::None => return Ok(None),
            Self::Jwt(text) | Self::Token(text) => text,
        };
        let value = HeaderValue::from_str(&format!("Bearer {}", text.expose()));
        let mut value = value.map_err(|_| GitHubError::Unauthorised {
            credential: self.name(),
            message: "it contains characters that no credential has".to_owned(),
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// A client of the API.
pub(super) struct GitHub {
    pub(super) site: Site,
    http: Http,
    /// How long it may still wait when GitHub limits its requests.
    pause_left: std::cell::Cell<Duration>,
}

/// An answer of GitHub.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The address that answered.
    url: String,
}

/// A list, and whether GitHub has more than was read.
pub(super) struct Listed<T> {
    pub(super) items: Vec<T>,
    pub(super) is_cut: bool,
}

impl GitHub {
    pub(super) fn new(site: Site) -> Self {
        Self { site, http: Http::new(LIMITS), pause_left: std::cell::Cell::new(MAX_PAUSE) }
    }

    /// Reads `path`. An answer that is no success is an error about `what`.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        credential: &Credential,
        what: &str,
    ) -> Result<T, GitHubError> {
        self.send(Method::GET, path, credential, None).await?.decoded(what, credential)
    }

    /// Sends a body, and decodes the answer.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        credential: &Credential,
        body: &Value,
        what: &str,
    ) -> Result<T, GitHubError> {
        self.send(Method::POST, path, credential, Some(body)).await?.decoded(what, credential)
    }

    /// Reads all pages of a list. `items_of` finds the items in a page.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        credential: &Credential,
        what: &str,
        items_of: impl Fn(Value) -> Value,
    ) -> Result<Listed<T>, GitHubError> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut next = Some(format!("{path}{separator}per_page=100"));
        let mut items = Vec::new();
        for _ in 0..MAX_PAGES {
            let Some(page) = next.take() else { break };
            let answer = self.send(Method::GET, &page, credential, None).await?;
            next = answer.next_page().and_then(|url| url.strip_prefix(&self.site.api).map(str::to_owned));
            let url = answer.url.clone();
            let page: Value = answer.decoded(what, credential)?;
            let page: Vec<T> = serde_json::from_value(items_of(page))
                .map_err(|error| GitHubError::Malformed { url, cause: clean(&error.to_string()) })?;
            items.extend(page);
        }
        Ok(Listed { items, is_cut: next.is_some() })
    }

    /// Sends a request, follows redirects with the same method, as GitHub asks, and waits if GitHub limits its requests for a short time.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        credential: &Credential,
        body: Option<&Value>,
    ) -> Result<Answer, GitHubError> {
        let mut url = format!("{}{path}", self.site.api);
        let mut redirects = 0;
        loop {
            let answer = self.send_once(&method, &url, credential, body).await?;
            if let Some(pause) = self.pause_of(&answer) {
                say(&format!("GitHub limits its requests; waiting for {} s, as it asks", pause.as_secs()));
                tokio::time::sleep(pause).await;
                continue;
            }
            let target = answer.redirect().filter(|target| target.starts_with(&format!("{}/", self.site.api)));
            match target {
                Some(target) if redirects < MAX_REDIRECTS => url = target,
                _ => return Ok(answer),
            }
            redirects += 1;
        }
    }

    /// The pause that the answer asks for, if the command may still wait so long.
    fn pause_of(&self, answer: &Answer) -> Option<Duration> {
        let pause = Duration::from_secs(answer.retry_after().filter(|_| matches!(answer.status, 403 | 429))?.max(1));
        self.pause_left.set(self.pause_left.get().checked_sub(pause)?);
        Some(pause)
    }

    async fn send_once(
        &self,
        method: &Method,
        url: &str,
        credential: &Credential,
        body: Option<&Value>,
    ) -> Result<Answer, GitHubError> {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        if let Some(value) = credential.header()? {
            request = request.header(AUTHORIZATION, value);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = request.body(body);
        let request = request.map_err(|error| GitHubError::Address(format!("the address {url}: {error}")))?;
        let response = self.http.send(request).await.map_err(|error| {
            let cause = if error.failure.timed_out() {
                format!("it did not answer within {} s", LIMITS.whole.as_secs())
            } else {
                error.cause
            };
            GitHubError::Unreachable { url: self.site.api.clone(), cause }
        })?;
        let (parts, body) = response.into_parts();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body, url: url.to_owned() })
    }
}

#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Value>,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// The decoded body, or the error of the answer.
    pub(super) fn decoded<T: DeserializeOwned>(self, what: &str, credential: &Credential) -> Result<T, GitHubError> {
        if !self.is_success() {
            return Err(self.error(what, credential));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| GitHubError::Malformed { url: self.url, cause: clean(&error.to_string()) })
    }

    /// The error of an answer that is no success. `what` is what was asked for.
    pub(super) fn error(&self, what: &str, credential: &Credential) -> GitHubError {
        let body: ErrorBody = serde_json::from_slice(&self.body).unwrap_or_default();
        let message = clean(&body.message);
        match self.status {
            401 => GitHubError::Unauthorised { credential: credential.name(), message },
            403 | 429 if self.is_rate_limit(&body.message) => {
                GitHubError::RateLimited { until: self.reset_at(), seconds: self.retry_after() }
            }
            403 => GitHubError::Forbidden { message, needs: self.accepted_permissions() },
            404 | 410 => GitHubError::NotFound { what: what.to_owned() },
            status if status >= 500 => GitHubError::Failed { status },
            status => {
                let details = body.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                let separator = if details.is_empty() { "" } else { " " };
                GitHubError::Refused { status, message: clean(&format!("{}{separator}{details}", body.message)) }
            }
        }
    }

    fn is_rate_limit(&self, message: &str) -> bool {
        self.text("x-ratelimit-remaining") == Some("0")
            || self.headers.contains_key("retry-after")
            || message.to_ascii_lowercase().contains("rate limit")
    }

    fn reset_at(&self) -> Option<Timestamp> {
        let seconds: i64 = self.text("x-ratelimit-reset")?.parse().ok()?;
        Some(Timestamp::from_millis(seconds.saturating_mul(1000)))
    }

    fn retry_after(&self) -> Option<u64> {
        retry_after(&self.headers).map(|pause| pause.as_secs())
    }

    /// The permissions of which one would have been enough, such as `issues=write`.
    fn accepted_permissions(&self) -> Option<String> {
        let accepted = self.text("x-accepted-github-permissions").filter(|text| !text.is_empty())?;
        Some(clean(accepted).replace("; ", " or "))
    }

    fn redirect(&self) -> Option<String> {
        let target = self.headers.get(LOCATION)?.to_str().ok()?;
        matches!(self.status, 301 | 302 | 307 | 308).then(|| target.to_owned())
    }

    /// The address of the next page, in the header `Link`.
    fn next_page(&self) -> Option<&str> {
        let links = self.headers.get(LINK)?.to_str().ok()?;
        let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
        next.split_once('<')?.1.split_once('>').map(|(url, _)| url)
    }
}
