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
        ("groups", json!({ "frontend": "lead", "reviewers": "member" }), json!({ "frontend/css": "member" })),
        ("public_key", json!(format!("{}=", "A".repeat(43))), json!(format!("{}=", "b".repeat(43)))),
        ("mode", json!("inbox"), json!("off")),
        ("dnd_until", json!("2999-01-01T00:00:00.000Z"), json!("2999-01-02T00:00:00.000Z")),
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
    // `agents` and `presence` test these.
    listed.extend(["epoch", "presence", "start_id", "machine_id", "take_over"].map(str::to_owned));
    listed.extend(["agent", "client", "host", "venture", "repo"].map(str::to_owned));
    let (start, patch) = (fields_of(&api, "StartDay").await, fields_of(&api, "UpdateSession").await);
    assert_eq!(&start | &patch, listed);
}

#[tokio::test]
async fn each_field_is_stored_kept_changed_and_cleared() {
    let api = Api::start().await;
    let (in_start, in_patch) = (fields_of(&api, "StartDay").await, fields_of(&api, "UpdateSession").await);
    for (field, first, second) in fields() {
        let agent = api.agent().await;
        let set = |value: &Value| Value::Object([(field.to_owned(), value.clone())].into_iter().collect());
        let started = agent.start_day(if in_start.contains(field) { set(&first) } else { json!({}) }).await;
        let id = started.of::<DayStarted>(201).session.id;
        if !in_start.contains(field) {
            let _: Session = agent.update_session(&id, set(&first)).await.of(200);
        }
        assert_eq!(json!(agent.session(&id).await)[field], first, "{field}");
        // The track selects the session.
        let again = if field == "track" { set(&first) } else { json!({}) };
        let resumed = agent.start_day(again).await;
        let _: DayStarted = resumed.of(200);
        assert_eq!(resumed.json()["session"][field], first, "{field}: a start of day without the field keeps it");
        if !in_patch.contains(field) {
            continue;
        }
        let cleared = match field {
            "meta" | "groups" => json!({}),
            "mode" => json!("push"),
            _ => Value::Null,
        };
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
