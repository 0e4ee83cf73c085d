//! Free JSON that a client attaches to a record.

use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::violation::{Invalid, Violations, invalid_at, wrong_kind};

/// What a client notes about its session: an object, at most 8 KiB as compact JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Meta(pub Map<String, Json>);

impl Meta {
    /// Most bytes as compact JSON.
    pub const MAX_BYTES: usize = 8 * 1024;
}

impl Deserr<Violations> for Meta {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Violations> {
        let map = object(value, at)?;
        let bytes = serde_json::to_string(&map).map_or(usize::MAX, |text| text.len());
        if bytes > Self::MAX_BYTES {
            return Err(invalid_at(Invalid::new("must have at most 8 KiB as JSON"), at));
        }
        Ok(Self(map))
    }
}

/// Anything a handoff carries beside its lists: an object, bounded by the payload it is part of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extra(pub Map<String, Json>);

impl Deserr<Violations> for Extra {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Violations> {
        object(value, at).map(Self)
    }
}

fn object<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Map<String, Json>, Violations> {
    match value {
        Value::Map(_) => match Json::from(value) {
            Json::Object(map) => Ok(map),
            // `Value::Map` becomes an object and nothing else.
            _ => Ok(Map::new()),
        },
        other => Err(wrong_kind(other, &[ValueKind::Map], at)),
    }
}

/// That numbers beyond 2^53 and texts with NUL are refused is said in words: a schema that says it refers to itself,
/// and what makes clients from a document can't.
#[cfg(feature = "schema")]
macro_rules! free_object_schema {
    ($($name:ident),*) => { $(
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "object",
                    "additionalProperties": true,
                    "description": "Any JSON. Numbers beyond 2^53 travel as text; no text holds the NUL character.",
                })
            }
        }
    )* };
}
#[cfg(feature = "schema")]
free_object_schema!(Meta, Extra);
