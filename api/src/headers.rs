//! A request header as the Fetch standard reads one: several lines of a name are one value with commas. The Worker's
//! runtime joins them before the API sees them, so that both engines get the same.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

/// All lines of a header as one; `None` without one. What is not ASCII reads as empty: no value of this API has more.
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
