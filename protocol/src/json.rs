//! JSON objects of any content that a client attaches to a record.

use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::violation::{Invalid, Violations, invalid_at, wrong_kind};

/// Any data that a client stores with a session or machine: an object of at most 8 KiB as compact JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Meta(pub Map<String, Json>);

impl Meta {
    /// The maximum size as compact JSON, in bytes.
    pub const MAX_BYTES: usize = 8 * 1024;
}

impl Deserr<Violations> for Meta {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Violations> {
        let map = object(value, at)?;
        let bytes = serde_json::to_string(&map).map_or(usize::MAX, |text| text.len());
        if bytes > Self::MAX_BYTES {
            return Err(invalid_at(Invalid::new("must have at most 8 KiB as compact JSON"), at));
        }
        Ok(Self(map))
    }
}

/// Any data of a handoff besides its lists: an object. The limit of the whole payload applies to it.
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
            // This can't happen: `Value::Map` always becomes an object.
            _ => Ok(Map::new()),
        },
        other => Err(wrong_kind(other, &[ValueKind::Map], at)),
    }
}

/// The schema of an object with any content. Its description says that large numbers and NUL characters are refused. A
/// schema could only express this by referring to itself, and generators of clients don't support that.
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
                    "description": "Any JSON object. Send numbers above 2^53 as strings. No string may contain the NUL character.",
                })
            }
        }
    )* };
}
#[cfg(feature = "schema")]
free_object_schema!(Meta, Extra);
