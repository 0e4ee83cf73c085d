//! Unique names, and JSON that differs from a valid example in one place.

use std::time::Duration;

use deckwatch_api::Entropy;
use deckwatch_server::SystemEntropy;
use serde_json::Value;

/// A unique name: `<prefix>-<16 hexadecimal digits>`.
pub fn fresh(prefix: &str) -> String {
    let mut bytes = [0; 8];
    SystemEntropy.fill(&mut bytes);
    format!("{prefix}-{:016x}", u64::from_le_bytes(bytes))
}

/// A new random UUID.
pub fn fresh_uuid() -> String {
    let mut bytes = [0; 16];
    SystemEntropy.fill(&mut bytes);
    let digits = format!("{:032x}", u128::from_le_bytes(bytes));
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &digits[group]);
    groups.join("-")
}

/// `base` with the fields of `over` merged into it, recursively. A null in `over` is a value and removes nothing.
#[must_use]
pub fn overlay(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (field, value) in over {
                let merged = match base.remove(&field) {
                    Some(old) => overlay(old, value),
                    None => value,
                };
                base.insert(field, merged);
            }
            Value::Object(base)
        }
        (_, over) => over,
    }
}

/// `base` with `over` merged into its field `field`.
pub(crate) fn overlay_at(base: Value, field: &str, over: Value) -> Value {
    overlay(base, Value::Object([(field.to_owned(), over)].into_iter().collect()))
}

/// Waits until the clock has advanced, so that the next record gets a later id.
pub async fn a_moment_later() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}
