//! Lists: how much is shown, how much there is, and where the next page starts.

use std::fmt;
use std::str::FromStr;

use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::number::number;
use crate::text::impl_text_traits;
use crate::violation::{Invalid, Violations, invalid_at, wrong_kind};

/// Reads an optional query parameter, for `deserr(try_from(String) = in_query -> Invalid)`.
#[expect(clippy::needless_pass_by_value, reason = "the signature is deserr's")]
pub(crate) fn in_query<T: FromStr<Err = Invalid>>(text: String) -> Result<Option<T>, Invalid> {
    text.parse().map(Some)
}

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PageOf{T}"))]
pub struct Page<T> {
    /// What this page shows.
    pub items: Vec<T>,
    /// How many there are, whatever the page shows; exact up to 1,000.
    pub total: u32,
    /// True when `total` is only a lower bound. Absent when the count is exact.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub total_is_minimum: bool,
    /// The cursor of the next page, or `null` at the end.
    pub next_cursor: Option<Cursor>,
}

/// The first items of a list inside a bigger answer: how many are shown of how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ExcerptOf{T}"))]
pub struct Excerpt<T> {
    /// How many there are; exact up to 1,000.
    pub total: u32,
    /// True when `total` is only a lower bound. Absent when the count is exact.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub total_is_minimum: bool,
    /// How many `items` has.
    pub shown: u32,
    /// The newest ones, unless the list has another order.
    pub items: Vec<T>,
}

impl<T> Default for Excerpt<T> {
    /// Nothing of nothing.
    fn default() -> Self {
        Self { total: 0, total_is_minimum: false, shown: 0, items: Vec::new() }
    }
}

number! {
    /// How many items a page shows.
    Limit, 1..=100
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

/// Where a page starts: the id (or code) of the last item of the page before, or what a search has shown so far. In
/// requests and answers, the API puts before it which list and filters it is of. Treat it as opaque.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// Most characters: enough for a search that has shown 980 of a million notes.
    pub const MAX_CHARS: usize = 3000;

    /// The text to compare keys with.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Cursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
        if text.is_empty() || text.len() > Self::MAX_CHARS || !plain {
            return Err(Invalid::new("must be the next_cursor of an earlier page of this list with the same filters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl_text_traits!(Cursor, "^[A-Za-z0-9._-]+$", Cursor::MAX_CHARS);
