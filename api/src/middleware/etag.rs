//! Which version: the `ETag` of an answer, and what `If-Match` and `If-None-Match` say about it.
//!
//! The tag is taken from the body, so that a replay has the tag of the answer that it repeats.

use bytes::Bytes;
use deckwatch_protocol::Operation;
use http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Deserialize;

/// The part of an answer that its tag is made from.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// The versions that `If-Match` names. A tag that is no version matches nothing; `*` asks for nothing
/// that an update does not ask for anyway.
pub(crate) fn versions_matched(headers: &HeaderMap) -> Option<Vec<u32>> {
    let tags = tags(headers, IF_MATCH)?;
    if tags.contains(&"*") {
        return None;
    }
    Some(tags.into_iter().filter_map(|tag| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()).collect())
}

/// Gives the answer about a note its `ETag`, and leaves out a body that the caller has.
pub(crate) fn conditional(operation: Operation, headers: &HeaderMap, mut response: Response<Bytes>) -> Response<Bytes> {
    if !is_versioned(operation) || !response.status().is_success() {
        return response;
    }
    let Ok(Versioned { version }) = serde_json::from_slice(response.body()) else { return response };
    let tag = format!("\"{version}\"");
    let known = tags(headers, IF_NONE_MATCH).is_some_and(|tags| {
        // Weakly: a proxy may have marked the tag as weak.
        tags.iter().any(|known| *known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    });
    if let Ok(value) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, value);
    }
    if known && operation == Operation::GetNote {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(CONTENT_TYPE);
        *response.body_mut() = Bytes::new();
    }
    response
}

fn is_versioned(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::CreateNote
            | Operation::GetNote
            | Operation::UpdateNote
            | Operation::ArchiveNote
            | Operation::RestoreNote
    )
}

/// The entity tags of a header, in all its lines; `None` without one. No tag of this API has a comma.
fn tags(headers: &HeaderMap, name: HeaderName) -> Option<Vec<&str>> {
    if !headers.contains_key(&name) {
        return None;
    }
    // A line that is not ASCII names no tag of this API.
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    Some(lines.flat_map(|line| line.split(',')).map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(line: &'static str) -> Option<Vec<u32>> {
        let mut headers = HeaderMap::new();
        headers.insert(IF_MATCH, HeaderValue::from_static(line));
        versions_matched(&headers)
    }

    #[test]
    fn only_strong_tags_of_versions_match() {
        assert_eq!(versions_matched(&HeaderMap::new()), None);
        assert_eq!(matched("*"), None);
        assert_eq!(matched("\"3\""), Some(vec![3]));
        assert_eq!(matched("\"3\", W/\"4\",\"x\" , \"5\", 6, \"\""), Some(vec![3, 5]));
        assert_eq!(matched(""), Some(vec![]));
    }
}
