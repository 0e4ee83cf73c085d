//! One request on its way through the API.

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

/// A request whose caller is known, with the time and the dice of its handling.
pub(crate) struct Call<'a> {
    pub(crate) now: Timestamp,
    pub(crate) entropy: &'a dyn Entropy,
    pub(crate) caller: Caller,
    pub(crate) correlation_id: CorrelationId,
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    /// The values of the parameters in the path, in order.
    pub(crate) path_parameters: Vec<String>,
    pub(crate) query: Option<String>,
    /// What the cursors of this list begin with.
    pub(crate) cursor_mark: CursorMark,
    /// What `If-Match` asks for, if it is there.
    pub(crate) if_match: Option<IfMatch>,
    /// What `If-None-Match` asks not to be there, if it is.
    pub(crate) if_none_match: Option<IfMatch>,
    pub(crate) body: Bytes,
    /// Whether a machine's access is approved as it is registered.
    pub(crate) auto_approve_machines: bool,
    /// Why nothing is done, unless it was done before: the request has a secret.
    pub(crate) secrets: OnceLock<ApiError>,
}

impl Call<'_> {
    /// The decoded body of an operation that takes one, and no query.
    pub(crate) fn body<T: Deserr<Violations>>(&self) -> Result<T, ApiError> {
        self.no_query()?;
        let value = decode::value(&self.body)?;
        // The sizes are checked before the search, which takes longer. The error repeats no secret either.
        let typed = decode::typed(value.clone())?;
        self.look_for_secrets(deckwatch_secrets::in_value(&value));
        Ok(typed)
    }

    /// The same of a name in the path that is about to be stored.
    pub(crate) fn look_for_secrets_in(&self, pointer: &str, name: &str) {
        let kind = deckwatch_secrets::in_text(name);
        self.look_for_secrets(kind.map(|kind| Finding { pointer: pointer.to_owned(), kind }).into_iter().collect());
    }

    fn look_for_secrets(&self, findings: Vec<Finding>) {
        if !findings.is_empty() {
            // What was found first is enough to refuse.
            let _ = self.secrets.set(ApiError::holds_secret(findings));
        }
    }

    /// The decoded query of an operation that takes one, and no body.
    pub(crate) fn query<T: Deserr<Violations>>(&self) -> Result<T, ApiError> {
        decode::query(self.query.as_deref().unwrap_or_default(), &self.cursor_mark)
    }

    /// Refuses a query where the operation takes none: an ignored filter would answer something else.
    pub(crate) fn no_query(&self) -> Result<(), ApiError> {
        decode::query::<decode::Nothing>(self.query.as_deref().unwrap_or_default(), &self.cursor_mark).map(|_| ())
    }

    /// Refuses a body where the operation takes none.
    pub(crate) fn no_body(&self) -> Result<(), ApiError> {
        if self.body.is_empty() { Ok(()) } else { decode::body::<decode::Nothing>(&self.body).map(|_| ()) }
    }

    /// The value of the first parameter in the path, most often the only one.
    pub(crate) fn path_parameter(&self) -> &str {
        self.path_parameters.first().map(String::as_str).unwrap_or_default()
    }

    /// The value of the second parameter in the path.
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

/// When sessions that fell silent before `now` count as stale, for work that has no request.
pub(crate) fn stale_before(now: Timestamp) -> Timestamp {
    now.plus_seconds(-STALE_SECONDS.cast_signed())
}
