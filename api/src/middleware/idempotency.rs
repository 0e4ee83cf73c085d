//! Idempotency: the batch that does the work claims the key and stores the response with it.

use deckwatch_protocol::{ErrorCode, IdempotencyKey, Operation, Timestamp};
use http::{HeaderMap, HeaderName};

use crate::database::{Row, Statement, count, text};
use crate::digest::{hex, sha256};
use crate::error::ApiError;
use crate::headers::joined;
use crate::store;
use crate::store::responses::SelectResponse;

/// How long a response can be replayed: longer than the outbox of any client waits (DESIGN, section 5).
const RETENTION_SECONDS: i64 = 24 * 60 * 60;

/// One claim: the caller, the request and the key.
pub(crate) struct Claim {
    actor: String,
    key: IdempotencyKey,
    operation: Operation,
    request_hash: String,
    now: Timestamp,
}

/// A stored response.
pub(crate) struct Stored {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Claim {
    /// Creates the claim of a request with this path and body.
    pub(crate) fn new(
        actor: &str,
        key: IdempotencyKey,
        operation: Operation,
        path: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Self {
        let request = [operation.id().as_bytes(), b"\n", path.as_bytes(), b"\n", body].concat();
        Self { actor: actor.to_owned(), key, operation, request_hash: hex(&sha256(&request)), now }
    }

    /// The operation that the key was claimed for.
    pub(crate) fn operation(&self) -> Operation {
        self.operation
    }

    /// Claims the key. If the key is already used, the whole batch fails.
    pub(crate) fn claim(&self) -> [Statement; 2] {
        let expires_at = self.now.plus_seconds(RETENTION_SECONDS);
        [
            store::idempotency::forget_expired(&self.actor, &self.key, self.now),
            store::idempotency::claim(&self.actor, &self.key, self.operation, &self.request_hash, self.now, expires_at),
        ]
    }

    /// Stores the response that `answer` selects with the key and returns it.
    pub(crate) fn store_response(&self, answer: SelectResponse) -> Statement {
        store::idempotency::store_response(&self.actor, &self.key, answer)
    }

    /// Selects the stored response.
    pub(crate) fn stored_response(&self) -> Statement {
        store::idempotency::stored_response(&self.actor, &self.key, self.now)
    }

    /// Logs the request with the status of its stored response.
    pub(crate) fn log(&self, correlation_id: &str) -> Statement {
        store::request_log::insert_from_stored(&self.actor, &self.key, correlation_id, self.operation, self.now)
    }

    /// The stored response in the rows of [`Self::stored_response`]; `None` if the key has expired.
    pub(crate) fn replay(&self, rows: &[Row]) -> Result<Option<Stored>, ApiError> {
        let Some(row) = rows.first() else { return Ok(None) };
        if text(row, "request_hash") != Some(self.request_hash.as_str()) {
            return Err(ApiError::new(
                ErrorCode::IdempotencyKeyReused,
                "This idempotency key was used for another request. Nothing was changed. Use a new key.",
            ));
        }
        stored(rows).map(Some)
    }
}

/// The response in the rows of [`Claim::store_response`] or [`Claim::stored_response`].
pub(crate) fn stored(rows: &[Row]) -> Result<Stored, ApiError> {
    let answer = rows.first().and_then(|row| {
        let status = u16::try_from(count(row, "response_status")?).ok()?;
        Some(Stored { status, body: text(row, "body")?.to_owned() })
    });
    answer.ok_or_else(|| ApiError::internal("the batch stored no response"))
}

/// The `Idempotency-Key` header, which must be present.
pub(crate) fn required_key(headers: &HeaderMap) -> Result<IdempotencyKey, ApiError> {
    let required = || {
        ApiError::new(
            ErrorCode::IdempotencyKeyRequired,
            "Send an Idempotency-Key of 16 to 200 visible ASCII characters, the same for every retry of this request.",
        )
    };
    let key = joined(headers, &HeaderName::from_static("idempotency-key"));
    key.and_then(|text| text.parse().ok()).ok_or_else(required)
}
