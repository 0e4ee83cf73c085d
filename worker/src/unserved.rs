//! The answers to requests that never reach the API.

use bytes::Bytes;
use deckwatch_api::{SettingsError, refuse};
use deckwatch_protocol::ErrorCode;
use http::HeaderMap;

use crate::platform::JsEntropy;

/// Most bytes of an address that can be taken apart.
const MAX_ADDRESS_BYTES: usize = u16::MAX as usize - 1;

/// Why a request is not served. The words are for the log and the operator, never for the caller.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unserved {
    /// Its address is longer than 64 KiB.
    #[error("an address has {0} bytes")]
    TooLong(usize),
    /// A header or the method does not fit.
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
    /// A request with an address of so many bytes that can't be taken apart.
    pub(crate) fn unreadable(address_bytes: usize, error: worker::Error) -> Self {
        if address_bytes > MAX_ADDRESS_BYTES { Self::TooLong(address_bytes) } else { Self::Unreadable(error) }
    }

    /// Logs the error and makes the answer to a request with these headers.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> http::Response<Bytes> {
        let (code, detail) = match self {
            Self::TooLong(_) => (ErrorCode::UriTooLong, "The address is larger than 64 KiB."),
            Self::Unreadable(_) => (ErrorCode::InvalidRequest, "The request can't be read: a header does not fit."),
            Self::Database(_) | Self::Settings(_) => {
                (ErrorCode::InternalError, "The API is not configured. Its operator finds why in the log.")
            }
        };
        let answer = refuse(code, detail, headers, &JsEntropy);
        let id = answer.headers().get("x-correlation-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        log::error!("{id} {}: {self}", code.as_str());
        answer
    }
}
