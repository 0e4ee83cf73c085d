//! Validation errors of a request, one for each invalid field.

use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

use deserr::{DeserializeError, ErrorKind, IntoValue, MergeWithError, ValueKind, ValuePointerRef, take_cf_content};
use serde::{Deserialize, Serialize};

use crate::cut;

/// Why a value is invalid. It contains neither the name of the field nor the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(pub Cow<'static, str>);

impl Invalid {
    /// Creates the error. `detail` completes the sentence "the field …".
    pub fn new(detail: impl Into<Cow<'static, str>>) -> Self {
        Self(detail.into())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

/// One invalid field, named by its JSON pointer (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Violation {
    /// The JSON pointer of the field, such as `/handoff/summary`. A query parameter is `/name`; the empty string is the
    /// whole body.
    pub pointer: String,
    /// Why the field is invalid. It does not contain the value.
    pub detail: String,
}

impl Violation {
    /// Whether the API does not know the field. A client that knows it is newer than the API.
    pub fn is_unknown_field(&self) -> bool {
        self.detail.starts_with(UNKNOWN_FIELD)
    }
}

/// The beginning of the detail of an unknown field.
const UNKNOWN_FIELD: &str = "is not a field of this request";

/// All invalid fields of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// Creates a list with one violation, at `pointer`.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self(vec![Violation { pointer: pointer.into(), detail: detail.into() }])
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, violation) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { "; " };
            match violation.pointer.as_str() {
                // The violation is about the whole body.
                "" => write!(f, "{separator}{}", violation.detail)?,
                pointer => write!(f, "{separator}{pointer}: {}", violation.detail)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

impl MergeWithError<Violations> for Violations {
    fn merge(into: Option<Self>, other: Violations, _: ValuePointerRef) -> ControlFlow<Self, Self> {
        let mut all = into.unwrap_or_default();
        all.0.extend(other.0);
        ControlFlow::Continue(all)
    }
}

impl MergeWithError<Invalid> for Violations {
    fn merge(into: Option<Self>, other: Invalid, at: ValuePointerRef) -> ControlFlow<Self, Self> {
        Self::merge(into, Violations::at(json_pointer(at), other.0), at)
    }
}

impl DeserializeError for Violations {
    fn error<V: IntoValue>(into: Option<Self>, error: ErrorKind<V>, at: ValuePointerRef) -> ControlFlow<Self, Self> {
        let violation = match error {
            ErrorKind::IncorrectValueKind { actual, accepted } => {
                Violations::at(json_pointer(at), format!("must be {}, not {}", kinds(accepted), kind(actual.kind())))
            }
            ErrorKind::MissingField { field } => Violations::at(json_pointer(at.push_key(field)), "is required"),
            ErrorKind::UnknownKey { key, accepted } => Violations::at(
                json_pointer(at.push_key(key)),
                match accepted {
                    [] => format!("{UNKNOWN_FIELD}, which has none"),
                    [only] => format!("{UNKNOWN_FIELD}; its only field is {only}"),
                    accepted => format!("{UNKNOWN_FIELD}; the fields are {}", accepted.join(", ")),
                },
            ),
            ErrorKind::UnknownValue { accepted, .. } => {
                Violations::at(json_pointer(at), format!("must be one of {}", accepted.join(", ")))
            }
            ErrorKind::BadSequenceLen { expected, .. } => {
                Violations::at(json_pointer(at), format!("must have {expected} items"))
            }
            ErrorKind::Unexpected { msg } => Violations::at(json_pointer(at), msg),
        };
        Self::merge(into, violation, at)
    }
}

/// The violation of the value at `at`, for hand-written decoders.
pub(crate) fn invalid_at(detail: Invalid, at: ValuePointerRef) -> Violations {
    Violations::at(json_pointer(at), detail.0)
}

/// The violation "wrong kind of JSON value" at `at`, for hand-written decoders.
pub(crate) fn wrong_kind<V: IntoValue>(
    actual: deserr::Value<V>,
    accepted: &[ValueKind],
    at: ValuePointerRef,
) -> Violations {
    take_cf_content(Violations::error(None, ErrorKind::IncorrectValueKind { actual, accepted }, at))
}

/// Refuses lists that are too long. Each list is given as field name, length and maximum.
pub(crate) fn at_most(at: ValuePointerRef, lists: &[(&str, usize, usize)]) -> Result<(), Violations> {
    let too_long = lists.iter().filter(|(_, length, max)| length > max);
    let violations: Vec<Violation> = too_long
        .map(|(field, _, max)| Violation {
            pointer: json_pointer(at.push_key(field)),
            detail: format!("must have at most {max} items"),
        })
        .collect();
    if violations.is_empty() { Ok(()) } else { Err(Violations(violations)) }
}

/// The name of a field, escaped for a JSON pointer (RFC 6901).
pub fn pointer_step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn json_pointer(at: ValuePointerRef) -> String {
    match at {
        ValuePointerRef::Origin => String::new(),
        ValuePointerRef::Index { index, prev } => format!("{}/{index}", json_pointer(*prev)),
        ValuePointerRef::Key { key, prev } => {
            // An unknown key comes from the caller, so it is shortened and escaped (RFC 6901).
            format!("{}/{}", json_pointer(*prev), pointer_step(cut::to_chars(key, 64)))
        }
    }
}

fn kinds(accepted: &[ValueKind]) -> String {
    accepted.iter().map(|k| kind(*k)).collect::<Vec<_>>().join(" or ")
}

fn kind(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Null => "null",
        ValueKind::Boolean => "a boolean",
        ValueKind::Integer => "a whole number",
        ValueKind::NegativeInteger => "a negative number",
        ValueKind::Float => "a fraction",
        ValueKind::String => "a string",
        ValueKind::Sequence => "an array",
        ValueKind::Map => "an object",
    }
}
