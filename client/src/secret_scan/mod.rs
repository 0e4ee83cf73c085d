//! Keeps secrets on this machine: looks through what is about to be sent and says where one stands.
//!
//! It knows the values that the launcher put into the environment, and with the API the shapes of well-known kinds
//! (`deckwatch_secrets`).

mod injected;

use std::borrow::Cow;

use deckwatch_protocol::Operation;
pub use deckwatch_secrets::{Finding, UnusableSecrets};
use deckwatch_secrets::{Scan, in_value};
use serde_json::Value;

pub use self::injected::Injected;

/// Finds secrets in a request before it is sent. It has no `Debug`, as it holds the values that it looks for.
pub struct SecretScan(Scan);

impl SecretScan {
    /// A scan for the known kinds and for `injected`.
    pub fn new(injected: &Injected) -> Result<Self, UnusableSecrets> {
        Scan::new(injected.forms()).map(Self)
    }

    /// What stands in the texts of a request, at most 8 findings, the first of each field.
    pub fn request(&self, operation: Operation, body: &Value) -> Vec<Finding> {
        match operation.id() {
            // What git and the machine are called is no free text: a variable may well hold a repository's name.
            "put_venture" => in_value(body),
            "start_day" | "update_session" => {
                let meta = body.get("meta").map(|meta| self.0.in_value(meta, "/meta")).unwrap_or_default();
                if meta.is_empty() { in_value(body) } else { meta }
            }
            _ => self.0.in_value(body, ""),
        }
    }

    /// The kind of the first secret in `text`, if there is one.
    pub fn text(&self, text: &str) -> Option<Cow<'static, str>> {
        self.0.in_text(text)
    }
}

#[cfg(test)]
mod tests;
