//! What travels in headers: the key, the idempotency key and the correlation id.

use std::fmt;
use std::str::FromStr;

use crate::violation::Invalid;

/// The secret of a caller. It has no `Debug` or `Display`, so that it can't reach a log by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerKey(String);

impl BearerKey {
    /// A key as the environment or a header gives it: 16 to 256 visible ASCII characters.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        if !(16..=256).contains(&text.len()) || !visible {
            return Err(Invalid::new("must be 16 to 256 visible ASCII characters"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret itself, for the one header or hash that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Names one intended effect, so that a retry happens once: 16 to 200 visible ASCII characters.
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

/// Names one request from the client to the log: `corr_<uuid>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CorrelationId(String);

impl CorrelationId {
    /// From a UUID in its hyphenated lower-case form.
    pub fn from_uuid(uuid: &str) -> Result<Self, Invalid> {
        format!("corr_{uuid}").parse()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CorrelationId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let hyphen_at = |n: usize| matches!(n, 8 | 13 | 18 | 23);
        let uuid = text.strip_prefix("corr_").filter(|uuid| uuid.len() == 36);
        let well_formed = uuid.is_some_and(|uuid| {
            uuid.bytes()
                .enumerate()
                .all(|(n, b)| if hyphen_at(n) { b == b'-' } else { matches!(b, b'0'..=b'9' | b'a'..=b'f') })
        });
        if !well_formed {
            return Err(Invalid::new("must be corr_<uuid>"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
