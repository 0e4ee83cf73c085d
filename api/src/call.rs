//! The data of one request for its handler.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use deckwatch_protocol::endpoint::{Endpoint, PathParameters};
use deckwatch_protocol::{
    CorrelationId, HandoffId, IdempotencyKey, MessageId, NoteId, NoteKind, Operation, STALE_SECONDS, SessionId,
    Timestamp, Violations,
};
use deckwatch_secrets::Finding;
use deserr::Deserr;
use serde_json::Value;

use crate::cursor::CursorMark;
use crate::decode;
use crate::error::ApiError;
use crate::middleware::auth::Caller;
use crate::middleware::etag::IfMatch;
use crate::platform::{Entropy, random_bits};
use crate::settings::Engine;

/// A request with a known caller, the time of the request and a random source.
pub(crate) struct Call<'a> {
    pub(crate) operation: Operation,
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

/// A decoded request.
pub(crate) struct TypedRequest<E: Endpoint> {
    pub(crate) path: E::Path,
    pub(crate) query: E::Query,
    pub(crate) body: E::Body,
}

impl Call<'_> {
    /// Decodes the path, the query and the body of the request. A query or body that the operation does not take is
    /// refused: if a filter were ignored, the response would be wrong. If several parts are invalid, the error is about
    /// the first one: the path, the query or the body, or for an operation without a body the query or the path.
    pub(crate) fn request<E: Endpoint>(&self) -> Result<TypedRequest<E>, ApiError> {
        if E::OPERATION.takes_body() {
            let path = self.path::<E>()?;
            return Ok(TypedRequest { path, query: self.query()?, body: self.body()? });
        }
        let (query, body) = (self.query()?, self.body()?);
        Ok(TypedRequest { path: self.path::<E>()?, query, body })
    }

    fn path<E: Endpoint>(&self) -> Result<E::Path, ApiError> {
        let parsed = E::Path::parse(E::OPERATION, &self.path_parameters);
        let path = parsed.map_err(|violations| self.invalid_path(violations))?;
        self.check_new_name()?;
        Ok(path)
    }

    /// A name that is not valid is the name of no record.
    fn invalid_path(&self, violations: Violations) -> ApiError {
        self.operation.missing().map_or_else(|| violations.into(), ApiError::not_found)
    }

    /// Checks the name of a new record, which is the last parameter of the path.
    fn check_new_name(&self) -> Result<(), ApiError> {
        let Some(parameter) = self.operation.naming() else { return Ok(()) };
        let (pointer, name) = (format!("/{parameter}"), self.path_parameters.last().map_or("", String::as_str));
        // Hostnames are not case-sensitive.
        if let Some(word) = self.operation.reserved_names().find(|word| name.eq_ignore_ascii_case(word)) {
            let detail = format!("must not be {word}, because another operation has that path");
            return Err(Violations::at(pointer, detail).into());
        }
        let kind = deckwatch_secrets::in_text(name);
        self.look_for_secrets(kind.map(|kind| Finding { pointer, kind }).into_iter().collect());
        Ok(())
    }

    fn query<T: Deserr<Violations>>(&self) -> Result<T, ApiError> {
        decode::query(self.query.as_deref().unwrap_or_default(), &self.cursor_mark)
    }

    fn body<T: Deserr<Violations>>(&self) -> Result<T, ApiError> {
        let value = self.body_value()?;
        // Check the sizes before the secret search, which takes longer. The decoding error also repeats no secret.
        let typed = decode::typed(value.clone())?;
        self.look_for_secrets(deckwatch_secrets::in_value(&value));
        Ok(typed)
    }

    /// The body as JSON. An absent body counts as an object without fields, if the operation takes no body.
    fn body_value(&self) -> Result<Value, ApiError> {
        if self.body.is_empty() && !self.operation.takes_body() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        decode::value(&self.body)
    }

    fn look_for_secrets(&self, findings: Vec<Finding>) {
        if !findings.is_empty() {
            // The first finding is enough to refuse the request.
            let _ = self.secrets.set(ApiError::holds_secret(findings));
        }
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

    /// An id for a message that is sent now. Its last two digits are those of no delivery, so that the deliveries of the
    /// message have the digits before them.
    pub(crate) fn mint_message_id(&self) -> MessageId {
        mint_message_id(self.now, self.entropy)
    }

    /// The beginning of the current minute.
    pub(crate) fn minute(&self) -> Timestamp {
        let millis = self.now.as_millis();
        Timestamp::from_millis(millis - millis.rem_euclid(60_000))
    }

    /// An id for a note of this kind that is made now.
    pub(crate) fn mint_note_id(&self, kind: NoteKind) -> NoteId {
        let random = random_bits(self.entropy);
        if kind.is_note() { NoteId::mint(self.now, random) } else { NoteId::mint_memory(self.now, random) }
    }
}

/// A request without a caller, for the handler of a public operation.
pub(crate) struct PublicCall {
    pub(crate) now: Timestamp,
    pub(crate) engine: Engine,
    /// How long writes have been waiting for the database.
    pub(crate) writes_wait: Option<Duration>,
    /// What the operator of the host program must do.
    pub(crate) notice: Option<String>,
}

/// An id for a message, for work outside a request.
pub(crate) fn mint_message_id(now: Timestamp, entropy: &dyn Entropy) -> MessageId {
    MessageId::mint(now, random_bits(entropy) & !0x3ff)
}

/// The time before which a heartbeat is stale, for work outside a request.
pub(crate) fn stale_before(now: Timestamp) -> Timestamp {
    now.plus_seconds(-STALE_SECONDS.cast_signed())
}
