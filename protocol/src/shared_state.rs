//! Shared state: JSON values by key, which the agents of a venture change by compare-and-set.

use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::id::SessionId;
use crate::number::{DocVersionNumber, Epoch};
use crate::page::{Cursor, Limit, in_query};
use crate::text::{Agent, StateKey, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations, invalid_at};

/// Any JSON value of at most 64 KiB as compact JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateValue(pub Json);

impl StateValue {
    /// The maximum size as compact JSON, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;
}

impl Deserr<Violations> for StateValue {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Violations> {
        let value = Json::from(value);
        if value.to_string().len() > Self::MAX_BYTES {
            return Err(invalid_at(Invalid::new("must have at most 64 KiB as compact JSON"), at));
        }
        Ok(Self(value))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for StateValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StateValue".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Any JSON value. Send numbers above 2^53 as strings. No string may contain the NUL character."
        })
    }
}

/// A version of a key, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StateEntry {
    /// The venture whose agents share the key.
    pub venture: VentureCode,
    /// The key.
    pub key: StateKey,
    /// The version number, from 1. The `ETag` header is this number in quotes.
    pub version: u32,
    /// The size of the value as compact JSON, in bytes. 0 for a deletion.
    pub size_bytes: u32,
    /// When the version was written.
    pub updated_at: Timestamp,
    /// The agent that wrote the version.
    pub by: Agent,
}

impl StateEntry {
    /// The maximum number of keys of a venture.
    pub const MAX_KEYS: u32 = 1_000;
    /// The number of versions that are kept of each key.
    pub const KEPT_VERSIONS: u32 = 20;
    /// How long the version number of a deleted key is kept, so that a new key goes on after it.
    pub const DELETED_DAYS: i64 = 30;
}

/// A version of a key with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StateRead {
    /// The version.
    #[serde(flatten)]
    pub entry: StateEntry,
    /// The value.
    pub value: StateValue,
}

/// Writes a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct PutState {
    /// The session that writes.
    pub session_id: SessionId,
    /// The epoch of the session.
    pub epoch: Epoch,
    /// The value.
    pub value: StateValue,
}

/// Selects a version of a key.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct GetState {
    /// The version number. Without it, the newest version is returned. The newest 20 are kept.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub version: Option<DocVersionNumber>,
}

/// Selects the keys that `list_state` shows, by name.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct ListState {
    /// The number of keys on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}
