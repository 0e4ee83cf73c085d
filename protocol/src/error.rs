//! The errors that callers see: one enum of codes and one response body (RFC 9457).

use serde::{Deserialize, Serialize};

use crate::claim::Claim;
use crate::violation::Violation;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident $code:literal $status:literal $title:literal,)*) => {
        /// Why a request was refused. The table in `docs/api.md` is generated from these codes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The value on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status of the response.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// A short title. It is always the same for this code.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What the code means and what the caller should do.
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc, "\n",)+),)* }
            }
        }
    };
}

error_codes! {
    /// The body is not one JSON value, contains a key twice, or is nested too deeply.
    MalformedJson "malformed_json" 400 "Malformed JSON",
    /// Fields are missing, unknown, of the wrong type or out of range. `errors` names each of them.
    InvalidRequest "invalid_request" 400 "Invalid request",
    /// This operation changes data. Send an `Idempotency-Key` header of 16 to 200 visible ASCII characters.
    IdempotencyKeyRequired "idempotency_key_required" 400 "Idempotency key required",
    /// The request has no API key, the key is not known, or the token was revoked or has expired.
    Unauthorized "unauthorized" 401 "Unauthorized",
    /// The API key is valid but does not allow this operation: it needs the admin tier, or a scope or venture that the token does not have.
    Forbidden "forbidden" 403 "Forbidden",
    /// The API has no operation at this path.
    UnknownRoute "unknown_route" 404 "Unknown route",
    /// No session has this id.
    SessionNotFound "session_not_found" 404 "Session not found",
    /// No handoff has this id or matches the filter.
    HandoffNotFound "handoff_not_found" 404 "Handoff not found",
    /// No note has this id.
    NoteNotFound "note_not_found" 404 "Note not found",
    /// The scope has no document of this name, the document was deleted, or the version is no longer kept.
    DocNotFound "doc_not_found" 404 "Document not found",
    /// No token has this id.
    TokenNotFound "token_not_found" 404 "Token not found",
    /// No venture has this code, and none had it before.
    VentureNotFound "venture_not_found" 404 "Venture not found",
    /// No machine has this hostname.
    MachineNotFound "machine_not_found" 404 "Machine not found",
    /// No message has this id, or the caller is neither its sender nor one of its recipients.
    MessageNotFound "message_not_found" 404 "Message not found",
    /// No claim has this id, or it was released.
    ClaimNotFound "claim_not_found" 404 "Claim not found",
    /// The venture has no key of this name in its shared state, the key was deleted, or the version is no longer kept.
    StateNotFound "state_not_found" 404 "State not found",
    /// No requirement has this id.
    RequirementNotFound "requirement_not_found" 404 "Requirement not found",
    /// The path does not support this method. The `Allow` header names the methods that it supports.
    MethodNotAllowed "method_not_allowed" 405 "Method not allowed",
    /// The request or its body did not arrive in time. Send the request again.
    RequestTimeout "request_timeout" 408 "Request timeout",
    /// The session has ended. Start the day again.
    SessionEnded "session_ended" 409 "Session ended",
    /// The same agent already has an active session for this venture, repository and track. Use that session, or end it first.
    SessionConflict "session_conflict" 409 "Session conflict",
    /// The session is not active: it was silent for 45 minutes, or its agent has left. Send a heartbeat, then repeat the request.
    SessionNotActive "session_not_active" 409 "Session not active",
    /// Another process of the same agent goes on with the session: `epoch` is not the session's epoch. Stop, or start the day again to go on in this process.
    Superseded "superseded" 409 "Superseded",
    /// The name of the agent belongs to another owner or machine. Use another name, or go on as this agent with `take_over` and a reason.
    AgentNameTaken "agent_name_taken" 409 "Agent name taken",
    /// A sealed message has keys for other agents than those that it reaches now. List the recipients again, and seal the message for them.
    RecipientsChanged "recipients_changed" 409 "Recipients changed",
    /// The access that waits for approval differs from the one that the request names. List the machines again, check the access, and approve that.
    MachineChanged "machine_changed" 409 "Machine changed",
    /// Another session holds a claim that overlaps. `held` names the claims with their holders, since when and until when. Work on something else; after `until`, take the claim with `take` and a reason.
    ClaimHeld "claim_held" 409 "Claim held",
    /// The session would have more than 50 claims. Release those that it no longer needs.
    TooManyClaims "too_many_claims" 409 "Too many claims",
    /// The shared state of the venture has 1,000 keys. Delete one that is no longer needed.
    StateFull "state_full" 409 "State full",
    /// The venture has 500 memories that are not archived. Archive one that is no longer needed.
    MemoryFull "memory_full" 409 "Memory full",
    /// The machine is retired. Register it again.
    MachineRetired "machine_retired" 409 "Machine retired",
    /// The limit is reached: 500 requirements, or 20 with a `*` for the venture. Delete a requirement that is no longer needed.
    RequirementsFull "requirements_full" 409 "Requirements full",
    /// `after` names an event that is no longer kept (30 days), or one that the database does not have because it was restored. Read the records again, and follow the events from there: without `after`, the page begins with the oldest kept event.
    EventsGone "events_gone" 410 "Events gone",
    /// The note has changed since the version in `If-Match`. Read it again.
    NoteChanged "note_changed" 412 "Note changed",
    /// The key of the shared state has another version than `If-Match` names, or exists although `If-None-Match` is `*`. Read it again.
    StateChanged "state_changed" 412 "State changed",
    /// The document has changed since the version in `If-Match`, or `If-None-Match` names its current version. Read it again.
    DocChanged "doc_changed" 412 "Document changed",
    /// The body, or a part that `errors` names, is too large.
    PayloadTooLarge "payload_too_large" 413 "Payload too large",
    /// The URL is longer than any URL of the API.
    UriTooLong "uri_too_long" 414 "URI too long",
    /// The body must have the type `application/json` and no `Content-Encoding`.
    UnsupportedMediaType "unsupported_media_type" 415 "Unsupported media type",
    /// This idempotency key was already used for a different request. Use a new key.
    IdempotencyKeyReused "idempotency_key_reused" 422 "Idempotency key reused",
    /// The venture is not registered, or it was deleted. Register it with `launcher`, or as an admin with `put_venture`.
    VentureNotRegistered "venture_not_registered" 422 "Venture not registered",
    /// A recipient is not known: no agent of this name was seen on the venture within 30 days, or the venture has no such session. `errors` names similar names.
    RecipientUnknown "recipient_unknown" 422 "Recipient unknown",
    /// The message reaches no agent: no other agent with an active session is in one of its groups. Send it to the name of an agent: then it waits for the agent.
    NoRecipient "no_recipient" 422 "No recipient",
    /// The message would reach more than 200 agents, or the venture has too many active sessions to find them. Name fewer recipients.
    TooManyRecipients "too_many_recipients" 422 "Too many recipients",
    /// A path of a claim begins with a wildcard, so it would overlap every path of the repository.
    ClaimTooWide "claim_too_wide" 422 "Claim too wide",
    /// A field that `errors` names contains text that looks like a secret. Nothing was stored. Remove the secret and send the request again.
    HoldsSecret "holds_secret" 422 "Holds a secret",
    /// The path is a WebSocket, and the request does not ask for one of version 13.
    UpgradeRequired "upgrade_required" 426 "Upgrade required",
    /// A change of shared state names the version that it replaces. Send `If-Match` with the version, or `If-None-Match: *` for a new key.
    PreconditionRequired "precondition_required" 428 "Precondition required",
    /// The actor sent too many requests within a minute. Wait for the seconds in `Retry-After`.
    RateLimited "rate_limited" 429 "Rate limited",
    /// The agent has sent 60 messages within a minute, or 6 to `@all`. Wait for the seconds in `Retry-After`.
    MessageRateLimited "message_rate_limited" 429 "Message rate limited",
    /// The request has more or longer headers than the engine accepts.
    HeadersTooLarge "headers_too_large" 431 "Headers too large",
    /// The API failed. Give the correlation id to its operator.
    InternalError "internal_error" 500 "Internal error",
    /// The database accepts no requests now. It is busy, has used up its daily quota, is full, or needs its operator; `detail` says which. Repeat the request with the same idempotency key after the seconds in `Retry-After`.
    DatabaseUnavailable "database_unavailable" 503 "Database unavailable",
    /// Too many large requests, long reads or writes are in progress, or too many sockets are open. Repeat the request with the same idempotency key after the seconds in `Retry-After`.
    Overloaded "overloaded" 503 "Overloaded",
}

/// Whether the same refused request, with the same idempotency key, can succeed if it is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryRule {
    /// No: the request itself is invalid.
    Never,
    /// Yes, after some time. No person needs to act.
    Later,
    /// Yes, after a person acts on the cause of this request: registers a venture, or extends the rights of a key.
    AfterIntervention,
    /// Yes, after a person acts. Until then, every other request fails too: the key or the address is wrong.
    AfterInterventionForAll,
}

impl RetryRule {
    /// The retry rule for an HTTP status. It is used if the error code comes from a newer API and is not known.
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::AfterInterventionForAll,
            403 => Self::AfterIntervention,
            ..=399 | 408 | 425 | 429 | 500.. => Self::Later,
            _ => Self::Never,
        }
    }
}

impl ErrorCode {
    /// The retry rule for this error code.
    pub const fn retry_rule(self) -> RetryRule {
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
            | Self::MessageNotFound
            | Self::RecipientsChanged
            | Self::RecipientUnknown
            | Self::NoRecipient
            | Self::TooManyRecipients
            | Self::ClaimNotFound
            | Self::ClaimHeld
            | Self::ClaimTooWide
            | Self::StateNotFound
            | Self::StateChanged
            | Self::StateFull
            | Self::MemoryFull
            | Self::PreconditionRequired
            | Self::TooManyClaims
            | Self::SessionEnded
            | Self::Superseded
            | Self::EventsGone
            | Self::UpgradeRequired
            | Self::MachineChanged
            | Self::NoteChanged
            | Self::DocChanged
            | Self::PayloadTooLarge
            | Self::UriTooLong
            | Self::UnsupportedMediaType
            | Self::IdempotencyKeyReused
            | Self::HoldsSecret
            | Self::HeadersTooLarge => RetryRule::Never,
            Self::SessionConflict
            | Self::SessionNotActive
            | Self::RequestTimeout
            | Self::RateLimited
            | Self::MessageRateLimited
            | Self::InternalError
            | Self::DatabaseUnavailable
            | Self::Overloaded => RetryRule::Later,
            Self::Forbidden
            | Self::AgentNameTaken
            | Self::VentureNotFound
            | Self::VentureNotRegistered
            | Self::MachineNotFound
            | Self::MachineRetired
            | Self::RequirementsFull => RetryRule::AfterIntervention,
            Self::Unauthorized | Self::UnknownRoute | Self::MethodNotAllowed => RetryRule::AfterInterventionForAll,
        }
    }
}

/// The body of every error response: `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// The type of the problem: `urn:deckwatch:error:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short title. It is always the same for this code.
    pub title: String,
    /// The HTTP status of the response.
    pub status: u16,
    /// What happened in this request, and what to do.
    pub detail: String,
    /// The error code, for programs.
    pub code: ErrorCode,
    /// The id of this request in the log. Quote it in a question to the operator.
    pub correlation_id: String,
    /// Every invalid field, if the error is about fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
    /// The claims that stand in the way, if the code is `claim_held`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Claim>,
    /// The seconds to wait, from the header `Retry-After`. They are not part of the body.
    #[serde(skip)]
    pub retry_after_seconds: Option<u64>,
}

impl Problem {
    /// Creates the problem `code` for the request `correlation_id`.
    pub fn new(code: ErrorCode, detail: impl Into<String>, correlation_id: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:deckwatch:error:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            correlation_id: correlation_id.into(),
            errors: Vec::new(),
            held: Vec::new(),
            retry_after_seconds: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_about_a_retry_if_the_code_is_unknown() {
        for (rule, statuses) in [
            (RetryRule::Never, &[400, 404, 409, 412, 413, 422, 431, 499][..]),
            (RetryRule::AfterIntervention, &[403]),
            (RetryRule::AfterInterventionForAll, &[401]),
            (RetryRule::Later, &[408, 425, 429, 500, 503, 200, 302, 0]),
        ] {
            assert!(statuses.iter().all(|status| RetryRule::of_status(*status) == rule), "{rule:?}");
        }
    }

    #[test]
    fn every_code_has_a_retry_rule() {
        let of = |rule: RetryRule| -> Vec<&str> {
            ErrorCode::ALL.iter().filter(|code| code.retry_rule() == rule).map(|code| code.as_str()).collect()
        };
        assert_eq!(
            of(RetryRule::Later),
            [
                "request_timeout",
                "session_conflict",
                "session_not_active",
                "rate_limited",
                "message_rate_limited",
                "internal_error",
                "database_unavailable",
                "overloaded"
            ]
        );
        assert_eq!(of(RetryRule::AfterInterventionForAll), ["unauthorized", "unknown_route", "method_not_allowed"]);
        assert_eq!(
            of(RetryRule::AfterIntervention),
            [
                "forbidden",
                "venture_not_found",
                "machine_not_found",
                "agent_name_taken",
                "machine_retired",
                "requirements_full",
                "venture_not_registered"
            ]
        );
        // All other codes refuse the request itself. None of them is a failure of the API.
        for code in ErrorCode::ALL.iter().filter(|code| code.retry_rule() == RetryRule::Never) {
            assert!((400..500).contains(&code.status()), "{}", code.as_str());
        }
    }
}
