//! Reads request headers as the Fetch standard does: several lines with one name are one value with commas. The
//! Worker's runtime joins the lines before it calls the API. This module makes both engines behave the same.

use std::borrow::Cow;

use deckwatch_protocol::ErrorCode;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName};

use crate::error::ApiError;

/// Maximum size of all headers in bytes. Each engine could take more, but not the same number.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Maximum number of header lines.
pub const MAX_HEADERS: usize = 100;

/// Refuses headers that one of the engines may not accept, or that make the length of the body ambiguous.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return Err(ApiError::new(
            ErrorCode::HeadersTooLarge,
            format!(
                "The headers are too large: the maximum is {MAX_HEADERS} headers with {MAX_HEADER_BYTES} bytes in \
                     total."
            ),
        ));
    }
    if headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING) {
        let detail = "Send Content-Length or Transfer-Encoding, not both.";
        return Err(ApiError::new(ErrorCode::InvalidRequest, detail));
    }
    Ok(())
}

/// All lines of a header as one value; `None` without one. A line that is not ASCII counts as empty, because no
/// value of this API needs other characters.
pub(crate) fn joined<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    let mut lines = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
    let first = lines.next()?;
    Some(lines.fold(Cow::Borrowed(first), |all, line| format!("{all}, {line}").into()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::ACCEPT;

    use super::*;

    #[test]
    fn several_lines_are_one_value() {
        let mut headers = HeaderMap::new();
        assert_eq!(joined(&headers, &ACCEPT), None);
        headers.append(ACCEPT, HeaderValue::from_static("a"));
        assert_eq!(joined(&headers, &ACCEPT).as_deref(), Some("a"));
        headers.append(ACCEPT, HeaderValue::from_static("b"));
        assert_eq!(joined(&headers, &ACCEPT).as_deref(), Some("a, b"));
    }
}
