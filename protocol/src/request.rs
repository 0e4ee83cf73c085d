//! Values of request headers: the API key, the idempotency key and the correlation id.

use std::fmt;
use std::str::FromStr;

use crate::violation::Invalid;

/// The API key of a caller. It has no `Debug` or `Display`, so that it can't be logged by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerKey(String);

impl BearerKey {
    /// Checks a key from the environment or a header: 16 to 256 visible ASCII characters.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        if !(16..=256).contains(&text.len()) || !visible {
            return Err(Invalid::new("must be 16 to 256 visible ASCII characters"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret key. Use it only for the request header and for the hash.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Identifies one intended change, so that a retry does not repeat it: 16 to 200 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !(16..=200).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Invalid::new("must be 16 to 200 visible ASCII characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Identifies one request in the client and in the log: `corr_<uuid>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CorrelationId(String);

impl CorrelationId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<uuid::Uuid> for CorrelationId {
    fn from(uuid: uuid::Uuid) -> Self {
        Self(format!("corr_{}", uuid.hyphenated()))
    }
}

impl FromStr for CorrelationId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let uuid = text.strip_prefix("corr_").and_then(|uuid| uuid::Uuid::try_parse(uuid).ok()).map(Self::from);
        // Only the canonical form is accepted, because the log compares ids as text.
        uuid.filter(|id| id.0 == text).ok_or(Invalid::new("must be corr_<uuid>"))
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
