//! Large payloads: a payload that is not stored with its key is part of the replay, byte for byte.

use deckwatch_protocol::{DayEnded, DayStarted, ErrorCode, Handoff, HandoffPayload, Operation};
use deckwatch_tests::{Api, Caller, TestRequest};
use serde_json::{Value, json};

/// A handoff whose payload has about `bytes` bytes.
fn handoff_of(bytes: usize) -> Value {
    let step = "😀 é \"quoted\"\n".repeat(100);
    let steps = (bytes / 10 / step.len()).min(190);
    json!({ "next_steps": vec![step.as_str(); steps], "extra": { "blob": "x".repeat(bytes - steps * step.len()) } })
}

#[tokio::test]
async fn a_large_handoff_replays_byte_for_byte_after_the_session_changed() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    for bytes in [60_000, 70_000, 300_000] {
        let ask = agent.ask_create_handoff(&session, handoff_of(bytes));
        let first = agent.send(ask.clone()).await;
        let handoff: Handoff = first.of(201);
        assert!(handoff.payload.is_some());
        agent.update_session(&session, json!({ "branch": format!("b{bytes}"), "track": bytes })).await.of::<Value>(200);
        agent.create_handoff(&session, json!({})).await.of::<Handoff>(201);
        let again = agent.send(ask).await;
        assert!(again.is_replay());
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        let read: Handoff = agent.send(TestRequest::of(Operation::GetHandoff).with(&handoff.id)).await.of(200);
        assert_eq!(read, handoff);
    }
}

#[tokio::test]
async fn the_end_of_a_day_with_a_large_handoff_replays_byte_for_byte() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let ask = agent.ask_end_day(&session, handoff_of(200_000));
    let first = agent.send(ask.clone()).await;
    let ended: DayEnded = first.of(200);
    agent.started().await;
    let again = agent.send(ask).await;
    assert!(again.is_replay());
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    let other_key: DayEnded = agent.end_day(&session, json!({})).await.of(200);
    assert_eq!(other_key.handoff, ended.handoff, "the answer must be the first result, with its payload");
}

#[tokio::test]
async fn the_start_of_a_day_that_shows_a_large_handoff_replays_byte_for_byte() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let ended: DayEnded = agent.end_day(&session, handoff_of(200_000)).await.of(200);
    let ask = agent.ask_start_day(json!({}));
    let first = agent.send(ask.clone()).await;
    let day: DayStarted = first.of(201);
    assert_eq!(day.last_handoff, Some(ended.handoff));
    agent.update_session(&day.session.id, json!({ "branch": "later" })).await.of::<Value>(200);
    agent.ended(&day.session.id).await;
    let again = agent.send(ask).await;
    assert!(again.is_replay());
    assert_eq!((again.status, &again.body), (first.status, &first.body));
}

#[tokio::test]
async fn an_answer_of_64_kib_or_more_is_not_stored() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let ask = agent.ask_create_handoff(&session, handoff_of(300_000)).key("key-of-a-large-handoff");
    agent.send(ask).await.of::<Handoff>(201);
    let sql = "select max(length(response_json)) as n from idempotency_keys where payload_handoff_id in
               (select id from handoffs where session_id = ?1)";
    assert!(api.db_count(sql, json!([session])).await < 64 * 1024);
}

#[tokio::test]
async fn a_payload_may_have_at_most_800_kib() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let empty: Handoff = agent.create_handoff(&session, json!({ "extra": { "b": "" } })).await.of(201);
    let room = HandoffPayload::MAX_BYTES - usize::try_from(empty.payload_size_bytes).unwrap();
    let full = json!({ "extra": { "b": "x".repeat(room) } });
    let handoff: Handoff = agent.create_handoff(&session, full).await.of(201);
    assert_eq!(usize::try_from(handoff.payload_size_bytes).unwrap(), HandoffPayload::MAX_BYTES);
    let before = api.db_records_of(&agent.venture).await;
    let over = json!({ "extra": { "b": "x".repeat(room + 1) } });
    agent.create_handoff(&session, over.clone()).await.problem_at(ErrorCode::PayloadTooLarge, &["/handoff"]);
    agent.end_day(&session, over).await.problem_at(ErrorCode::PayloadTooLarge, &["/handoff"]);
    assert_eq!(api.db_records_of(&agent.venture).await, before);
}
