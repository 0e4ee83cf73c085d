//! Names that no other test has, and JSON that differs from a good example in one place.

use std::time::Duration;

use deckwatch_api::Entropy;
use deckwatch_server::SystemEntropy;
use serde_json::Value;

/// `<prefix>-<16 hexadecimal digits>`: a name of this test's own.
pub fn fresh(prefix: &str) -> String {
    let mut bytes = [0; 8];
    SystemEntropy.fill(&mut bytes);
    format!("{prefix}-{:016x}", u64::from_le_bytes(bytes))
}

/// `base` with the fields of `over` put in its place, objects field by field. A null is a value here.
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

/// `base` with `over` put into its field `field`.
pub(crate) fn overlay_at(base: Value, field: &str, over: Value) -> Value {
    overlay(base, Value::Object([(field.to_owned(), over)].into_iter().collect()))
}

/// Lets the clock move on, so that what is made next has a later id than what was made before.
pub async fn a_moment_later() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}
