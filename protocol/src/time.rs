//! Timestamps on the wire and in the database.

use std::fmt;
use std::str::FromStr;

use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::violation::{Invalid, Violations, invalid_at, wrong_kind};

/// A point in time: RFC 3339 in UTC with milliseconds, such as `2026-11-21T08:00:00.000Z`. All timestamps have the same
/// width, so they sort as text. The range is from the year 0001 to 9999-12-30T22:00:00.000Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// Creates a timestamp from milliseconds since 1970. Values outside the range become its nearest end.
    pub fn from_millis(millis: i64) -> Self {
        const YEAR_0001: i64 = -62_135_596_800_000;
        const YEAR_9999: i64 = 253_402_207_200_000;
        Self(jiff::Timestamp::from_millisecond(millis.clamp(YEAR_0001, YEAR_9999)).unwrap_or_default())
    }

    /// Milliseconds since 1970.
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The time `seconds` later, or earlier if `seconds` is negative.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_millis(self.as_millis().saturating_add(seconds.saturating_mul(1000)))
    }

    /// The whole seconds from `earlier` to this time. 0 if `earlier` is later than this time.
    pub fn seconds_since(self, earlier: Self) -> u64 {
        u64::try_from((self.as_millis() - earlier.as_millis()) / 1000).unwrap_or(0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl FromStr for Timestamp {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let unreadable = "must be an RFC 3339 time such as 2026-11-21T08:00:00.000Z, at most 9999-12-30T22:00:00.000Z";
        let time: jiff::Timestamp = text.parse().map_err(|_| Invalid::new(unreadable))?;
        Ok(Self::from_millis(time.as_millisecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Deserr<Violations> for Timestamp {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Violations> {
        match value {
            Value::String(text) => text.parse().map_err(|invalid| invalid_at(invalid, at)),
            other => Err(wrong_kind(other, &[ValueKind::String], at)),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_have_a_fixed_width_and_sort_as_text() {
        let texts: Vec<String> =
            [0, 1, 1_000, 1_795_248_000_123].map(|ms| Timestamp::from_millis(ms).to_string()).to_vec();
        assert_eq!(texts[0], "1970-01-01T00:00:00.000Z");
        assert!(texts.iter().all(|t| t.len() == 24) && texts.is_sorted(), "{texts:?}");
    }

    #[test]
    fn any_offset_is_accepted_and_other_texts_are_refused() {
        let noon: Timestamp = "2026-11-21T12:00:00+02:00".parse().unwrap();
        assert_eq!(noon.to_string(), "2026-11-21T10:00:00.000Z");
        assert!("yesterday".parse::<Timestamp>().is_err());
        assert!("9999-12-30T22:00:00Z".parse::<Timestamp>().is_ok());
        let beyond = "9999-12-31T23:59:59Z".parse::<Timestamp>().unwrap_err();
        assert!(beyond.0.contains("at most 9999-12-30T22:00:00.000Z"), "{beyond:?}");
    }
}
