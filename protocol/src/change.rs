//! One field of a merge patch (RFC 7396).

use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use serde::{Serialize, Serializer};

use crate::violation::Violations;

/// What a merge patch does to one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The field is absent: keep the stored value.
    #[default]
    Keep,
    /// The field is `null`: clear the stored value.
    Clear,
    /// The field has a value: store it.
    Set(T),
}

impl<T> Change<T> {
    /// Whether the patch leaves this field alone.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The new value, if the patch sets one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

impl<T: Deserr<Violations>> Deserr<Violations> for Change<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Violations> {
        match value {
            Value::Null => Ok(Self::Clear),
            value => T::deserialize_from_value(value, at).map(Self::Set),
        }
    }
}

impl<T: Serialize> Serialize for Change<T> {
    /// Serializes the new value. A struct must skip `Keep` with `skip_serializing_if`, because `Keep` itself becomes
    /// `null`, which clears the field.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Change<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Option::<T>::schema_name()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Option::<T>::json_schema(generator)
    }
}
