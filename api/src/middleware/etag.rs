//! Versions: the `ETag` of a response, and the conditions `If-Match` and `If-None-Match`.
//!
//! The tag is computed from the body, so that a replay has the same tag as the first response.

use bytes::Bytes;
use deckwatch_protocol::Operation;
use deckwatch_protocol::operation::Condition;
use http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Deserialize;

/// The members of a response that give its tag.
#[derive(Deserialize)]
struct Tagged {
    /// The hash of a document. It changes with the content.
    content_hash: Option<String>,
    /// The version of a note.
    version: u32,
}

/// The tags in `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// `*`: any existing version.
    Anything,
    /// One of these tags, without quotes.
    OneOf(Vec<String>),
}

impl IfMatch {
    /// The versions among the tags; `None` for `*`.
    pub(crate) fn versions(&self) -> Option<Vec<u32>> {
        match self {
            Self::Anything => None,
            // Tags are compared as text, so `01` is not the same tag as `1`.
            Self::OneOf(tags) => {
                let version = |tag: &String| tag.parse().ok().filter(|version: &u32| version.to_string() == *tag);
                Some(tags.iter().filter_map(version).collect())
            }
        }
    }

    /// The tags; `None` for `*`.
    pub(crate) fn tags(&self) -> Option<&[String]> {
        match self {
            Self::Anything => None,
            Self::OneOf(tags) => Some(tags),
        }
    }
}

/// The `If-Match` header of a request; `None` without one.
pub(crate) fn if_match(headers: &HeaderMap) -> Option<IfMatch> {
    condition(headers, IF_MATCH, |tag| tag)
}

/// The `If-None-Match` header of a write; `None` without one. Weak tags count.
pub(crate) fn if_none_match(headers: &HeaderMap) -> Option<IfMatch> {
    condition(headers, IF_NONE_MATCH, |tag| tag.strip_prefix("W/").unwrap_or(tag))
}

fn condition(headers: &HeaderMap, name: HeaderName, strip: impl Fn(&str) -> &str) -> Option<IfMatch> {
    let tags = tags(headers, name)?;
    if tags.contains(&"*") {
        return Some(IfMatch::Anything);
    }
    let strong = |tag: &str| Some(strip(tag).strip_prefix('"')?.strip_suffix('"')?.to_owned());
    Some(IfMatch::OneOf(tags.into_iter().filter_map(strong).collect()))
}

/// Sets the `ETag` of a response about a note or a document. Removes the body if the caller already has this
/// version.
pub(crate) fn conditional(operation: Operation, headers: &HeaderMap, mut response: Response<Bytes>) -> Response<Bytes> {
    if !operation.has_etag() || !response.status().is_success() {
        return response;
    }
    let Ok(Tagged { content_hash, version }) = serde_json::from_slice(response.body()) else { return response };
    let tag = content_hash.map_or_else(|| format!("\"{version}\""), |hash| format!("\"{hash}\""));
    let known = tags(headers, IF_NONE_MATCH).is_some_and(|tags| {
        // The comparison is weak, because a proxy may have marked the tag as weak.
        tags.iter().any(|known| *known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    });
    if let Ok(value) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, value);
    }
    if known && operation.accepts(Condition::UnlessKnown) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(CONTENT_TYPE);
        *response.body_mut() = Bytes::new();
    }
    response
}

/// The entity tags of all lines of a header; `None` without one. No tag of this API contains a comma.
fn tags(headers: &HeaderMap, name: HeaderName) -> Option<Vec<&str>> {
    if !headers.contains_key(&name) {
        return None;
    }
    // A line that is not ASCII contains no tag of this API.
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    Some(lines.flat_map(|line| line.split(',')).map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &'static str) -> IfMatch {
        let mut headers = HeaderMap::new();
        headers.insert(IF_MATCH, HeaderValue::from_static(line));
        if_match(&headers).unwrap()
    }

    #[test]
    fn only_strong_tags_match() {
        assert_eq!(if_match(&HeaderMap::new()), None);
        assert_eq!(of("*"), IfMatch::Anything);
        assert_eq!(of("\"3\"").versions(), Some(vec![3]));
        let several = of("\"3\", W/\"4\",\"x\" , \"5\", 6, \"\"");
        assert_eq!(several.versions(), Some(vec![3, 5]));
        assert_eq!(several.tags().unwrap(), ["3", "x", "5", ""]);
        assert_eq!(of("").versions(), Some(vec![]));
        assert_eq!(of("\"+3\", \"03\"").versions(), Some(vec![]));
    }
}
