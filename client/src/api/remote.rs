//! The API over HTTPS: a Worker or a server.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use deckwatch_protocol::BearerKey;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Response, Uri};
use reqwest::Upgraded;
use url::Url;

use super::Prepared;
use super::contact::{self, Contact};
use super::error::ClientError;
use crate::http::{Http, HttpLimits, RequestError};

const LIMITS: HttpLimits = HttpLimits {
    connect: Duration::from_secs(3),
    // The limit of one attempt. D1 can stall for tens of seconds.
    whole: Duration::from_secs(10),
    // The largest page of handoffs is smaller.
    answer_bytes: 16 * 1024 * 1024,
};

/// One API over HTTPS.
pub(super) struct Remote {
    url: Url,
    key: BearerKey,
    http: Http,
    /// The results of the last attempts.
    contact: Mutex<Contact>,
}

impl Remote {
    pub(super) fn new(url: Url, key: BearerKey) -> Self {
        Self { url, key, http: Http::new(LIMITS), contact: Mutex::default() }
    }

    /// Sends a request once and records the result.
    pub(super) async fn send(&self, request: &Prepared) -> Result<Response<Bytes>, RequestError> {
        let answer = self.send_once(request).await;
        match &answer {
            Ok(response) => self.lock_contact().answered(response.status()),
            Err(unanswered) => self.lock_contact().unanswered(unanswered),
        }
        answer
    }

    /// The results of the last attempts.
    pub(super) fn contact(&self) -> Contact {
        self.lock_contact().clone()
    }

    /// Records that a caller stopped waiting for a response.
    pub(super) fn fell_silent(&self) {
        self.lock_contact().fell_silent();
    }

    /// Whether the API accepts connections.
    pub(super) async fn takes_connections(&self) -> Result<(), String> {
        contact::takes_connections(&self.url).await
    }

    fn lock_contact(&self) -> MutexGuard<'_, Contact> {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send_once(&self, request: &Prepared) -> Result<Response<Bytes>, RequestError> {
        self.http.send(self.addressed(request)?).await
    }

    /// Opens a connection for another protocol.
    pub(super) async fn upgrade(&self, request: &Prepared, accept: &str) -> Result<Upgraded, String> {
        let request = self.addressed(request).map_err(|error| error.to_string())?;
        self.http.upgrade(request, accept).await
    }

    /// The request with the address of the API and the key.
    fn addressed(&self, request: &Prepared) -> Result<Prepared, RequestError> {
        let unusable = |cause: &str| RequestError::unsent(cause.to_owned());
        let mut sent = request.clone();
        *sent.uri_mut() = self.address(request).ok_or_else(|| unusable("the URL is not valid for HTTP"))?;
        let key = HeaderValue::from_str(&format!("Bearer {}", self.key.expose()));
        let mut key = key.map_err(|_| unusable("the key contains characters that an HTTP header can't have"))?;
        key.set_sensitive(true);
        sent.headers_mut().insert(AUTHORIZATION, key);
        Ok(sent)
    }

    /// The error of a call without a response.
    pub(super) fn unreachable(&self, cause: &str, is_sent: bool) -> ClientError {
        ClientError::Unreachable { endpoint: self.url.to_string(), cause: cause.to_owned(), is_sent }
    }

    /// The URL of a request. The base URL may have a path.
    fn address(&self, request: &Prepared) -> Option<Uri> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{}", self.url.path().trim_end_matches('/'), request.uri().path()));
        url.set_query(request.uri().query());
        url.as_str().parse().ok()
    }
}
