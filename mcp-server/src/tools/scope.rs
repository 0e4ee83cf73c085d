//! The scope of a note as an argument: a venture's code, or `global`.

use std::borrow::Cow;

use deckwatch_protocol::{VentureCode, Violations};
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

const GLOBAL: &str = "global";

/// One venture, or all ventures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    Global,
    Venture(VentureCode),
}

impl Deserr<Violations> for Scope {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Violations> {
        match value {
            Value::String(word) if word == GLOBAL => Ok(Self::Global),
            // `global` is not a valid venture code, so it is not ambiguous.
            value => VentureCode::deserialize_from_value(value, at).map(Self::Venture),
        }
    }
}

impl JsonSchema for Scope {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Scope".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": VentureCode::MAX_CHARS })
    }
}
