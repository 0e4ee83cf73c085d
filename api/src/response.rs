//! Builds HTTP responses. Only this module writes headers and renders errors.

use bytes::Bytes;
use deckwatch_protocol::{ErrorCode, Timestamp};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};

use crate::error::ApiError;
use crate::middleware::rate_limit::{RateLimitState, Window};
use crate::store::rate_limit::WINDOW_SECONDS;

/// Seconds until the next try, when an engine is overloaded or can't reach its database.
const UNAVAILABLE_RETRY_SECONDS: u64 = 2;

/// A response that is not an error.
pub(crate) struct SuccessResponse {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    /// Whether the response repeats that of an earlier request.
    pub(crate) replayed: bool,
}

/// The rate limit of the caller, as far as it is known.
pub(crate) struct Rate<'a> {
    pub(crate) window: &'a Window,
    /// Unknown if the batch that counts the request was rolled back.
    pub(crate) rate_limit_state: Option<RateLimitState>,
}

/// Builds a success response.
pub(crate) fn success_response(success: SuccessResponse, correlation_id: &str, rate: Option<&Rate>) -> Response<Bytes> {
    let mut response = Response::new(success.body);
    *response.status_mut() = StatusCode::from_u16(success.status).unwrap_or(StatusCode::OK);
    set(&mut response, CONTENT_TYPE, "application/json");
    if success.replayed {
        set(&mut response, HeaderName::from_static("idempotent-replayed"), "true");
    }
    set_common_headers(&mut response, correlation_id, rate);
    response
}

/// Builds an error response at `now`, as `application/problem+json`.
pub(crate) fn error_response(
    error: &ApiError,
    now: Timestamp,
    correlation_id: &str,
    rate: Option<&Rate>,
) -> Response<Bytes> {
    if let Some(cause) = &error.cause {
        // The cause is logged here and nowhere else. The caller gets a fixed text.
        log::error!("{correlation_id} {}: {cause}", error.code.as_str());
    }
    let body = serde_json::to_vec(&error.problem(correlation_id)).unwrap_or_default();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set(&mut response, CONTENT_TYPE, "application/problem+json");
    if let Some(allow) = &error.allow {
        set(&mut response, ALLOW, allow);
    }
    match error.code {
        ErrorCode::Unauthorized => set(&mut response, WWW_AUTHENTICATE, "Bearer"),
        ErrorCode::UpgradeRequired => {
            set(&mut response, UPGRADE, "websocket");
            set(&mut response, HeaderName::from_static("sec-websocket-version"), "13");
        }
        ErrorCode::RateLimited | ErrorCode::MessageRateLimited => {
            let seconds = rate.map_or(i64::from(WINDOW_SECONDS), |rate| rate.window.reset_after);
            set(&mut response, RETRY_AFTER, &seconds.to_string());
        }
        ErrorCode::DatabaseUnavailable | ErrorCode::Overloaded => {
            let seconds = error.outage.map_or(UNAVAILABLE_RETRY_SECONDS, |outage| outage.retry_after_seconds(now));
            set(&mut response, RETRY_AFTER, &seconds.to_string());
        }
        _ => {}
    }
    set_common_headers(&mut response, correlation_id, rate);
    response
}

fn set_common_headers(response: &mut Response<Bytes>, correlation_id: &str, rate: Option<&Rate>) {
    set(response, HeaderName::from_static("x-correlation-id"), correlation_id);
    set(response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(response, CACHE_CONTROL, "no-store");
    let Some(Rate { window, rate_limit_state }) = rate else { return };
    if let Some(limit) = rate_limit_state.and_then(|rate_limit_state| rate_limit_state.limit).or(window.limit()) {
        let policy = format!("\"minute\";q={limit};w={WINDOW_SECONDS}");
        set(response, HeaderName::from_static("ratelimit-policy"), &policy);
    }
    set(response, HeaderName::from_static("x-ratelimit-reset"), &window.reset_at.to_string());
    if let Some(RateLimitState { remaining, .. }) = rate_limit_state {
        let state = format!("\"minute\";r={remaining};t={}", window.reset_after);
        set(response, HeaderName::from_static("ratelimit"), &state);
        set(response, HeaderName::from_static("x-ratelimit-remaining"), &remaining.to_string());
    }
}

fn set(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    // All values are ASCII. A value that is not would be left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
