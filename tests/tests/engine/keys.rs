//! The keys in the settings of an engine: which keys it accepts, and how to replace a key.

use deckwatch_api::{CompleteBody, Engine, SETTINGS, Settings, SettingsError};
use deckwatch_server::{Embedded, Sqlite};
use http::Request;

const NEW: &str = "the-new-key-of-a-team";
const OLD: &str = "the-old-key-of-a-team";
const ADMIN: &str = "the-admin-key-of-a-team";

fn settings(vars: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let vars: Vec<(String, String)> = vars.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Settings::from_vars(Engine::Embedded, |name| {
        vars.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    })
}

/// The statuses of `list_ventures` and `list_tokens` with `key`, on an engine with these settings.
async fn statuses(vars: &[(&str, &str)], key: &str) -> (u16, u16) {
    let engine = Embedded::on(Sqlite::in_memory().unwrap(), settings(vars).unwrap());
    let ask = async |path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {key}"));
        engine.call(request.body(CompleteBody::default()).unwrap()).await.status().as_u16()
    };
    (ask("/v1/ventures").await, ask("/v1/tokens").await)
}

#[tokio::test]
async fn the_current_and_the_previous_key_are_both_accepted() {
    let changing = [("CONTEXT_API_KEY", NEW), ("CONTEXT_API_KEY_PREVIOUS", OLD), ("ADMIN_API_KEY", ADMIN)];
    assert_eq!(statuses(&changing, NEW).await, (200, 403));
    assert_eq!(statuses(&changing, OLD).await, (200, 403));
    let changed = [("CONTEXT_API_KEY", NEW), ("ADMIN_API_KEY", ADMIN)];
    assert_eq!(statuses(&changed, OLD).await, (401, 401));
    let admin = [("ADMIN_API_KEY", NEW), ("ADMIN_API_KEY_PREVIOUS", OLD)];
    assert_eq!(statuses(&admin, OLD).await, (200, 200));
    assert_eq!(statuses(&admin, NEW).await, (200, 200));
}

#[test]
fn both_tiers_can_not_have_the_same_key() {
    for (name, other) in [
        ("CONTEXT_API_KEY", "ADMIN_API_KEY"),
        ("CONTEXT_API_KEY_PREVIOUS", "ADMIN_API_KEY"),
        ("CONTEXT_API_KEY", "ADMIN_API_KEY_PREVIOUS"),
    ] {
        assert_eq!(settings(&[(name, NEW), (other, NEW)]).err(), Some(SettingsError::SameKeys), "{name} {other}");
    }
}

#[test]
fn every_setting_is_documented_and_reaches_the_local_worker() {
    let asked = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let settings = Settings::from_vars(Engine::Embedded, |name| {
        asked.borrow_mut().insert(name.to_owned());
        // With these values, the engine reads the settings that depend on them.
        let value = match name {
            "GITHUB_WEBHOOK_SECRET" => OLD,
            "CLASSIFIER_MODEL" => "a-model",
            "CLASSIFIER_MODEL_FORM" => "openai",
            "CLASSIFIER_MODEL_URL" => "https://model.example",
            "GITHUB_TOKEN" => NEW,
            _ => return None,
        };
        Some(value.to_owned())
    });
    assert!(settings.is_ok());
    let known: std::collections::BTreeSet<String> = SETTINGS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(asked.into_inner(), known, "SETTINGS lists every variable");
    let local = include_str!("../../../worker/local/serve.mjs");
    let documents = include_str!("../../../docs/operations.md");
    for name in SETTINGS {
        assert!(local.contains(&format!("\"{name}\"")), "worker/local/serve.mjs does not pass {name}");
        assert!(documents.contains(&format!("`{name}`")), "docs/operations.md does not describe {name}");
    }
}
