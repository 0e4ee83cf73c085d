//! Errors as callers see them: one enum of codes, one body (RFC 9457).

use serde::{Deserialize, Serialize};

use crate::violation::Violation;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident $code:literal $status:literal $title:literal,)*) => {
        /// Why a request was refused. The table in `docs/api.md` is made from these.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What it means, in a few words that never change.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it means and what to do, as documented.
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc, "\n",)+),)* }
            }
        }
    };
}

error_codes! {
    /// The body is not one JSON value, or has a key twice, or nests too deep.
    MalformedJson "malformed_json" 400 "Malformed JSON",
    /// Fields are missing, unknown, of the wrong type or out of bounds; `errors` names each.
    InvalidRequest "invalid_request" 400 "Invalid request",
    /// This operation changes something and needs an `Idempotency-Key` of 16 to 200 visible ASCII characters.
    IdempotencyKeyRequired "idempotency_key_required" 400 "Idempotency key required",
    /// No key, or one that this API does not know, or a token that was revoked or has expired.
    Unauthorized "unauthorized" 401 "Unauthorized",
    /// The key is good, but not for this: the operation needs the admin tier, or a scope or venture that the token lacks.
    Forbidden "forbidden" 403 "Forbidden",
    /// There is nothing at this path.
    UnknownRoute "unknown_route" 404 "Unknown route",
    /// No session has this id.
    SessionNotFound "session_not_found" 404 "Session not found",
    /// No handoff has this id or fits the filter.
    HandoffNotFound "handoff_not_found" 404 "Handoff not found",
    /// No note has this id.
    NoteNotFound "note_not_found" 404 "Note not found",
    /// The scope has no document of this name, or it was deleted, or the version is not kept.
    DocNotFound "doc_not_found" 404 "Document not found",
    /// No token has this id.
    TokenNotFound "token_not_found" 404 "Token not found",
    /// No venture has ever had this code.
    VentureNotFound "venture_not_found" 404 "Venture not found",
    /// No machine has this hostname.
    MachineNotFound "machine_not_found" 404 "Machine not found",
    /// No requirement has this id.
    RequirementNotFound "requirement_not_found" 404 "Requirement not found",
    /// The path exists, but not for this method; `Allow` names those it has.
    MethodNotAllowed "method_not_allowed" 405 "Method not allowed",
    /// The request, or its body, did not arrive in time; send it again.
    RequestTimeout "request_timeout" 408 "Request timeout",
    /// The session has ended; start the day again.
    SessionEnded "session_ended" 409 "Session ended",
    /// Another live session of the same agent, venture, repository and track is in the way.
    SessionConflict "session_conflict" 409 "Session conflict",
    /// What waits for approval is not what the request names; list the machine again and look.
    MachineChanged "machine_changed" 409 "Machine changed",
    /// The machine is retired; register it again.
    MachineRetired "machine_retired" 409 "Machine retired",
    /// There are 500 requirements; delete one that no longer holds.
    RequirementsFull "requirements_full" 409 "Requirements full",
    /// The note is not the version that `If-Match` names any more; read it again.
    NoteChanged "note_changed" 412 "Note changed",
    /// The document is not the one that `If-Match` names any more, or is one that `If-None-Match` names; read it again.
    DocChanged "doc_changed" 412 "Document changed",
    /// The body, or a part that `errors` names, is larger than allowed.
    PayloadTooLarge "payload_too_large" 413 "Payload too large",
    /// The address is longer than any that the API gives a meaning to.
    UriTooLong "uri_too_long" 414 "URI too long",
    /// The body must be `application/json`, without `Content-Encoding`.
    UnsupportedMediaType "unsupported_media_type" 415 "Unsupported media type",
    /// This idempotency key was used for another request; take a new key.
    IdempotencyKeyReused "idempotency_key_reused" 422 "Idempotency key reused",
    /// The venture is not registered, or was deleted; `launcher` or an admin registers it with `put_venture`.
    VentureNotRegistered "venture_not_registered" 422 "Venture not registered",
    /// A field that `errors` names has what looks like a secret. Nothing was stored; take it out and send the request again.
    HoldsSecret "holds_secret" 422 "Holds a secret",
    /// Too many requests of this actor within a minute; wait for `Retry-After` seconds.
    RateLimited "rate_limited" 429 "Rate limited",
    /// The request has more headers, or longer ones, than the engine takes.
    HeadersTooLarge "headers_too_large" 431 "Headers too large",
    /// Something failed on our side. Quote the correlation id.
    InternalError "internal_error" 500 "Internal error",
    /// The database takes no requests now: it is busy, its quota of the day is used up, it is full or needs its operator; `detail` says which. Repeat the request after `Retry-After` seconds with the same idempotency key.
    DatabaseUnavailable "database_unavailable" 503 "Database unavailable",
    /// Too many large requests, long reads or writes are under way; repeat the request after `Retry-After` seconds with the same idempotency key.
    Overloaded "overloaded" 503 "Overloaded",
}

/// When a request that was refused may be taken as it is, with the same idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Never: the request itself is refused.
    Never,
    /// Later, without anybody doing anything.
    Later,
    /// Once a person has acted on this request alone: registered a venture, widened a key.
    AfterAPerson,
    /// Once a person has acted, and until then no other request is taken either: a wrong key or address.
    AfterAPersonForAll,
}

impl Again {
    /// What the status of a refusal says, where its code is from a later version of the API.
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::AfterAPersonForAll,
            403 => Self::AfterAPerson,
            ..=399 | 408 | 425 | 429 | 500.. => Self::Later,
            _ => Self::Never,
        }
    }
}

impl ErrorCode {
    /// When the request may be taken.
    pub const fn again(self) -> Again {
        match self {
            Self::MalformedJson
            | Self::InvalidRequest
            | Self::IdempotencyKeyRequired
            | Self::SessionNotFound
            | Self::HandoffNotFound
            | Self::NoteNotFound
            | Self::DocNotFound
            | Self::TokenNotFound
            | Self::RequirementNotFound
            | Self::SessionEnded
            | Self::MachineChanged
            | Self::NoteChanged
            | Self::DocChanged
            | Self::PayloadTooLarge
            | Self::UriTooLong
            | Self::UnsupportedMediaType
            | Self::IdempotencyKeyReused
            | Self::HoldsSecret
            | Self::HeadersTooLarge => Again::Never,
            Self::SessionConflict
            | Self::RequestTimeout
            | Self::RateLimited
            | Self::InternalError
            | Self::DatabaseUnavailable
            | Self::Overloaded => Again::Later,
            Self::Forbidden
            | Self::VentureNotFound
            | Self::VentureNotRegistered
            | Self::MachineNotFound
            | Self::MachineRetired
            | Self::RequirementsFull => Again::AfterAPerson,
            Self::Unauthorized | Self::UnknownRoute | Self::MethodNotAllowed => Again::AfterAPersonForAll,
        }
    }
}

/// The body of every answer that is an error: `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// `urn:deckwatch:error:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in a few words that never change.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, and what to do.
    pub detail: String,
    /// Why, as a word for programs.
    pub code: ErrorCode,
    /// Quote it when asking for help.
    pub correlation_id: String,
    /// Every field that does not fit, for errors that have fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
    /// How many seconds the answer's `Retry-After` asks to wait. It stands in that header, not in the body.
    #[serde(skip)]
    pub retry_after_seconds: Option<u64>,
}

impl Problem {
    /// The problem of `code` in the request `correlation_id`.
    pub fn new(code: ErrorCode, detail: impl Into<String>, correlation_id: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:deckwatch:error:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            correlation_id: correlation_id.into(),
            errors: Vec::new(),
            retry_after_seconds: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_an_unknown_code_says_when_a_request_may_be_taken() {
        for (again, statuses) in [
            (Again::Never, &[400, 404, 409, 412, 413, 422, 431, 499][..]),
            (Again::AfterAPerson, &[403]),
            (Again::AfterAPersonForAll, &[401]),
            (Again::Later, &[408, 425, 429, 500, 503, 200, 302, 0]),
        ] {
            assert!(statuses.iter().all(|status| Again::of_status(*status) == again), "{again:?}");
        }
    }

    #[test]
    fn every_code_says_when_a_request_may_be_taken() {
        let of = |again: Again| -> Vec<&str> {
            ErrorCode::ALL.iter().filter(|code| code.again() == again).map(|code| code.as_str()).collect()
        };
        assert_eq!(
            of(Again::Later),
            [
                "request_timeout",
                "session_conflict",
                "rate_limited",
                "internal_error",
                "database_unavailable",
                "overloaded"
            ]
        );
        assert_eq!(of(Again::AfterAPersonForAll), ["unauthorized", "unknown_route", "method_not_allowed"]);
        assert_eq!(
            of(Again::AfterAPerson),
            [
                "forbidden",
                "venture_not_found",
                "machine_not_found",
                "machine_retired",
                "requirements_full",
                "venture_not_registered"
            ]
        );
        // All others refuse the request itself. None of them is a failure of the API.
        for code in ErrorCode::ALL.iter().filter(|code| code.again() == Again::Never) {
            assert!((400..500).contains(&code.status()), "{}", code.as_str());
        }
    }
}
