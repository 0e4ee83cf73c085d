//! Errors of the API. The message for the caller and the cause for the log are separate.

use std::borrow::Cow;

use deckwatch_protocol::{Claim, ErrorCode, Problem, Violation, Violations};
use deckwatch_secrets::{Finding, in_text};

use crate::constraints::{self, ConstraintRow, Outcome};
use crate::database::DatabaseError;
use crate::fault::{Outage, Violated};

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
    /// The claims that stand in the way, if the caller may know them.
    pub(crate) held: Box<[Claim]>,
    /// Why the database takes no requests for some time, if that is the cause.
    pub(crate) outage: Option<Outage>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            violations: Vec::new(),
            cause: None,
            allow: None,
            held: Box::default(),
            outage: None,
        }
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

    /// The error for a violated constraint.
    fn of_constraint(violated: &Violated) -> Self {
        let unknown = || Self::internal(format!("a request violated a constraint that has no error: {violated}"));
        constraints::row_of(violated).map_or_else(unknown, Self::of_row)
    }

    /// The error that a constraint has with this code, for a refusal that no constraint detected.
    pub(crate) fn of_code(code: ErrorCode) -> Self {
        let unknown = || Self::internal(format!("no constraint has the error {code:?}"));
        constraints::row_with(code).map_or_else(unknown, Self::of_row)
    }

    fn of_row(row: &ConstraintRow) -> Self {
        match row.outcome {
            Outcome::Refused { code, detail, field } => {
                let error = Self::new(code, detail);
                field.into_iter().fold(error, |error, (pointer, problem)| error.at(pointer, problem))
            }
            Outcome::Replayed => Self::internal("the idempotency key was used before, but nothing was looked up"),
        }
    }

    /// The error when the caller has no requests left in this minute.
    pub(crate) fn rate_limited() -> Self {
        Self::of_code(ErrorCode::RateLimited)
    }

    /// The error for a token that is not valid, with this reason.
    pub(crate) fn of_token(reason: &str) -> Self {
        Self::of_constraint(&Violated::Check(format!("token_{reason}").into()))
    }

    /// The error for this reason of the table `refusals`, which a statement returned instead of inserting it.
    pub(crate) fn refused(reason: &str) -> Self {
        Self::of_constraint(&Violated::Check(format!("refused_{reason}").into()))
    }

    /// The error for a caller without a session that is not a person.
    pub(crate) fn not_a_person() -> Self {
        Self::of_constraint(&Violated::Check("person_required".into()))
    }

    /// The error when the path names a record that does not exist.
    pub(crate) fn not_found(code: ErrorCode) -> Self {
        Self::of_code(code)
    }

    /// The error when none of the records that were checked matches, and there are others that were not read.
    pub(crate) fn not_found_so_far(code: ErrorCode, checked: &str) -> Self {
        let detail = format!(
            "None of the newest {checked} records that were checked matches the request, and older ones were not read. Use \
             fewer filters, or list the records and follow next_cursor."
        );
        Self::new(code, detail)
    }

    /// Adds the claims that stand in the way, as JSON.
    pub(crate) fn naming<'a>(mut self, claims: impl Iterator<Item = &'a str>) -> Self {
        self.held = claims.filter_map(|claim| serde_json::from_str(claim).ok()).collect();
        if let Some(Claim { subject, agent, since, until, .. }) = self.held.first() {
            self.detail = format!(
                "{agent} holds {subject} since {since}, until {until}. Nothing was claimed. Work on something else, or ask the \
                 agent to release it. After that time, take it with `take` and a reason."
            );
        }
        self
    }

    /// The response body. It names fields of the request, but it repeats no secret from a field name.
    pub(crate) fn problem(&self, correlation_id: &str) -> Problem {
        let detail = in_text(&self.detail).map_or_else(
            || self.detail.clone(),
            |kind| format!("The request is not valid, and it contains {kind}. Remove it and send the request again."),
        );
        let mut problem = Problem::new(self.code, detail, correlation_id);
        problem.held = self.held.to_vec();
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

/// Converts a failed batch.
impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Constraint(violated) => Self::of_constraint(&violated),
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

/// Whether the batch failed because its idempotency key was used before.
pub(crate) fn is_replay(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Constraint(violated) if constraints::is_replay(violated))
}
