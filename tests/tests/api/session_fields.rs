//! The fields of a session that a request can set: one row each.

use std::collections::BTreeSet;

use deckwatch_protocol::{DayStarted, Operation, Session};
use deckwatch_tests::{Api, Caller, TestRequest};
use serde_json::{Value, json};

/// The name of each field and two values. The fields that identify the session are not listed.
fn fields() -> Vec<(&'static str, Value, Value)> {
    vec![
        ("client_version", json!("2.1.329"), json!("2.1.330")),
        ("client_session_id", json!("9f0c"), json!("9f0d")),
        ("track", json!(0), json!(1)),
        ("issue_number", json!(87), json!(88)),
        ("branch", json!("dev/mac1/fix-😀"), json!("main")),
        ("commit_sha", json!("0123abc"), json!("4567def")),
        ("meta", json!({ "nested": [1, 2.5, null, true] }), json!({ "nested": "é" })),
    ]
}

/// The fields of a request, from the OpenAPI document.
async fn fields_of(api: &Api, request: &str) -> BTreeSet<String> {
    let document: Value = api.anonymous().send(TestRequest::of(Operation::Openapi)).await.of(200);
    document["components"]["schemas"][request]["properties"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn every_field_has_a_row() {
    let api = Api::start().await;
    let mut listed: BTreeSet<String> = fields().into_iter().map(|(field, ..)| field.to_owned()).collect();
    assert!(fields_of(&api, "UpdateSession").await.is_subset(&listed));
    listed.extend(["agent", "client", "host", "venture", "repo"].map(str::to_owned));
    assert_eq!(fields_of(&api, "StartDay").await, listed);
}

#[tokio::test]
async fn each_field_is_stored_kept_changed_and_cleared() {
    let api = Api::start().await;
    let in_patch = fields_of(&api, "UpdateSession").await;
    for (field, first, second) in fields() {
        let agent = api.agent().await;
        let set = |value: &Value| Value::Object([(field.to_owned(), value.clone())].into_iter().collect());
        let started = agent.start_day(set(&first)).await;
        let id = started.of::<DayStarted>(201).session.id;
        assert_eq!(started.json()["session"][field], first, "{field}");
        // The track selects the session.
        let again = if field == "track" { set(&first) } else { json!({}) };
        let resumed = agent.start_day(again).await;
        let _: DayStarted = resumed.of(200);
        assert_eq!(resumed.json()["session"][field], first, "{field}: a start of day without the field keeps it");
        if !in_patch.contains(field) {
            continue;
        }
        let cleared = if field == "meta" { json!({}) } else { Value::Null };
        for (patch, expected) in
            [(json!({}), &first), (set(&second), &second), (json!({}), &second), (set(&Value::Null), &cleared)]
        {
            let changed = agent.update_session(&id, patch.clone()).await;
            let session: Session = changed.of(200);
            assert_eq!(&changed.json()[field], expected, "{field}: {patch}");
            assert_eq!(agent.session(&id).await, session, "{field}: {patch}");
        }
    }
}
