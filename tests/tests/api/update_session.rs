//! `update_session`: the merge patch.

use deckwatch_protocol::{ErrorCode, Session};
use deckwatch_tests::Api;
use serde_json::{Value, json};

#[tokio::test]
async fn a_patch_sets_and_clears_fields_and_keeps_the_others() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let fields = json!({ "branch": "a", "commit_sha": "abcdef0", "issue_number": 1, "track": 3 });
    let session = agent.started_with(fields).await.session.id;
    let patches = [
        (json!({}), json!(["a", "abcdef0", 1, 3])),
        (json!({ "branch": "b" }), json!(["b", "abcdef0", 1, 3])),
        (json!({ "branch": null, "issue_number": null }), json!([null, "abcdef0", null, 3])),
        (json!({ "track": 0, "commit_sha": null }), json!([null, null, null, 0])),
        (json!({ "track": null, "issue_number": 9 }), json!([null, null, 9, null])),
    ];
    for (patch, expected) in patches {
        let response = agent.update_session(&session, patch.clone()).await;
        let updated: Session = response.of(200);
        assert_eq!(agent.session(&session).await, updated, "{patch}");
        let body = response.json();
        let stands = json!([body["branch"], body["commit_sha"], body["issue_number"], body["track"]]);
        assert_eq!(stands, expected, "{patch}");
    }
}

#[tokio::test]
async fn meta_is_merged_recursively_and_null_clears_it() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started_with(json!({ "meta": { "a": 1, "deep": { "x": 1, "y": 2 } } })).await.session.id;
    let patches = [
        (
            json!({ "meta": { "b": [1, 2], "deep": { "y": null, "z": 3 } } }),
            json!({ "a": 1, "b": [1, 2], "deep": { "x": 1, "z": 3 } }),
        ),
        (json!({ "meta": { "a": null, "deep": "flat" } }), json!({ "b": [1, 2], "deep": "flat" })),
        (json!({ "branch": "x" }), json!({ "b": [1, 2], "deep": "flat" })),
        (json!({ "meta": null }), json!({})),
    ];
    for (patch, expected) in patches {
        let response = agent.update_session(&session, patch.clone()).await;
        let _: Session = response.of(200);
        assert_eq!(response.json()["meta"], expected, "{patch}");
    }
}

#[tokio::test]
async fn meta_that_exceeds_8_kib_after_merging_is_refused_by_name() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let half: Value = json!("x".repeat(5000));
    let session = agent.started_with(json!({ "meta": { "a": half } })).await.session.id;
    let before = api.db_records_of(&agent.venture).await;
    let patch = json!({ "branch": "also", "meta": { "b": half } });
    agent.update_session(&session, patch).await.problem_at(ErrorCode::PayloadTooLarge, &["/meta"]);
    agent.start_day(json!({ "meta": { "b": half } })).await.problem_at(ErrorCode::PayloadTooLarge, &["/meta"]);
    assert_eq!(api.db_records_of(&agent.venture).await, before);
}

#[tokio::test]
async fn an_update_is_a_heartbeat() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    api.db_silence(&session, 46).await;
    let updated: Session = agent.update_session(&session, json!({})).await.of(200);
    assert!(updated.last_heartbeat_at > api.minutes_ago(1));
}

#[tokio::test]
async fn a_session_can_not_move_to_a_track_on_which_its_agent_has_another_session() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let plain = agent.started().await.session.id;
    agent.started_with(json!({ "track": 0 })).await;
    agent.update_session(&plain, json!({ "track": 0 })).await.problem(ErrorCode::SessionConflict);
    let moved: Session = agent.update_session(&plain, json!({ "track": 1 })).await.of(200);
    assert_eq!(moved.track.map(deckwatch_protocol::Track::get), Some(1));
}

#[tokio::test]
async fn all_invalid_fields_of_a_patch_are_named_together() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let patch =
        json!({ "branch": "", "commit_sha": "XYZ", "issue_number": 0, "track": -1, "meta": [], "status": "ended" });
    let named = ["/branch", "/commit_sha", "/issue_number", "/track", "/meta", "/status"];
    agent.update_session(&session, patch).await.problem_at(ErrorCode::InvalidRequest, &named);
}
