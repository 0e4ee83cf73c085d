//! Retries with the same idempotency key, within one time budget.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use deckwatch_protocol::operation::Effect;
use http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, InvalidHeaderValue};
use http::{HeaderValue, Request, Response, StatusCode};

use super::error::{ClientError, retry_after};
use super::remote::Remote;
use super::{ApiRequest, Prepared};
use crate::http::RequestError;

/// The maximum time for a call with all its retries.
const BUDGET: Duration = Duration::from_secs(20);
/// The longest `Retry-After` that is waited for here. For a longer one, the caller decides.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The tag that matches every record: `If-None-Match: *` asks that there is none.
pub(super) const ANY_TAG: &str = "*";
/// The number of attempts after the first.
const RETRIES: usize = 3;

/// Builds the request of `ask`. All attempts use the same correlation id and idempotency key.
pub(super) fn prepare(ask: &ApiRequest) -> Prepared {
    let mut request = Request::new(ask.body.clone());
    *request.method_mut() = ask.operation.method().parse().unwrap_or_default();
    *request.uri_mut() = ask.path_and_query.parse().unwrap_or_default();
    let headers = request.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("corr_{}", random_uuid())) {
        headers.insert("x-correlation-id", value);
    }
    if !ask.body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (header, tag) in [(IF_NONE_MATCH, &ask.if_none_match), (IF_MATCH, &ask.if_match)] {
        // `*` stands for any tag, so it has no quotes.
        let value = tag.as_ref().map(|tag| if tag == ANY_TAG { tag.clone() } else { format!("\"{tag}\"") });
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(header, value);
        }
    }
    if ask.operation.effect() == Effect::Write
        && let Ok(value) = ask.key.as_deref().map_or_else(new_key, HeaderValue::from_str)
    {
        headers.insert("idempotency-key", value);
    }
    request
}

/// Sends `request` and retries temporary failures: no response, overload, or an unreachable database.
pub(super) async fn within_budget(remote: &Remote, request: &Prepared) -> Result<Response<Bytes>, ClientError> {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(RETRIES)
        .with_jitter();
    let connected = AtomicBool::new(false);
    let attempts = (|| async { attempt(remote, request, &connected).await })
        .retry(pauses)
        .when(|failure| failure.retry)
        .adjust(|failure, pause| pause.map(|pause| failure.pause.unwrap_or(pause)));
    let result = tokio::time::timeout(BUDGET, attempts).await;
    match result {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(failure)) => {
            failure.response.map_or_else(|| Err(remote.unreachable(&failure.cause, connected.into_inner())), Ok)
        }
        Err(_) => Err(remote.unreachable(&format!("no response within {} s", BUDGET.as_secs()), true)),
    }
}

/// A failed attempt.
struct Failure {
    cause: String,
    /// The response, if there was one. The caller gets it if the retries fail too.
    response: Option<Response<Bytes>>,
    retry: bool,
    pause: Option<Duration>,
}

async fn attempt(remote: &Remote, request: &Prepared, connected: &AtomicBool) -> Result<Response<Bytes>, Failure> {
    match remote.send(request).await {
        Ok(response) if is_temporary(response.status()) => {
            connected.store(true, Ordering::Relaxed);
            let pause = retry_after(&response);
            let retry = pause.is_none_or(|pause| pause <= LONGEST_PAUSE);
            Err(Failure { cause: response.status().to_string(), retry, pause, response: Some(response) })
        }
        Ok(response) => Ok(response),
        Err(RequestError { cause, failure }) => {
            connected.fetch_or(failure.connected(), Ordering::Relaxed);
            Err(Failure { cause, response: None, retry: !failure.is_permanent(), pause: None })
        }
    }
}

fn is_temporary(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

fn new_key() -> Result<HeaderValue, InvalidHeaderValue> {
    HeaderValue::from_str(&format!("dw-{}", random_uuid()))
}

/// A version 4 UUID.
pub(crate) fn random_uuid() -> uuid::Uuid {
    let mut bytes = [0; 16];
    // On a system without random bytes, different requests get equal keys. The API then responds with 422.
    let _ = getrandom::fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
