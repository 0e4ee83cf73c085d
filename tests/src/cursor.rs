//! Cursors that a test makes itself, to start a page at a place of its own.

use sha2::Digest;

/// A cursor of the list at `path` with the filters of `query` that starts at `place`, as the API makes it.
pub fn cursor_at(path: &str, query: &str, place: &str) -> String {
    let mut filters: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name != "limit" && name != "cursor")
        .map(|(name, value)| [name, value])
        .collect();
    filters.sort_unstable();
    let list = sha2::Sha256::digest(serde_json::json!([path, filters]).to_string());
    let mark: Vec<String> = list.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{}.{place}", mark.concat())
}
