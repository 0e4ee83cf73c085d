//! Idempotency: the batch that does the work begins with a check of the key, and ends by storing the key with the response.

use deckwatch_protocol::{ErrorCode, IdempotencyKey, Operation, Timestamp, VentureCode};
use http::{HeaderMap, HeaderName};

use crate::database::{Row, Statement, count, text};
use crate::digest::{hex, sha256};
use crate::error::ApiError;
use crate::headers::joined;
use crate::store;
use crate::store::idempotency::NewKey;
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

    /// Fails the whole batch if the key is already used, or if the venture is not registered.
    pub(crate) fn unless_taken(&self, registered: Option<&VentureCode>) -> Statement {
        match registered {
            Some(venture) => store::idempotency::unless_free_and_registered(&self.actor, &self.key, self.now, venture),
            None => store::idempotency::unless_free(&self.actor, &self.key, self.now),
        }
    }

    /// Stores the key with the response that `answer` selects, and returns the response.
    pub(crate) fn store_response(&self, answer: SelectResponse) -> Statement {
        let new = NewKey {
            actor: &self.actor,
            key: &self.key,
            operation: self.operation,
            request_hash: &self.request_hash,
            now: self.now,
            expires_at: self.expires_at(),
        };
        store::idempotency::store_response(&new, answer)
    }

    fn expires_at(&self) -> Timestamp {
        self.now.plus_seconds(RETENTION_SECONDS)
    }

    /// Selects the stored response.
    pub(crate) fn stored_response(&self) -> Statement {
        store::idempotency::stored_response(&self.actor, &self.key, self.now)
    }

    /// Logs the request with the status of its stored response.
    pub(crate) fn log(&self, correlation_id: &str) -> Statement {
        let (key, expires_at) = (&self.key, self.expires_at());
        store::request_log::insert_from_stored(&self.actor, key, correlation_id, self.operation, (self.now, expires_at))
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
