//! Lists: the shown items, the total count and the cursor of the next page.

use std::fmt;
use std::str::FromStr;

use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::number::number;
use crate::text::impl_text_traits;
use crate::violation::{Invalid, Violations, invalid_at, wrong_kind};

/// Parses an optional query parameter, for `deserr(try_from(String) = in_query -> Invalid)`.
#[expect(clippy::needless_pass_by_value, reason = "the signature is deserr's")]
pub(crate) fn in_query<T: FromStr<Err = Invalid>>(text: String) -> Result<Option<T>, Invalid> {
    text.parse().map(Some)
}

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PageOf{T}"))]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The number of items on all pages. It is exact up to 750.
    pub total: u32,
    /// True if `total` is only a lower bound. Absent if the count is exact.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub total_is_minimum: bool,
    /// The cursor of the next page, or `null` on the last page. A page with a cursor may have fewer items than its limit,
    /// also none.
    pub next_cursor: Option<Cursor>,
}

/// The first items of a list that is part of a larger answer, with the total count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ExcerptOf{T}"))]
pub struct Excerpt<T> {
    /// The number of items that exist. It is exact up to 30 at least.
    pub total: u32,
    /// True if `total` is only a lower bound. Absent if the count is exact.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub total_is_minimum: bool,
    /// The number of items in `items`.
    pub shown: u32,
    /// The shown items, newest first, unless the list has another order.
    pub items: Vec<T>,
}

impl<T> Default for Excerpt<T> {
    /// An empty list.
    fn default() -> Self {
        Self { total: 0, total_is_minimum: false, shown: 0, items: Vec::new() }
    }
}

number! {
    /// The number of items on a page.
    Limit, 1..=100
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

/// The position where a page starts: the id or code of the last item of the previous page, or the results that a search
/// has already shown. In requests and answers it begins with a mark of the list and its filters. Clients must not
/// interpret it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// The maximum number of characters. It is enough for a search that has shown 980 of a million notes.
    pub const MAX_CHARS: usize = 3000;

    /// The text to compare with the keys of the list.
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
