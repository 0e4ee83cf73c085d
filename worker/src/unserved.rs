//! Error responses to requests that don't reach the API.

use bytes::Bytes;
use deckwatch_api::{SettingsError, refuse};
use deckwatch_protocol::ErrorCode;
use http::HeaderMap;

use crate::platform::JsEntropy;

/// The maximum size of a URL that can be parsed, in bytes.
const MAX_URL_BYTES: usize = u16::MAX as usize - 1;

/// Why a request is not served. The messages are for the log and the operator. The caller gets a fixed text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unserved {
    /// The URL is longer than 64 KiB.
    #[error("the URL has {0} bytes, more than can be parsed")]
    TooLong(usize),
    /// The method or a header is invalid.
    #[error("the request can't be read: {0}")]
    Unreadable(http::Error),
    /// The D1 binding is missing.
    #[error("the D1 binding DB is missing: {0}. Bind the database as DB in wrangler.toml and deploy again")]
    Database(worker::Error),
    /// A secret or variable is missing or invalid.
    #[error("{0}. Set a secret with `wrangler secret put`, a variable in wrangler.toml")]
    Settings(SettingsError),
}

impl Unserved {
    /// The error for a request that can't be parsed and whose URL has `url_bytes` bytes.
    pub(crate) fn unreadable(url_bytes: usize, error: http::Error) -> Self {
        if url_bytes > MAX_URL_BYTES { Self::TooLong(url_bytes) } else { Self::Unreadable(error) }
    }

    /// Logs the error and creates the response to a request with these headers.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> http::Response<Bytes> {
        let (code, detail) = match self {
            Self::TooLong(_) => (ErrorCode::UriTooLong, "The address is larger than 64 KiB. Shorten it."),
            Self::Unreadable(_) => {
                (ErrorCode::InvalidRequest, "The request can't be read: its method or a header is invalid.")
            }
            Self::Database(_) | Self::Settings(_) => (
                ErrorCode::InternalError,
                "The API is not configured correctly. Its operator finds the reason in the log.",
            ),
        };
        let answer = refuse(code, detail, headers, &JsEntropy);
        let id = answer.headers().get("x-correlation-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        log::error!("{id} {}: {self}", code.as_str());
        answer
    }
}
