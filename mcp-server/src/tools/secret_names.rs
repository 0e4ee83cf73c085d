//! Finds names of arguments that contain a secret. An error that names a field must not repeat the secret.

use std::sync::LazyLock;

use deckwatch_client::secret_scan::{Injected, SecretScan};
use deckwatch_protocol::{Violation, Violations};
use rmcp::model::JsonObject;
use serde_json::Value;

use crate::environment::Environment;

const MASK: &str = "(a name that holds a secret)";

/// Scans for the secrets that the launcher put into this process's environment, and for known kinds of secrets.
static SCAN: LazyLock<Option<SecretScan>> = LazyLock::new(|| {
    let environment = Environment::of_this_process();
    SecretScan::new(&Injected::from_vars(|name| environment.var(name))).ok()
});

/// Names of arguments that an answer must not repeat.
pub(super) struct SecretNames(Vec<String>);

impl SecretNames {
    /// The names in these arguments that contain a secret, at any depth.
    pub(super) fn of(arguments: &JsonObject) -> Self {
        let mut found = Vec::new();
        collect(arguments, &mut found);
        Self(found)
    }

    /// The violations with these names masked.
    pub(super) fn masked(&self, mut violations: Violations) -> Violations {
        for Violation { pointer, .. } in &mut violations.0 {
            let masked = |segment| if self.0.iter().any(|name| is_name(segment, name)) { MASK } else { segment };
            *pointer = pointer.split('/').map(masked).collect::<Vec<_>>().join("/");
        }
        violations
    }
}

/// Whether a text contains a secret. Also true if the scanner can't be built.
pub(super) fn holds_secret(text: &str) -> bool {
    SCAN.as_ref().is_none_or(|scan| scan.text(text).is_some())
}

fn collect(object: &JsonObject, found: &mut Vec<String>) {
    for (name, value) in object {
        if holds_secret(name) {
            found.push(name.replace('~', "~0").replace('/', "~1"));
        }
        collect_below(value, found);
    }
}

fn collect_below(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => collect(object, found),
        Value::Array(items) => items.iter().for_each(|item| collect_below(item, found)),
        _ => {}
    }
}

/// Whether a segment of a pointer is this name. A pointer shows only the beginning of a long name.
fn is_name(segment: &str, name: &str) -> bool {
    const SHOWN: usize = 64;
    segment == name || (segment.chars().count() >= SHOWN && name.starts_with(segment))
}
