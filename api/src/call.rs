//! The data of one request for its handler.

use std::sync::OnceLock;

use bytes::Bytes;
use deckwatch_protocol::{
    CorrelationId, HandoffId, IdempotencyKey, NoteId, STALE_SECONDS, SessionId, Timestamp, Violations,
};
use deckwatch_secrets::Finding;
use deserr::Deserr;

use crate::cursor::CursorMark;
use crate::decode;
use crate::error::ApiError;
use crate::middleware::auth::Caller;
use crate::middleware::etag::IfMatch;
use crate::platform::{Entropy, random_bits};

/// A request with a known caller, the time of the request and a random source.
pub(crate) struct Call<'a> {
    pub(crate) now: Timestamp,
    pub(crate) entropy: &'a dyn Entropy,
    pub(crate) caller: Caller,
    pub(crate) correlation_id: CorrelationId,
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    /// The values of the parameters in the path, in order.
    pub(crate) path_parameters: Vec<String>,
    pub(crate) query: Option<String>,
    /// The prefix of all cursors of this list.
    pub(crate) cursor_mark: CursorMark,
    /// The `If-Match` header, if there is one.
    pub(crate) if_match: Option<IfMatch>,
    /// The `If-None-Match` header of a write, if there is one.
    pub(crate) if_none_match: Option<IfMatch>,
    pub(crate) body: Bytes,
    /// Whether a machine's access is approved when the machine is registered.
    pub(crate) auto_approve_machines: bool,
    /// The error for a request that holds a secret. The request is refused, unless it was completed before.
    pub(crate) secrets: OnceLock<ApiError>,
}

impl Call<'_> {
    /// Decodes the body of an operation that takes a body and no query.
    pub(crate) fn body<T: Deserr<Violations>>(&self) -> Result<T, ApiError> {
        self.no_query()?;
        let value = decode::value(&self.body)?;
        // Check the sizes before the secret search, which takes longer. The decoding error also repeats no secret.
        let typed = decode::typed(value.clone())?;
        self.look_for_secrets(deckwatch_secrets::in_value(&value));
        Ok(typed)
    }

    /// Searches a name from the path that is about to be stored for secrets.
    pub(crate) fn look_for_secrets_in(&self, pointer: &str, name: &str) {
        let kind = deckwatch_secrets::in_text(name);
        self.look_for_secrets(kind.map(|kind| Finding { pointer: pointer.to_owned(), kind }).into_iter().collect());
    }

    fn look_for_secrets(&self, findings: Vec<Finding>) {
        if !findings.is_empty() {
            // The first finding is enough to refuse the request.
            let _ = self.secrets.set(ApiError::holds_secret(findings));
        }
    }

    /// Decodes the query of an operation that takes a query and no body.
    pub(crate) fn query<T: Deserr<Violations>>(&self) -> Result<T, ApiError> {
        decode::query(self.query.as_deref().unwrap_or_default(), &self.cursor_mark)
    }

    /// Refuses a query if the operation takes none. If a filter were ignored, the response would be wrong.
    pub(crate) fn no_query(&self) -> Result<(), ApiError> {
        decode::query::<decode::NoParameters>(self.query.as_deref().unwrap_or_default(), &self.cursor_mark).map(|_| ())
    }

    /// Refuses a body if the operation takes none.
    pub(crate) fn no_body(&self) -> Result<(), ApiError> {
        if self.body.is_empty() { Ok(()) } else { decode::body::<decode::NoParameters>(&self.body).map(|_| ()) }
    }

    /// The value of the first path parameter. Most paths have only one.
    pub(crate) fn path_parameter(&self) -> &str {
        self.path_parameters.first().map(String::as_str).unwrap_or_default()
    }

    /// The value of the second path parameter.
    pub(crate) fn second_path_parameter(&self) -> &str {
        self.path_parameters.get(1).map(String::as_str).unwrap_or_default()
    }

    /// Heartbeats before this time are stale.
    pub(crate) fn stale_before(&self) -> Timestamp {
        stale_before(self.now)
    }

    /// An id for a session that starts now.
    pub(crate) fn mint_session_id(&self) -> SessionId {
        SessionId::mint(self.now, random_bits(self.entropy))
    }

    /// An id for a handoff that is made now.
    pub(crate) fn mint_handoff_id(&self) -> HandoffId {
        HandoffId::mint(self.now, random_bits(self.entropy))
    }

    /// An id for a note that is made now.
    pub(crate) fn mint_note_id(&self) -> NoteId {
        NoteId::mint(self.now, random_bits(self.entropy))
    }
}

/// The time before which a heartbeat is stale, for work outside a request.
pub(crate) fn stale_before(now: Timestamp) -> Timestamp {
    now.plus_seconds(-STALE_SECONDS.cast_signed())
}
