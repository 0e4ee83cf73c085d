//! Whole numbers with a fixed range.

use std::fmt;
use std::str::FromStr;

use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::violation::{Invalid, Violations, invalid_at, wrong_kind};

/// Defines a whole number with a fixed range, by default as a `u32`. It is decoded from JSON numbers and from query
/// parameters.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $min:literal ..= $max:literal) => {
        $crate::number::number! { $(#[$doc])* $name(u32), $min..=$max }
    };
    ($(#[$doc:meta])* $name:ident($inner:ty), $min:literal ..= $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// The smallest value.
            pub const MIN: $inner = $min;
            /// The largest value.
            pub const MAX: $inner = $max;

            /// The value.
            pub fn get(self) -> $inner {
                self.0
            }
        }

        impl TryFrom<u64> for $name {
            type Error = Invalid;

            fn try_from(number: u64) -> Result<Self, Invalid> {
                match <$inner>::try_from(number) {
                    Ok(n) if ($min..=$max).contains(&n) => Ok(Self(n)),
                    _ => Err(Invalid::new(concat!("must be a whole number from ", $min, " to ", $max))),
                }
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                // `parse` accepts a leading plus. Here, a number has only one form.
                let digits = text.bytes().all(|b| b.is_ascii_digit());
                let number = if digits { text.parse::<u64>().unwrap_or(u64::MAX) } else { u64::MAX };
                Self::try_from(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Deserr<Violations> for $name {
            fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Violations> {
                match value {
                    Value::Integer(number) => Self::try_from(number).map_err(|invalid| invalid_at(invalid, at)),
                    Value::NegativeInteger(_) => Self::try_from(u64::MAX).map_err(|invalid| invalid_at(invalid, at)),
                    // JSON has only one type of number, so 87.0 is a whole number.
                    Value::Float(number) if number.fract() == 0.0 => {
                        let whole = format!("{number:.0}").parse().unwrap_or(u64::MAX);
                        Self::try_from(whole).map_err(|invalid| invalid_at(invalid, at))
                    }
                    other => Err(wrong_kind(other, &[ValueKind::Integer], at)),
                }
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "integer", "minimum": $name::MIN, "maximum": $name::MAX })
            }
        }
    };
}
pub(crate) use number;

number! {
    /// A line of work within a repository. Track 0 is a track like any other; `null` means no track.
    Track, 0..=1_000_000
}
number! {
    /// The number of a GitHub issue.
    IssueNumber, 1..=2_147_483_647
}
number! {
    /// An HTTP status.
    HttpStatus, 100..=599
}
number! {
    /// The version number of a document.
    DocVersionNumber, 1..=2_147_483_647
}
number! {
    /// The number of requests that a token may send per minute.
    RateLimit, 1..=1_000_000
}
number! {
    /// The number of the process that speaks for a session. Another process of the agent takes the next one.
    Epoch, 1..=2_147_483_647
}
number! {
    /// The number of seconds after which a message expires: from a minute to 30 days.
    ExpirySeconds, 60..=2_592_000
}
number! {
    /// The number of messages that a process takes at once.
    TakeLimit, 1..=50
}
number! {
    /// The number of an event, or 0 for the place before the first one.
    EventSeq(u64), 0..=9_007_199_254_740_991
}

number! {
    /// The number of days after which a document is stale.
    StalenessDays, 1..=3650
}
number! {
    /// How a change is verified: 0 by CI only, 1 by a check with the CLI or the API, 2 by a short look, 3 by a full walk
    /// through the feature, 4 by a security review.
    QaGrade, 0..=4
}

impl Default for EventSeq {
    /// The place before the first event.
    fn default() -> Self {
        Self(0)
    }
}

impl Default for Epoch {
    /// The epoch of a new session.
    fn default() -> Self {
        Self(1)
    }
}

impl Default for ExpirySeconds {
    /// A week.
    fn default() -> Self {
        Self(604_800)
    }
}

impl Default for TakeLimit {
    fn default() -> Self {
        Self(20)
    }
}

impl Default for StalenessDays {
    fn default() -> Self {
        Self(90)
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn track_zero_is_a_track() {
        assert_eq!("0".parse::<Track>().map(Track::get), Ok(0));
        for text in ["-1", "+1", "x", "", "1.0", "NaN", "99999999999999999999"] {
            assert!(text.parse::<Track>().is_err(), "{text:?}");
        }
        assert!("0".parse::<IssueNumber>().is_err() && "2147483648".parse::<IssueNumber>().is_err());
    }
}
