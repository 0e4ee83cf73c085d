//! Reads the body of a request. It reads only after the caller is known, and only up to the size limit.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use deckwatch_protocol::{ErrorCode, Operation};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};

use crate::database::Database;
use crate::decode;
use crate::error::ApiError;
use crate::headers::joined;
use crate::middleware::admission::Admission;

/// Maximum size of a body that is kept in memory without a reservation. A larger body needs a reservation in the
/// memory budget of the host program, requests left in this minute, and a token that the database knows, because
/// anybody can write a well-formed token.
pub const UNRESERVED_BYTES: usize = 16 * 1024;

/// Maximum size of a body that is decoded and searched for secrets before the database has checked the token and the
/// rate limit. It limits the cost of a forged token or of a caller above its limit. A typical handoff is smaller and
/// needs no second batch.
const UNCONFIRMED_BYTES: usize = 4 * 1024;

/// A body that the host program has not read yet.
#[async_trait]
pub trait Incoming: Send {
    /// Returns the next chunk; `None` at the end.
    async fn chunk(&mut self) -> Option<Result<Bytes, IncomingError>>;

    /// Reserves memory for a body of this many bytes, until this value is dropped. It is called at most once, and
    /// only for more than [`UNRESERVED_BYTES`].
    async fn reserve(&mut self, bytes: usize) -> Result<(), IncomingError>;

    /// Reports that the caller's key is valid.
    fn admit(&mut self) {}
}

#[async_trait]
impl<T: Incoming + ?Sized> Incoming for &mut T {
    async fn chunk(&mut self) -> Option<Result<Bytes, IncomingError>> {
        (**self).chunk().await
    }

    async fn reserve(&mut self, bytes: usize) -> Result<(), IncomingError> {
        (**self).reserve(bytes).await
    }

    fn admit(&mut self) {
        (**self).admit();
    }
}

/// Why the body can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IncomingError {
    /// The body ended before its announced length.
    #[error("the body ended before its announced length")]
    CutShort,
    /// The body arrived too slowly.
    #[error("the body arrived too slowly")]
    TooSlow,
    /// Other bodies use the memory budget.
    #[error("the memory budget for request bodies is used up")]
    NoRoom,
}

impl From<IncomingError> for ApiError {
    fn from(error: IncomingError) -> Self {
        match error {
            IncomingError::CutShort => Self::new(
                ErrorCode::InvalidRequest,
                "The body ended before its announced length. Send the request \
                                                      again.",
            ),
            IncomingError::TooSlow => {
                Self::new(ErrorCode::RequestTimeout, "The body did not arrive in time. Send the request again.")
            }
            IncomingError::NoRoom => Self::new(
                ErrorCode::Overloaded,
                "The API is receiving too many large requests. Repeat the request with the same idempotency key.",
            ),
        }
    }
}

/// A body that is complete.
#[derive(Debug, Clone, Default)]
pub struct CompleteBody(pub Bytes);

#[async_trait]
impl Incoming for CompleteBody {
    async fn chunk(&mut self) -> Option<Result<Bytes, IncomingError>> {
        let bytes = std::mem::take(&mut self.0);
        (!bytes.is_empty()).then_some(Ok(bytes))
    }

    async fn reserve(&mut self, _bytes: usize) -> Result<(), IncomingError> {
        Ok(())
    }
}

/// Refuses a request that its headers already make invalid. Returns the length of the body, if the headers give it.
pub(crate) fn announced_length(headers: &HeaderMap, operation: Operation) -> Result<Option<usize>, ApiError> {
    let coding = joined(headers, &CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.trim().is_empty() && !coding.trim().eq_ignore_ascii_case("identity")) {
        let detail = "Content-Encoding is not supported. Send the body without it.";
        return Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail));
    }
    // If no body is expected, an empty body may have any type.
    if operation.takes_body() {
        decode::content_type(joined(headers, &CONTENT_TYPE).as_deref())?;
    }
    let Some(length) = joined(headers, &CONTENT_LENGTH) else { return Ok(None) };
    match length.parse() {
        Ok(length) if length <= operation.max_body_bytes() => Ok(Some(length)),
        // A number that does not fit into `usize` is too large as well. The host program lets no other text through.
        _ => Err(too_large(operation)),
    }
}

/// Reads the body of a request whose headers passed [`announced_length`].
pub(crate) async fn read(
    incoming: &mut dyn Incoming,
    operation: Operation,
    announced_length: Option<usize>,
    admission: &Admission,
    database: &dyn Database,
) -> Result<Bytes, ApiError> {
    if !has_body(operation) {
        return Ok(Bytes::new());
    }
    let limit = operation.max_body_bytes();
    let mut bytes = BytesMut::new();
    let mut memory_limit = UNRESERVED_BYTES;
    if let Some(length) = announced_length.filter(|length| *length > memory_limit) {
        reserve(incoming, length, admission, database).await?;
        (memory_limit, bytes) = (limit, BytesMut::with_capacity(length));
    }
    while let Some(chunk) = incoming.chunk().await {
        let chunk = chunk?;
        let length = bytes.len().saturating_add(chunk.len());
        if length > limit {
            return Err(too_large(operation));
        }
        if length > memory_limit {
            reserve(incoming, limit, admission, database).await?;
            memory_limit = limit;
        }
        bytes.extend_from_slice(&chunk);
    }
    if bytes.len() > UNCONFIRMED_BYTES && memory_limit == UNRESERVED_BYTES {
        admission.require_admitted(database).await?;
    }
    Ok(bytes.freeze())
}

async fn reserve(
    incoming: &mut dyn Incoming,
    bytes: usize,
    admission: &Admission,
    database: &dyn Database,
) -> Result<(), ApiError> {
    admission.require_admitted(database).await?;
    incoming.admit();
    Ok(incoming.reserve(bytes).await?)
}

/// Whether the request may have a body. A `GET` has none.
fn has_body(operation: Operation) -> bool {
    operation.method() != "GET"
}

fn too_large(operation: Operation) -> ApiError {
    let limit = operation.max_body_bytes();
    ApiError::new(
        ErrorCode::PayloadTooLarge,
        format!(
            "The body is larger than the maximum of {limit} bytes. Send \
                                                       less."
        ),
    )
}
