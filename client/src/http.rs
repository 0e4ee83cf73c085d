//! The HTTP client of a process: what it sends is bounded in time, what it takes in also in size.
//!
//! It knows neither the Context API nor GitHub, follows no redirect, and tries once.

use std::error::Error;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, Request, Response};
use tokio::sync::OnceCell;

/// How long and how much.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Until a connection stands.
    pub connect: Duration,
    /// From connecting to the last byte.
    pub whole: Duration,
    /// Most bytes of an answer.
    pub answer_bytes: usize,
}

/// An HTTP client. Nothing is opened before the first request.
pub struct Http {
    limits: HttpLimits,
    /// Made at the first request: reading the system's certificates takes a while.
    client: OnceCell<reqwest::Client>,
}

/// A request that got no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{cause}")]
pub struct Unanswered {
    /// What the network says.
    pub cause: String,
    /// Whether trying again would take as long and end the same way.
    pub hopeless: bool,
    /// Whether time was up.
    pub timed_out: bool,
    /// Whether a connection stood before that.
    pub connected: bool,
}

impl Http {
    /// A client within these limits.
    pub fn new(limits: HttpLimits) -> Self {
        Self { limits, client: OnceCell::new() }
    }

    /// Sends a request whose address is absolute, and waits for the whole answer.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Unanswered> {
        let request = reqwest::Request::try_from(request).map_err(|error| Unanswered::never(&error))?;
        let mut answer = self.client().await?.execute(request).await.map_err(|error| Unanswered::broken(&error))?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| Unanswered::broken(&error))? {
            if body.len() + chunk.len() > self.limits.answer_bytes {
                let cause = format!("the answer is larger than {} KiB", self.limits.answer_bytes / 1024);
                return Err(Unanswered { cause, hopeless: true, timed_out: false, connected: true });
            }
            body.extend_from_slice(&chunk);
        }
        *response.body_mut() = body.freeze();
        Ok(response)
    }

    async fn client(&self) -> Result<&reqwest::Client, Unanswered> {
        self.client.get_or_try_init(|| made(self.limits)).await
    }
}

/// How long an answer asks to wait: as seconds or until a time, as HTTP allows. A time is compared with the answer's own
/// `Date`, where it has one: the clock here may be another.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let time = |name| httpdate::parse_http_date(text(name)?).ok();
    if let Ok(seconds) = text(RETRY_AFTER)?.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let from = time(DATE).unwrap_or_else(SystemTime::now);
    Some(time(RETRY_AFTER)?.duration_since(from).unwrap_or_default())
}

/// On a thread of its own: whoever waits a short time for an answer must notice that it has passed.
async fn made(limits: HttpLimits) -> Result<reqwest::Client, Unanswered> {
    let making = tokio::task::spawn_blocking(move || {
        // Fails when the process has chosen a provider already: that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .connect_timeout(limits.connect)
            .timeout(limits.whole)
            // A redirect would carry the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("deckwatch/", env!("CARGO_PKG_VERSION")))
            .build()
    });
    let failed = |cause: String| Unanswered { cause, hopeless: true, timed_out: false, connected: false };
    making.await.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(innermost(&error)))
}

impl Unanswered {
    fn never(error: &reqwest::Error) -> Self {
        Self { cause: innermost(error), hopeless: true, timed_out: false, connected: false }
    }

    /// A host that swallows packets does so again; a refused connection may be a restart.
    fn broken(error: &reqwest::Error) -> Self {
        let timed_out = error.is_timeout();
        let cause = if timed_out { "timed out".to_owned() } else { innermost(error) };
        Self { cause, hopeless: timed_out, timed_out, connected: !error.is_connect() }
    }
}

/// The innermost cause says what happened; the outer ones say that something did.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_pause_is_read_as_seconds_and_as_a_time() {
        let at = |all: &[(&'static str, &str)]| retry_after(&headers(all)).map(|pause| pause.as_secs());
        let date = ("date", "Fri, 27 Nov 2026 15:00:00 GMT");
        assert_eq!(at(&[("retry-after", " 59 ")]), Some(59));
        assert_eq!(at(&[("retry-after", "Fri, 27 Nov 2026 15:00:42 GMT"), date]), Some(42));
        assert_eq!(at(&[("retry-after", "Friday, 27-Nov-26 15:00:42 GMT"), date]), Some(42));
        assert_eq!(at(&[("retry-after", "Fri, 27 Nov 2026 14:00:00 GMT"), date]), Some(0));
        assert_eq!(at(&[("retry-after", "Thu, 01 Jan 1998 00:00:00 GMT")]), Some(0));
        assert_eq!((at(&[("retry-after", "soon")]), at(&[])), (None, None));
    }
}
