//! Writes an answer of the API as the text that `bridge.mjs` makes a response from.

use std::fmt::Write as _;

use bytes::Bytes;

/// The status, a line for each header, an empty line, and the body. All bodies of the API are text.
pub(crate) fn text(answer: &http::Response<Bytes>) -> String {
    let body = String::from_utf8_lossy(answer.body());
    let mut text = String::with_capacity(body.len() + 512);
    // Writing to a string can't fail.
    let _ = writeln!(text, "{}", answer.status().as_u16());
    for (name, value) in answer.headers() {
        let _ = writeln!(text, "{name}: {}", value.to_str().unwrap_or_default());
    }
    text.push('\n');
    text.push_str(&body);
    text
}
