//! The keys that an engine is started with: which it takes, and how one is changed for another.

use deckwatch_api::{Engine, Settings, SettingsError, Whole};
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

/// What an engine with these settings answers to whoever lists the ventures, and the tokens, with `key`.
async fn statuses(vars: &[(&str, &str)], key: &str) -> (u16, u16) {
    let engine = Embedded::on(Sqlite::in_memory().unwrap(), settings(vars).unwrap());
    let ask = async |path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {key}"));
        engine.call(request.body(Whole::default()).unwrap()).await.status().as_u16()
    };
    (ask("/v1/ventures").await, ask("/v1/tokens").await)
}

#[tokio::test]
async fn a_key_and_the_one_before_it_are_both_taken_while_it_is_changed() {
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
fn no_key_is_of_both_tiers() {
    for (name, other) in [
        ("CONTEXT_API_KEY", "ADMIN_API_KEY"),
        ("CONTEXT_API_KEY_PREVIOUS", "ADMIN_API_KEY"),
        ("CONTEXT_API_KEY", "ADMIN_API_KEY_PREVIOUS"),
    ] {
        assert_eq!(settings(&[(name, NEW), (other, NEW)]).err(), Some(SettingsError::SameKeys), "{name} {other}");
    }
}
