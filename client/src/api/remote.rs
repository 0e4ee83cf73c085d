//! HTTPS to a Worker or a server.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use deckwatch_protocol::BearerKey;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Response, Uri};
use url::Url;

use super::Prepared;
use super::contact::{self, Contact};
use super::error::ClientError;
use crate::http::{Http, HttpLimits, Unanswered};

const LIMITS: HttpLimits = HttpLimits {
    connect: Duration::from_secs(3),
    // One try. D1 has been seen to stall for tens of seconds.
    whole: Duration::from_secs(10),
    // The largest page of handoffs stays below.
    answer_bytes: 16 * 1024 * 1024,
};

/// One API over HTTPS.
pub(super) struct Remote {
    url: Url,
    key: BearerKey,
    http: Http,
    /// What the last tries have shown.
    contact: Mutex<Contact>,
}

impl Remote {
    pub(super) fn new(url: Url, key: BearerKey) -> Self {
        Self { url, key, http: Http::new(LIMITS), contact: Mutex::default() }
    }

    /// One try.
    pub(super) async fn send(&self, request: &Prepared) -> Result<Response<Bytes>, Unanswered> {
        let answer = self.send_once(request).await;
        match &answer {
            Ok(response) => self.seen().answered(response.status()),
            Err(unanswered) => self.seen().unanswered(unanswered),
        }
        answer
    }

    /// What the last tries have shown.
    pub(super) fn contact(&self) -> Contact {
        self.seen().clone()
    }

    /// Nobody has answered for so long that somebody has stopped waiting.
    pub(super) fn fell_silent(&self) {
        self.seen().fell_silent();
    }

    /// Whether somebody takes a connection there.
    pub(super) async fn takes_connections(&self) -> Result<(), String> {
        contact::takes_connections(&self.url).await
    }

    fn seen(&self) -> MutexGuard<'_, Contact> {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send_once(&self, request: &Prepared) -> Result<Response<Bytes>, Unanswered> {
        let unusable =
            |cause: &str| Unanswered { cause: cause.to_owned(), hopeless: true, timed_out: false, connected: false };
        let mut sent = request.clone();
        *sent.uri_mut() = self.address(request).ok_or_else(|| unusable("the address is not one that HTTP knows"))?;
        let key = HeaderValue::from_str(&format!("Bearer {}", self.key.expose()));
        let mut key = key.map_err(|_| unusable("the key can't be a header"))?;
        key.set_sensitive(true);
        sent.headers_mut().insert(AUTHORIZATION, key);
        self.http.send(sent).await
    }

    /// The error of a call to which nobody answered.
    pub(super) fn unreachable(&self, cause: &str, is_sent: bool) -> ClientError {
        ClientError::Unreachable { endpoint: self.url.to_string(), cause: cause.to_owned(), is_sent }
    }

    /// The base address may have a path of its own.
    fn address(&self, request: &Prepared) -> Option<Uri> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{}", self.url.path().trim_end_matches('/'), request.uri().path()));
        url.set_query(request.uri().query());
        url.as_str().parse().ok()
    }
}
