//! The JSON forms of GitHub's objects, with every field that its published schemas require.

mod app;
mod issue;
mod pull;
mod repo;
mod user;

use deckwatch_protocol::Timestamp;
use serde_json::Value;

pub(super) use app::{app, installation, installation_lite, permissions};
pub(super) use issue::{issue, label, labels};
pub(super) use pull::{files, pull};
pub(super) use repo::{full_repository, repository};
pub(super) use user::{account, organization, public};

/// The address of the web pages.
pub(super) const WEB: &str = "https://github.com";

/// A time as GitHub writes it, without fractions of a second.
pub(super) fn time(time: Timestamp) -> String {
    let text = time.to_string();
    let seconds = text.split('.').next().unwrap_or_default();
    format!("{}Z", seconds.trim_end_matches('Z'))
}

/// The id of an object in GraphQL.
pub(super) fn node_id(kind: &str, id: u64) -> String {
    format!("{kind}_stub{id}")
}

/// Adds the fields of another object. The macro for JSON takes only so many fields at once.
fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
