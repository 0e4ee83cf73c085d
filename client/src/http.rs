//! An HTTP client with a limit on the time of a request and on the size of a response.
//!
//! It does not depend on the Context API, GitHub or Infisical. It does not follow redirects and does not retry.

use std::error::Error;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{DATE, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::sync::OnceCell;

/// Limits on time and size.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Time to open a connection.
    pub connect: Duration,
    /// Time from connecting to the last byte.
    pub whole: Duration,
    /// Maximum size of a response, in bytes.
    pub answer_bytes: usize,
}

/// An HTTP client. It opens no connection before the first request.
pub struct Http {
    limits: HttpLimits,
    /// Whether requests to `http` URLs go through the proxy of the environment, as those to `https` URLs do.
    always_proxied: bool,
    /// Created at the first request, because reading the system's certificates is slow.
    client: OnceCell<reqwest::Client>,
    /// The client without a proxy.
    direct: OnceCell<reqwest::Client>,
}

/// A request that got no response.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{cause}")]
pub struct RequestError {
    /// The error text of the network.
    pub cause: String,
    /// When it happened.
    pub failure: RequestFailure,
}

/// When a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestFailure {
    /// Before it was sent.
    Unsent,
    /// While the connection was opened.
    Connecting {
        /// The time limit passed.
        timed_out: bool,
    },
    /// After a connection was open.
    Connected {
        /// The time limit passed.
        timed_out: bool,
    },
    /// The response is larger than the limit.
    TooLarge,
}

impl RequestFailure {
    /// Whether a retry would take as long and would fail in the same way. A refused connection can be a restart of the
    /// server, so it is not permanent.
    pub fn is_permanent(self) -> bool {
        matches!(self, Self::Unsent | Self::TooLarge) || self.timed_out()
    }

    /// Whether the time limit passed.
    pub fn timed_out(self) -> bool {
        matches!(self, Self::Connecting { timed_out: true } | Self::Connected { timed_out: true })
    }

    /// Whether a connection was open before the failure.
    pub fn connected(self) -> bool {
        matches!(self, Self::Connected { .. } | Self::TooLarge)
    }
}

impl Http {
    /// Creates a client with these limits. It uses the proxy of the environment.
    pub fn new(limits: HttpLimits) -> Self {
        Self { limits, always_proxied: true, client: OnceCell::new(), direct: OnceCell::new() }
    }

    /// The same, but a proxy is used only for `https` URLs, because it could read what is sent to others.
    pub fn without_proxy_for_http(limits: HttpLimits) -> Self {
        Self { always_proxied: false, ..Self::new(limits) }
    }

    /// Sends a request with an absolute URL and waits for the complete response.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, RequestError> {
        self.send_within(self.limits.whole, request).await
    }

    /// Like [`Http::send`], with another limit on the time from connecting to the last byte.
    pub async fn send_within(&self, whole: Duration, request: Request<Bytes>) -> Result<Response<Bytes>, RequestError> {
        let mut request =
            reqwest::Request::try_from(request).map_err(|error| RequestError::unsent(innermost(&error)))?;
        *request.timeout_mut() = Some(whole);
        let client = self.client(request.url().scheme()).await?;
        let mut answer = client.execute(request).await.map_err(|error| RequestError::interrupted(&error))?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| RequestError::interrupted(&error))? {
            if body.len() + chunk.len() > self.limits.answer_bytes {
                let cause = format!("the response is larger than {} KiB", self.limits.answer_bytes / 1024);
                return Err(RequestError { cause, failure: RequestFailure::TooLarge });
            }
            body.extend_from_slice(&chunk);
        }
        *response.body_mut() = body.freeze();
        Ok(response)
    }

    /// Opens a connection for another protocol, without a limit on its time. `accept` is the value that the response must
    /// have in `Sec-WebSocket-Accept`.
    pub(crate) async fn upgrade(&self, request: Request<Bytes>, accept: &str) -> Result<reqwest::Upgraded, String> {
        let request = reqwest::Request::try_from(request).map_err(|error| innermost(&error))?;
        let client = self.client(request.url().scheme()).await.map_err(|error| error.to_string())?;
        let response = client.execute(request).await.map_err(|error| innermost(&error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(format!("the answer is {}", response.status()));
        }
        if response.headers().get(SEC_WEBSOCKET_ACCEPT).is_none_or(|given| given != accept) {
            return Err("the answer is not about this request".to_owned());
        }
        response.upgrade().await.map_err(|error| innermost(&error))
    }

    async fn client(&self, scheme: &str) -> Result<&reqwest::Client, RequestError> {
        let proxy = self.always_proxied || scheme != "http";
        let client = if proxy { &self.client } else { &self.direct };
        client.get_or_try_init(|| build_client(self.limits.connect, proxy)).await
    }
}

/// The wait that a response requests in `Retry-After`, as seconds or as a date. A date is compared with the response's
/// own `Date` header, if it has one, because the clock of this machine can differ.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let time = |name| httpdate::parse_http_date(text(name)?).ok();
    if let Ok(seconds) = text(RETRY_AFTER)?.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let from = time(DATE).unwrap_or_else(SystemTime::now);
    Some(time(RETRY_AFTER)?.duration_since(from).unwrap_or_default())
}

/// Builds the client on a separate thread. Otherwise a caller with a short timeout would be blocked too long.
async fn build_client(connect: Duration, proxy: bool) -> Result<reqwest::Client, RequestError> {
    let build = tokio::task::spawn_blocking(move || {
        // This fails if the process has already installed a provider. That provider works too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .connect_timeout(connect)
            // A redirect would send the key to another host.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("deckwatch/", env!("CARGO_PKG_VERSION")));
        if proxy { builder.build() } else { builder.no_proxy().build() }
    });
    let client = build.await.map_err(|error| RequestError::unsent(error.to_string()))?;
    client.map_err(|error| RequestError::unsent(innermost(&error)))
}

impl RequestError {
    /// An error before the request was sent.
    pub(crate) fn unsent(cause: String) -> Self {
        Self { cause, failure: RequestFailure::Unsent }
    }

    fn interrupted(error: &reqwest::Error) -> Self {
        let timed_out = error.is_timeout();
        let cause = if timed_out { "timed out".to_owned() } else { innermost(error) };
        let failure = if error.is_connect() {
            RequestFailure::Connecting { timed_out }
        } else {
            RequestFailure::Connected { timed_out }
        };
        Self { cause, failure }
    }
}

/// The innermost cause of an error. Only that one has details.
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
    fn retry_after_is_read_as_seconds_and_as_a_date() {
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
