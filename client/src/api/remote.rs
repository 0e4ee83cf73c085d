//! HTTPS to a Worker or a server.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use deckwatch_protocol::BearerKey;
use http::Response;
use http::header::AUTHORIZATION;
use tokio::sync::OnceCell;
use url::Url;

use super::Prepared;
use super::error::ClientError;

/// Until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// One try, from connecting to the last byte. D1 has been seen to stall for tens of seconds.
const TRY_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of an answer: the largest page of handoffs stays below.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// One API over HTTPS.
pub(super) struct Remote {
    url: Url,
    key: BearerKey,
    /// Made at the first call: reading the system's certificates takes a while.
    http: OnceCell<reqwest::Client>,
    /// Why the last try got no answer.
    trouble: Mutex<Option<String>>,
}

/// A try that got no answer.
pub(super) struct SendError {
    pub(super) cause: String,
    pub(super) timed_out: bool,
}

impl Remote {
    pub(super) fn new(url: Url, key: BearerKey) -> Self {
        Self { url, key, http: OnceCell::new(), trouble: Mutex::default() }
    }

    /// One try.
    pub(super) async fn send(&self, request: &Prepared) -> Result<Response<Bytes>, SendError> {
        let answer = self.send_and_read(request).await;
        let trouble = answer.as_ref().err().map(|error| error.cause.clone());
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        answer
    }

    /// Why the last try got no answer, unless it got one.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn send_and_read(&self, request: &Prepared) -> Result<Response<Bytes>, SendError> {
        let sending = self
            .http
            .get_or_try_init(connected)
            .await?
            .request(request.method().clone(), self.address(request))
            .headers(request.headers().clone())
            .header(AUTHORIZATION, format!("Bearer {}", self.key.expose()))
            .body(request.body().clone());
        let mut answer = sending.send().await.map_err(|error| broken(&error))?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(SendError { cause: "the answer is larger than 16 MiB".to_owned(), timed_out: true });
            }
            body.extend_from_slice(&chunk);
        }
        *response.body_mut() = body.freeze();
        Ok(response)
    }

    /// The error of a call to which nobody answered.
    pub(super) fn unreachable(&self, cause: &str) -> ClientError {
        ClientError::Unreachable { endpoint: self.url.to_string(), cause: cause.to_owned() }
    }

    /// The base address may have a path of its own.
    fn address(&self, request: &Prepared) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{}", self.url.path().trim_end_matches('/'), request.uri().path()));
        url.set_query(request.uri().query());
        url
    }
}

/// On a thread of its own: whoever waits a short time for an answer must notice that it has passed.
async fn connected() -> Result<reqwest::Client, SendError> {
    let made = tokio::task::spawn_blocking(|| {
        // Fails when the process has chosen a provider already: that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TRY_TIMEOUT)
            // A redirect would carry the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("deckwatch/", env!("CARGO_PKG_VERSION")))
            .build()
    });
    let failed = |cause: String| SendError { cause, timed_out: true };
    made.await.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(innermost(&error)))
}

fn broken(error: &reqwest::Error) -> SendError {
    let timed_out = error.is_timeout();
    let cause = if timed_out { "timed out".to_owned() } else { innermost(error) };
    SendError { cause, timed_out }
}

/// The innermost cause says what happened; the outer ones say that something did.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
