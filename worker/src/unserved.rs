//! The answers to requests that never reach the API.

use bytes::Bytes;
use deckwatch_api::{Entropy, SettingsError};
use deckwatch_protocol::{CorrelationId, ErrorCode, Problem};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::platform::JsEntropy;

const CORRELATION_ID: &str = "x-correlation-id";

/// Why a request is not served. The words are for the log and the operator, never for the caller.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unserved {
    /// Its address is longer than 64 KiB, a header does not fit, or the caller went away in the middle.
    #[error("a request can't be read: {0}")]
    Unreadable(worker::Error),
    /// The D1 binding is missing.
    #[error("the D1 binding DB is missing, bind the database in wrangler.toml and deploy again: {0}")]
    Database(worker::Error),
    /// A secret or variable does not fit.
    #[error("{0}: set it with `wrangler secret put` or in wrangler.toml")]
    Settings(SettingsError),
}

impl Unserved {
    /// Logs the error and makes the answer to a request with these headers.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> http::Response<Bytes> {
        let correlation_id = correlation_id(headers);
        let (code, detail) = match self {
            Self::Unreadable(_) => (
                ErrorCode::InvalidRequest,
                "The request can't be read: its address is too long or a header does not fit.",
            ),
            Self::Database(_) | Self::Settings(_) => {
                (ErrorCode::InternalError, "The API is not configured. Its operator finds why in the log.")
            }
        };
        log::error!("{correlation_id} {}: {self}", code.as_str());
        let problem = Problem::new(code, detail, &correlation_id);
        let mut answer = http::Response::new(serde_json::to_vec(&problem).unwrap_or_default().into());
        *answer.status_mut() = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Ok(value) = HeaderValue::from_str(&correlation_id) {
            headers.insert(CORRELATION_ID, value);
        }
        answer
    }
}

fn correlation_id(headers: &HeaderMap) -> String {
    let given = headers.get(CORRELATION_ID).and_then(|value| value.to_str().ok()?.parse::<CorrelationId>().ok());
    given.unwrap_or_else(mint_correlation_id).to_string()
}

fn mint_correlation_id() -> CorrelationId {
    let mut bytes = [0; 16];
    JsEntropy.fill(&mut bytes);
    CorrelationId::from(uuid::Builder::from_random_bytes(bytes).into_uuid())
}
