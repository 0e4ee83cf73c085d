//! Normalizes the path of a request. The Worker's runtime parses an address as a browser does, before it calls the
//! API: `\` becomes `/`, and `.` and `..` are path steps, also in the form `%2E`. The other engine gets the path as
//! it was sent. This module makes both the same. It also decodes unreserved characters in the form `%XX` (RFC 3986,
//! 6.2.2), so that each resource has one path.

use std::borrow::Cow;

/// Maximum size of an address in bytes. The Worker's runtime has the same limit in some places.
pub(crate) const MAX_BYTES: usize = 32 * 1024;

/// The normalized form of `path`.
pub(crate) fn normalize(path: &str) -> Cow<'_, str> {
    if !path.contains(['\\', '%']) && !path.contains("/.") {
        return Cow::Borrowed(path);
    }
    let path = decode_unreserved(&path.replace('\\', "/"));
    let mut steps: Vec<&str> = Vec::new();
    let mut given = path.split('/').skip(1).peekable();
    while let Some(step) = given.next() {
        let is_last = given.peek().is_none();
        match step {
            "." => {}
            ".." => drop(steps.pop()),
            step => {
                steps.push(step);
                continue;
            }
        }
        // A path that ends with such a step names a folder.
        if is_last {
            steps.push("");
        }
    }
    Cow::Owned(format!("/{}", steps.join("/")))
}

fn decode_unreserved(path: &str) -> String {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let code = after.get(..2).filter(|code| code.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let character = code.and_then(|code| u8::from_str_radix(code, 16).ok()).map(char::from);
        match character {
            Some(character) if character.is_ascii_alphanumeric() || "-._~".contains(character) => {
                decoded.push(character);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push('%');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_resource_has_one_path() {
        for (given, expected) in [
            ("/v1/sod", "/v1/sod"),
            ("/v1/./sod", "/v1/sod"),
            ("/v1/docs/../sod", "/v1/sod"),
            ("/v1/docs/%2e%2E/sod", "/v1/sod"),
            ("/../../v1/sod", "/v1/sod"),
            ("\\v1\\sod", "/v1/sod"),
            ("/v1/sod/.", "/v1/sod/"),
            ("/v1/sod/..", "/v1/"),
            ("/v1/docs/alpha/%2e%2e", "/v1/docs/"),
            ("/v1/docs/alpha/api%2Emd", "/v1/docs/alpha/api.md"),
            ("/v1/docs/alpha/%61pi.md", "/v1/docs/alpha/api.md"),
            ("/v1/docs/alpha/a..md", "/v1/docs/alpha/a..md"),
            ("/v1/docs/alpha%2Fapi.md", "/v1/docs/alpha%2Fapi.md"),
            ("/%252e/x", "/%252e/x"),
            ("/%/%2/%zz", "/%/%2/%zz"),
            ("//v1//sod", "//v1//sod"),
            ("*", "*"),
        ] {
            assert_eq!(normalize(given), expected, "{given}");
            assert_eq!(normalize(&normalize(given)), expected, "{given} again");
        }
    }
}
