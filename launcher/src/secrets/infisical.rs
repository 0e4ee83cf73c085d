//! The HTTP API of Infisical: logs in with a machine identity and lists a folder. This takes at most three requests if
//! there is no error.
//!
//! A credential is sent only to the configured host: redirects are not followed. From an error answer, only the status
//! is used. Its text is never shown, because another server may have written it.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use deckwatch_client::http::{Http, HttpLimits, RequestError, RequestFailure, retry_after};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use http::request::Builder;
use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use url::Url;
use zeroize::Zeroizing;

use super::Secret;
use super::folder::Folder;
use super::identity::{Found, Identity};
use super::listing::Listing;
use super::settings::host_of;
use crate::output::say;
use crate::secrets_error::SecretsError;

/// A usual environment is much smaller than the limit of an answer. The time of a request is limited by the deadline.
const LIMITS: HttpLimits =
    HttpLimits { connect: Duration::from_secs(5), whole: Duration::from_mins(1), answer_bytes: 4 * 1024 * 1024 };
/// The largest number of attempts of one request, if there is time.
const MAX_TRIES: u32 = 3;
/// The pause before the second attempt if the server asks for none. It is doubled before the third attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest total time that a fetch waits because Infisical asks for it.
pub(super) const MAX_TOTAL_PAUSE: Duration = Duration::from_secs(30);

/// A connection to Infisical with a deadline.
pub(super) struct Infisical {
    base: Url,
    http: Http,
    /// The deadline. Each pause that Infisical asks for moves it.
    deadline: Cell<Instant>,
    /// The time that the fetch may still wait because Infisical asks for it.
    pause_left: Cell<Duration>,
}

struct Answer {
    status: StatusCode,
    /// The target of a redirect.
    location: Option<String>,
    retry_after: Option<Duration>,
    body: Zeroizing<Vec<u8>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Login<'a> {
    client_id: &'a str,
    client_secret: &'a str,
}

#[derive(Deserialize)]
struct LoggedIn {
    #[serde(rename = "accessToken")]
    access_token: Secret,
}

/// The reason why listing failed. The caller handles an invalid token itself.
pub(super) enum ListError {
    /// The access token has expired or was revoked.
    Token,
    Other(SecretsError),
}

impl Infisical {
    pub(super) fn new(base: Url, deadline: Instant) -> Self {
        Self {
            base,
            http: Http::without_proxy_for_http(LIMITS),
            deadline: Cell::new(deadline),
            pause_left: Cell::new(MAX_TOTAL_PAUSE),
        }
    }

    /// Exchanges a machine identity for an access token.
    pub(super) async fn log_in(&self, found: &Found) -> Result<Secret, SecretsError> {
        let Identity { client_id, client_secret } = &found.identity;
        let login = Login { client_id: client_id.expose(), client_secret: client_secret.expose() };
        let body = serde_json::to_vec(&login).map_err(|error| SecretsError::Runtime(error.to_string()))?;
        let url = self.address("api/v1/auth/universal-auth/login");
        let post = Request::post(url.as_str()).header(CONTENT_TYPE, "application/json");
        let answer = self.call(post, body.into()).await?;
        match answer.status.as_u16() {
            200 => {
                let logged_in = serde_json::from_slice::<LoggedIn>(&answer.body);
                logged_in
                    .map(|it| it.access_token)
                    .map_err(|_| self.not_infisical("its answer to a login has an unknown format"))
            }
            // Infisical answers an unknown identity with 404 and JSON. Another server answers an unknown path with 404.
            404 if !is_json(&answer.body) => Err(self.not_infisical("it has no login endpoint")),
            400 | 401 | 403 | 404 | 422 => {
                Err(SecretsError::Refused { host: self.host(), source_name: found.source_name.clone() })
            }
            _ => Err(self.error_of_answer(&answer)),
        }
    }

    /// Lists the secrets of a folder, with imports and expanded references, and without personal overrides.
    pub(super) async fn list(&self, token: &Secret, folder: &Folder) -> Result<Listing, ListError> {
        let mut url = self.address("api/v4/secrets");
        url.query_pairs_mut()
            .append_pair("projectId", &folder.project)
            .append_pair("environment", &folder.environment)
            .append_pair("secretPath", &folder.path)
            .append_pair("recursive", "false")
            .append_pair("includeImports", "true")
            .append_pair("expandSecretReferences", "true")
            .append_pair("includePersonalOverrides", "false")
            .append_pair("viewSecretValue", "true");
        let get = Request::get(url.as_str()).header(AUTHORIZATION, self.bearer(token).map_err(ListError::Other)?);
        let answer = self.call(get, Bytes::new()).await.map_err(ListError::Other)?;
        let missing = || {
            ListError::Other(SecretsError::NoSuchFolder { folder: folder.to_string(), status: answer.status.as_u16() })
        };
        match answer.status.as_u16() {
            200 => Listing::from_api(&answer.body)
                .ok_or_else(|| ListError::Other(self.not_infisical("its list of secrets has an unknown format"))),
            401 => Err(ListError::Token),
            400 | 403 | 404 | 422 => Err(missing()),
            _ => Err(ListError::Other(self.error_of_answer(&answer))),
        }
    }

    /// Sends a request, and repeats it if waiting may help and there is time.
    async fn call(&self, request: Builder, body: Bytes) -> Result<Answer, SecretsError> {
        let request = request.body(body).map_err(|error| SecretsError::Runtime(error.to_string()))?;
        let mut pause = FIRST_PAUSE;
        for _ in 1..MAX_TRIES {
            let answer = self.try_once(request.clone()).await?;
            let is_limit = answer.status == StatusCode::TOO_MANY_REQUESTS;
            if !is_limit && !answer.status.is_server_error() {
                return Ok(answer);
            }
            match answer.retry_after {
                Some(asked) if !self.extend_deadline(asked) => return Ok(answer),
                Some(asked) => {
                    let (host, seconds) = (self.host(), asked.as_secs());
                    let what = if is_limit { "limits its requests" } else { "is not ready" };
                    let status = answer.status.as_u16();
                    say(&format!("Infisical at {host} {what} ({status}); trying again in {seconds} s, as it asks"));
                    sleep(asked).await;
                }
                None if Instant::now() + pause >= self.deadline.get() => return Ok(answer),
                None => {
                    sleep(pause).await;
                    pause *= 2;
                }
            }
        }
        self.try_once(request).await
    }

    /// Whether there is time for a pause. If so, moves the deadline by it.
    fn extend_deadline(&self, asked: Duration) -> bool {
        let left = self.pause_left.get().checked_sub(asked);
        if let Some(left) = left {
            self.pause_left.set(left);
            self.deadline.set(self.deadline.get() + asked);
        }
        left.is_some()
    }

    async fn try_once(&self, request: Request<Bytes>) -> Result<Answer, SecretsError> {
        let left = self.deadline.get().saturating_duration_since(Instant::now());
        let response = self.http.send_within(left, request).await.map_err(|error| self.no_answer(error))?;
        let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        Ok(Answer { status, location, retry_after, body: Zeroizing::new(response.into_body().into()) })
    }

    /// The value of the `Authorization` header. Logs show it as `Sensitive`.
    fn bearer(&self, token: &Secret) -> Result<HeaderValue, SecretsError> {
        let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
        let mut value = value.map_err(|_| self.not_infisical("its access token contains control characters"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn host(&self) -> String {
        host_of(&self.base)
    }

    /// The address of an endpoint. The base address may have its own path.
    fn address(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        url
    }

    fn not_infisical(&self, what: &str) -> SecretsError {
        SecretsError::NotInfisical { host: self.host(), what: what.to_owned() }
    }

    fn no_answer(&self, error: RequestError) -> SecretsError {
        if error.failure == RequestFailure::TooLarge {
            return self.not_infisical("its answer is larger than 4 MiB");
        }
        let cause = if error.failure.timed_out() { "it did not answer in time".to_owned() } else { error.cause };
        SecretsError::Unreachable { host: self.host(), cause }
    }

    /// The error for an answer that is neither a success nor a refusal.
    fn error_of_answer(&self, answer: &Answer) -> SecretsError {
        let status = answer.status;
        if status.is_redirection() {
            let to = answer.location.as_deref().and_then(|to| self.base.join(to).ok());
            let to = to.map_or_else(|| "elsewhere".to_owned(), |to| host_of(&to));
            return self
                .not_infisical(&format!("it redirects to {to}, and the launcher does not send a credential there"));
        }
        let (host, asks_to_wait) = (self.host(), answer.retry_after.map(|wait| wait.as_secs()));
        if status == StatusCode::TOO_MANY_REQUESTS {
            return SecretsError::Limited { host, asks_to_wait };
        }
        if status.is_server_error() {
            return SecretsError::Failing { host, status: status.as_u16() };
        }
        self.not_infisical(&format!("it answers {}", status.as_u16()))
    }
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}
