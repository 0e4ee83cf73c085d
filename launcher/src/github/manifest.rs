//! What the GitHub App of Deckwatch is: its permissions, its events, and its manifest.

use serde_json::{Value, json};

/// The permissions that the App needs, and what for. A pull request's changed files are part of it, so that reading the
/// contents of the repository is not needed.
pub(super) const PERMISSIONS: [(&str, &str, &str); 3] = [
    ("issues", "write", "to label issues"),
    ("pull_requests", "write", "to label pull requests and to read which files they change"),
    ("metadata", "read", "to find the repositories"),
];

/// The events that the App subscribes to. Those of its installation it gets in any case.
pub(super) const EVENTS: [&str; 2] = ["issues", "pull_request"];

/// The path of the engine that receives the events.
pub(super) const WEBHOOK_PATH: &str = "/webhooks/github";

/// The longest name of an App.
pub(super) const MAX_NAME_CHARS: usize = 34;

/// What the manifest of one App says besides the permissions and events.
pub(super) struct Manifest<'a> {
    pub(super) name: &'a str,
    /// The address of the Context API.
    pub(super) api_url: &'a str,
    /// Where GitHub sends the browser when the App is registered.
    pub(super) redirect_url: &'a str,
    /// Whether other accounts than its owner may install it.
    pub(super) public: bool,
}

impl Manifest<'_> {
    pub(super) fn json(&self) -> Value {
        let permissions: serde_json::Map<String, Value> =
            PERMISSIONS.iter().map(|(name, level, _)| ((*name).to_owned(), json!(level))).collect();
        json!({
            "name": self.name,
            "url": self.api_url,
            "description": "Grades and labels issues and pull requests for the agents of a team (Deckwatch).",
            "hook_attributes": { "url": webhook_url(self.api_url), "active": true },
            "redirect_url": self.redirect_url,
            "public": self.public,
            "default_permissions": permissions,
            "default_events": EVENTS,
        })
    }
}

/// The address to which GitHub sends events.
pub(super) fn webhook_url(api_url: &str) -> String {
    format!("{}{WEBHOOK_PATH}", api_url.trim_end_matches('/'))
}

/// Whether a granted level is enough.
pub(super) fn is_enough(granted: Option<&str>, needed: &str) -> bool {
    let rank = |level: &str| ["read", "write", "admin"].iter().position(|known| *known == level);
    granted.and_then(rank) >= rank(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_level_is_enough_and_an_unknown_one_is_not() {
        for (granted, needed, expected) in [
            (Some("write"), "read", true),
            (Some("admin"), "write", true),
            (Some("read"), "write", false),
            (Some("none"), "read", false),
            (None, "read", false),
        ] {
            assert_eq!(is_enough(granted, needed), expected, "{granted:?} {needed}");
        }
    }
}
