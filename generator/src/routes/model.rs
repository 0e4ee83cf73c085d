//! What the code and the specifications of an API have in common.

/// The HTTP methods.
pub(super) const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"];
/// The method of a route that answers all methods, or those that its handler selects.
pub(super) const ANY: &str = "ANY";

/// A route with its full path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ResolvedRoute {
    pub(super) path: String,
    pub(super) method: String,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) handler: String,
}

/// Joins a prefix and a path with one slash between them.
pub(super) fn joined(prefix: &str, path: &str) -> String {
    match (prefix.trim_end_matches('/'), path.trim_start_matches('/')) {
        ("", path) => format!("/{path}"),
        (prefix, "") => format!("/{}", prefix.trim_start_matches('/')),
        (prefix, path) => format!("/{}/{path}", prefix.trim_start_matches('/')),
    }
}
