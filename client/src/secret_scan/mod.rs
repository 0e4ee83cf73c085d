//! Scans requests for secrets before they are sent, and reports where a secret is.
//!
//! It knows the values that the launcher put into the environment. It also knows the formats of well-known secrets, which
//! it shares with the API (`deckwatch_secrets`).

mod injected;

use std::borrow::Cow;

use deckwatch_protocol::{HandoffDraft, Operation};
pub use deckwatch_secrets::{Finding, UnusableSecrets};
use deckwatch_secrets::{Scan, in_value};
use serde_json::{Value, json};

pub use self::injected::Injected;

/// Finds secrets in a request before it is sent. It has no `Debug`, because it holds the secret values.
pub struct SecretScan(Scan);

impl SecretScan {
    /// Creates a scan for the well-known kinds and for `injected`.
    pub fn new(injected: &Injected) -> Result<Self, UnusableSecrets> {
        Scan::new(injected.forms()).map(Self)
    }

    /// The secrets in the texts of a request: at most 8 findings, and only the first of each field.
    pub fn request(&self, operation: Operation, body: &Value) -> Vec<Finding> {
        match operation.id() {
            // Names of repositories and machines are not scanned for injected values, because a variable can hold such a
            // name.
            "put_venture" => in_value(body),
            "start_day" | "update_session" => {
                let meta = body.get("meta").map(|meta| self.0.in_value(meta, "/meta")).unwrap_or_default();
                if meta.is_empty() { in_value(body) } else { meta }
            }
            _ => self.0.in_value(body, ""),
        }
    }

    /// Scans a handoff as it is sent. Returns the findings if it contains a secret.
    pub(crate) fn handoff(&self, handoff: HandoffDraft) -> Result<ScannedHandoff, Vec<Finding>> {
        let findings = self.request(Operation::EndDay, &json!({ "handoff": handoff }));
        if findings.is_empty() { Ok(ScannedHandoff(handoff)) } else { Err(findings) }
    }

    /// The kind of the first secret in `text`, if any.
    pub fn text(&self, text: &str) -> Option<Cow<'static, str>> {
        self.0.in_text(text)
    }
}

/// A handoff without a secret. Only a scan creates one, so its text is scanned once on its way to the API.
#[derive(Debug, Clone)]
pub struct ScannedHandoff(HandoffDraft);

impl ScannedHandoff {
    /// The handoff.
    pub fn draft(&self) -> &HandoffDraft {
        &self.0
    }
}

#[cfg(test)]
mod tests;
