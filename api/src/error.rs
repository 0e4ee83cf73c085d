//! Errors of the API. The message for the caller and the cause for the log are separate.

use std::borrow::Cow;

use deckwatch_protocol::{ErrorCode, Problem, Violation, Violations};
use deckwatch_secrets::{Finding, in_text};

use crate::database::DatabaseError;
use crate::fault::Outage;
use crate::store::indexed_list::scan_limit;

/// Maximum number of violations in one response. The response gives the number of the others.
const MAX_VIOLATIONS: usize = 50;

/// An error that refuses a request.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) code: ErrorCode,
    pub(crate) detail: String,
    pub(crate) violations: Vec<Violation>,
    /// The error message of the engine. It goes to the log, never to the caller.
    pub(crate) cause: Option<String>,
    /// The allowed methods of the path, for [`ErrorCode::MethodNotAllowed`].
    pub(crate) allow: Option<String>,
    /// Why the database takes no requests for some time, if that is the cause.
    pub(crate) outage: Option<Outage>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), violations: Vec::new(), cause: None, allow: None, outage: None }
    }

    /// An error that lists the fields that are not valid.
    pub(crate) fn invalid(violations: Violations) -> Self {
        let all = violations.0.len();
        let fields = if all == 1 { "1 field is".to_owned() } else { format!("{all} fields are") };
        let listed =
            if all > MAX_VIOLATIONS { format!("; the first {MAX_VIOLATIONS} are listed") } else { String::new() };
        let mut error = Self::new(ErrorCode::InvalidRequest, format!("{fields} not valid{listed}."));
        error.violations = violations.0.into_iter().take(MAX_VIOLATIONS).collect();
        error
    }

    /// Adds the name of a field to an error that is not [`ErrorCode::InvalidRequest`].
    pub(crate) fn at(mut self, pointer: &str, detail: &str) -> Self {
        self.violations.push(Violation { pointer: pointer.to_owned(), detail: detail.to_owned() });
        self
    }

    /// An internal error. `cause` goes to the log.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let mut error = Self::new(
            ErrorCode::InternalError,
            "The API failed because of an internal error. Report it \
                                                             to the operator with the correlation id.",
        );
        error.cause = Some(cause.into());
        error
    }

    /// The error for fields that hold a secret. It gives the place and the kind of each secret, never its value.
    pub(crate) fn holds_secret(findings: Vec<Finding>) -> Self {
        let detail = "The request contains text that looks like a secret, so nothing was stored. Remove it and send \
                      the request again. docs/secrets.md explains how to write text that only looks like a secret.";
        findings.into_iter().fold(Self::new(ErrorCode::HoldsSecret, detail), |error, Finding { pointer, kind }| {
            error.at(&pointer, &format!("has {kind}"))
        })
    }

    /// The error while the database takes no requests.
    pub(crate) fn outage(outage: Outage) -> Self {
        Self { outage: Some(outage), ..Self::new(ErrorCode::DatabaseUnavailable, outage.detail()) }
    }

    /// The error for an address that is longer than the API allows.
    pub(crate) fn too_long() -> Self {
        let detail =
            format!("The address is longer than the maximum of {} bytes. Shorten it.", crate::target::MAX_BYTES);
        Self::new(ErrorCode::UriTooLong, detail)
    }

    /// The error when the caller has no requests left in this minute.
    pub(crate) fn rate_limited() -> Self {
        Self::new(
            ErrorCode::RateLimited,
            "The caller has sent too many requests in this minute. Wait for the number \
                                           of seconds in Retry-After.",
        )
    }

    /// The error for a token that is not valid, with this reason.
    pub(crate) fn of_token(reason: &str) -> Self {
        constraint_error(&format!("token_{reason}"))
    }

    /// The error when the path names a record that does not exist.
    pub(crate) fn not_found(code: ErrorCode) -> Self {
        match code {
            ErrorCode::SessionNotFound => Self::new(code, "No session has this id."),
            ErrorCode::HandoffNotFound => Self::new(code, "No handoff matches the request."),
            ErrorCode::NoteNotFound => Self::new(code, "No note has this id."),
            ErrorCode::VentureNotFound => Self::new(code, "No venture has this code."),
            ErrorCode::MachineNotFound => Self::new(code, "No machine has this hostname. Register it first."),
            ErrorCode::DocNotFound => Self::new(code, "The document, or this version of it, does not exist."),
            ErrorCode::TokenNotFound => Self::new(code, "No token has this id."),
            ErrorCode::RequirementNotFound => Self::new(code, "No requirement has this id."),
            _ => Self::internal("the response has no row"),
        }
    }

    /// The error when none of the records that were read matches, and there are others that were not read.
    pub(crate) fn not_found_so_far(code: ErrorCode) -> Self {
        let detail = concat!(
            "None of the newest ",
            scan_limit!(),
            " records that were checked matches the request, and older ones were not read. Use fewer filters, or list \
             the records and follow next_cursor."
        );
        Self::new(code, detail)
    }

    /// The response body. It names fields of the request, but it repeats no secret from a field name.
    pub(crate) fn problem(&self, correlation_id: &str) -> Problem {
        let detail = in_text(&self.detail).map_or_else(
            || self.detail.clone(),
            |kind| format!("The request is not valid, and it contains {kind}. Remove it and send the request again."),
        );
        let mut problem = Problem::new(self.code, detail, correlation_id);
        problem.errors = self.violations.iter().map(without_secrets).collect();
        problem
    }
}

/// Returns `violation`. If its pointer holds a secret, returns a violation of the parent field instead.
fn without_secrets(violation: &Violation) -> Violation {
    let (pointer, kind) = before_first_secret(&violation.pointer);
    let detail = match kind.or_else(|| in_text(&violation.detail)) {
        Some(kind) => format!("has a field whose name contains {kind}; remove it"),
        None => violation.detail.clone(),
    };
    Violation { pointer, detail }
}

/// The steps of `pointer` before the first step that is a secret, and the kind of that secret.
pub(crate) fn before_first_secret(pointer: &str) -> (String, Option<Cow<'static, str>>) {
    let mut steps = String::new();
    for step in pointer.split('/').skip(1) {
        let kind = in_text(&step.replace("~1", "/").replace("~0", "~"));
        if kind.is_some() {
            return (steps, kind);
        }
        steps.push('/');
        steps.push_str(step);
    }
    (steps, None)
}

impl From<Violations> for ApiError {
    fn from(violations: Violations) -> Self {
        Self::invalid(violations)
    }
}

/// Converts a failed batch. Constraints of the schema implement the rules. This function maps each constraint to one
/// error code. An unknown constraint is an internal error.
impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Constraint(message) => constraint_error(&message),
            DatabaseError::Failed(cause) => Self::internal(cause),
            DatabaseError::Overloaded(reason) => {
                let detail = format!("{reason} Nothing was stored. Repeat the request with the same idempotency key.");
                Self::new(ErrorCode::Overloaded, detail)
            }
            DatabaseError::Outage(outage, cause) => Self { cause: Some(cause), ..Self::outage(outage) },
            DatabaseError::TooLarge(cause) => {
                let detail = "The request stores or reads a record that is larger than the maximum of the database, 2 \
                              MB. Send or request less.";
                Self { cause: Some(cause), ..Self::new(ErrorCode::PayloadTooLarge, detail) }
            }
            DatabaseError::Unavailable(cause) => {
                let mut error = Self::new(
                    ErrorCode::DatabaseUnavailable,
                    "The database is not available at the moment. Repeat the request with the same idempotency key.",
                );
                error.cause = Some(cause);
                error
            }
        }
    }
}

fn constraint_error(message: &str) -> ApiError {
    let names = |constraint: &str| message.contains(constraint);
    if let Some(error) = token_error(&names) {
        error
    } else if names("rate_limit_exceeded") {
        ApiError::rate_limited()
    } else if names("refused_session_not_found") {
        ApiError::not_found(ErrorCode::SessionNotFound)
    } else if names("refused_session_ended") {
        ApiError::new(ErrorCode::SessionEnded, "The session has ended. Start the day again.")
    } else if names("refused_venture_not_found") {
        ApiError::not_found(ErrorCode::VentureNotFound)
    } else if names("refused_venture_not_registered") {
        ApiError::new(ErrorCode::VentureNotRegistered, "The venture is not registered. Register it with put_venture.")
            .at("/venture", "is not registered")
    } else if names("refused_note_not_found") {
        ApiError::not_found(ErrorCode::NoteNotFound)
    } else if names("refused_note_changed") {
        ApiError::new(
            ErrorCode::NoteChanged,
            "The note has changed: its version is not the one in If-Match. Read the \
                                               note again.",
        )
    } else if let Some(error) =
        machine_error(&names).or_else(|| doc_error(&names)).or_else(|| requirement_error(&names))
    {
        error
    } else if names("sessions_one_live") {
        ApiError::new(
            ErrorCode::SessionConflict,
            "Another active session of this agent has the same venture, repository and track.",
        )
    } else if names("sessions_meta_size") {
        ApiError::new(ErrorCode::PayloadTooLarge, "The merged meta would be larger than 8 KiB. Send less.")
            .at("/meta", "must have at most 8 KiB as JSON after the merge")
    } else {
        ApiError::internal(message)
    }
}

/// The error for a machine, if the constraint is about one.
fn machine_error(names: &impl Fn(&str) -> bool) -> Option<ApiError> {
    let reasons = [
        ("refused_machine_retired", ErrorCode::MachineRetired, "The machine is retired. Register it again."),
        (
            "refused_machine_changed",
            ErrorCode::MachineChanged,
            "The access that waits for approval is not the one in the request. List the machine again and compare.",
        ),
    ];
    if names("refused_machine_not_found") {
        return Some(ApiError::not_found(ErrorCode::MachineNotFound));
    }
    let reason = reasons.into_iter().find(|(constraint, ..)| names(constraint));
    reason.map(|(_, code, detail)| ApiError::new(code, detail))
}

/// The error for a requirement, if the constraint is about one.
fn requirement_error(names: &impl Fn(&str) -> bool) -> Option<ApiError> {
    if names("refused_requirement_not_found") {
        return Some(ApiError::not_found(ErrorCode::RequirementNotFound));
    }
    names("refused_requirements_full").then(|| {
        ApiError::new(
            ErrorCode::RequirementsFull,
            "The maximum number of requirements is reached: 500, or 20 with a \
                                                    `*` that apply to the same venture. Delete one that is no longer \
                                                    needed.",
        )
    })
}

/// The error for a document, if the constraint is about one.
fn doc_error(names: &impl Fn(&str) -> bool) -> Option<ApiError> {
    if names("refused_doc_not_found") {
        return Some(ApiError::not_found(ErrorCode::DocNotFound));
    }
    if names("refused_doc_changed") {
        let detail = "The document has changed: it does not match If-Match or If-None-Match. Read the document again.";
        return Some(ApiError::new(ErrorCode::DocChanged, detail));
    }
    if names("refused_scope_not_registered") {
        let detail = "The scope is not global and not a registered venture. Register the venture with put_venture.";
        return Some(ApiError::new(ErrorCode::VentureNotRegistered, detail).at("/scope", "is not registered"));
    }
    names("refused_doc_not_generated").then(|| {
        let detail = "This document needs an admin key, because no requirement allows it to be generated.";
        ApiError::new(ErrorCode::Forbidden, detail)
    })
}

/// The error for a token, if the constraint is about one.
fn token_error(names: &impl Fn(&str) -> bool) -> Option<ApiError> {
    let reasons = [
        ("token_unknown", ErrorCode::Unauthorized, "The API key is not known."),
        ("token_revoked", ErrorCode::Unauthorized, "This token was revoked. Use another one."),
        ("token_expired", ErrorCode::Unauthorized, "This token has expired. Use another one."),
        (
            "token_scope",
            ErrorCode::Forbidden,
            "This token does not have the scope for this operation. Use another \
          token.",
        ),
        (
            "token_venture",
            ErrorCode::Forbidden,
            "This token is limited to one venture. Name that venture in the \
          request.",
        ),
    ];
    if names("token_session") {
        return Some(ApiError::not_found(ErrorCode::SessionNotFound));
    }
    if names("token_handoff") {
        return Some(ApiError::not_found(ErrorCode::HandoffNotFound));
    }
    if names("token_note") {
        return Some(ApiError::not_found(ErrorCode::NoteNotFound));
    }
    if names("token_missing") {
        return Some(ApiError::not_found(ErrorCode::TokenNotFound));
    }
    let reason = reasons.into_iter().find(|(constraint, ..)| names(constraint));
    reason.map(|(_, code, detail)| ApiError::new(code, detail))
}

/// Whether the batch failed because its idempotency key was used before.
pub(crate) fn is_replay(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Constraint(message) if message.contains("idempotency_key_taken"))
}
