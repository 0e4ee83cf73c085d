//! Retries: requests with the same key and body have one effect and the same answer.

use deckwatch_protocol::operation::{Effect, Tier};
use deckwatch_protocol::{DayStarted, ErrorCode, Operation, Session, Venture};
use deckwatch_tests::{Api, Caller, TestRequest, fresh, overlay};
use serde_json::{Value, json};

use crate::examples::ExampleRecords;

fn writes() -> impl Iterator<Item = Operation> {
    Operation::ALL.iter().copied().filter(|operation| operation.effect() == Effect::Write)
}

#[tokio::test]
async fn every_write_replays_byte_for_byte_and_happens_once() {
    let records = ExampleRecords::new().await;
    for operation in writes() {
        let ask = records.good(operation);
        let first = records.send(operation, ask.clone()).await;
        ExampleRecords::check(operation, &first);
        let before = records.api.db_records_of(&records.agent.venture).await;
        for _ in 0..2 {
            let again = records.send(operation, ask.clone()).await;
            assert!(again.is_replay(), "{}", operation.id());
            ExampleRecords::check(operation, &again);
            assert_eq!(again.body, first.body, "{}", operation.id());
            assert_ne!(
                again.header("x-correlation-id"),
                first.header("x-correlation-id"),
                "the header must have the new correlation id"
            );
        }
        assert_eq!(records.api.db_records_of(&records.agent.venture).await, before, "{}", operation.id());
    }
}

#[tokio::test]
async fn every_write_refuses_a_key_that_was_used_for_another_request() {
    let records = ExampleRecords::new().await;
    let key = fresh("one-key-for-all");
    records.send(Operation::StartDay, records.good(Operation::StartDay).key(&key)).await.of::<DayStarted>(201);
    let before = records.api.db_records_of(&records.agent.venture).await;
    for operation in writes().filter(|operation| operation.tier() != Tier::Admin) {
        let refused = records.send(operation, records.good(operation).key(&key)).await;
        refused.problem(ErrorCode::IdempotencyKeyReused);
        assert!(!refused.is_replay());
    }
    assert_eq!(records.api.db_records_of(&records.agent.venture).await, before);
}

#[tokio::test]
async fn a_key_belongs_to_the_path_too() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let first = agent.started().await.session.id;
    let second = agent.colleague().started().await.session.id;
    let patch = TestRequest::of(Operation::UpdateSession).json(&json!({ "branch": "moved" }));
    agent.send(patch.clone().with(&first)).await.of::<Session>(200);
    agent.send(patch.with(&second)).await.problem(ErrorCode::IdempotencyKeyReused);
    assert_eq!(agent.session(&second).await.branch, None);
    let put = TestRequest::of(Operation::PutVenture).json(&json!({ "name": "V" }));
    api.admin().send(put.clone().with(fresh("one"))).await.of::<Venture>(201);
    api.admin().send(put.with(fresh("two"))).await.problem(ErrorCode::IdempotencyKeyReused);
}

#[tokio::test]
async fn each_actor_has_its_own_keys() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let key = fresh("a-shared-key");
    let first: DayStarted = agent.send(agent.ask_start_day(json!({})).key(&key)).await.of(201);
    let other = api.admin().send(agent.colleague().ask_start_day(json!({})).key(&key)).await;
    assert!(!other.is_replay());
    assert_ne!(other.of::<DayStarted>(201).session.id, first.session.id);
}

#[tokio::test]
async fn a_replay_returns_the_first_answer_after_later_changes() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let ask = agent.ask_start_day(json!({ "branch": "first" }));
    let first = agent.send(ask.clone()).await;
    let session = first.of::<DayStarted>(201).session.id;
    agent.update_session(&session, json!({ "branch": "second" })).await.of::<Session>(200);
    agent.colleague().started().await;
    agent.ended(&session).await;
    let again = agent.send(ask).await;
    assert_eq!((again.is_replay(), again.status, &again.body), (true, first.status, &first.body));
    assert_eq!(agent.session(&session).await.branch.unwrap().as_str(), "second");
}

#[tokio::test]
async fn an_expired_key_can_be_used_again() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let key = fresh("a-key-that-expires");
    let ask = agent.ask_start_day(json!({})).key(&key);
    agent.send(ask.clone()).await.of::<DayStarted>(201);
    let expire =
        "update idempotency_keys set expires_at = ?1, expires_on = substr(?1, 1, 10) where idempotency_key = ?2";
    api.db_execute(expire, json!([api.minutes_ago(1), key])).await;
    let again = agent.send(ask.clone()).await;
    assert!(!again.is_replay());
    again.of::<DayStarted>(200);
    assert!(agent.send(ask).await.is_replay());
}

#[tokio::test]
async fn a_refused_request_does_not_use_its_key() {
    let api = Api::start().await;
    let agent = api.agent_nowhere();
    let ask = agent.ask_start_day(json!({}));
    agent.send(ask.clone()).await.problem(ErrorCode::VentureNotRegistered);
    let put =
        TestRequest::of(Operation::PutVenture).with(&agent.venture).json(&json!({ "name": "Registered meanwhile" }));
    api.admin().send(put).await.of::<Venture>(201);
    let granted = agent.send(ask).await;
    assert!(!granted.is_replay());
    granted.of::<DayStarted>(201);
}

#[tokio::test]
async fn every_write_needs_a_key_of_16_to_200_visible_characters() {
    let records = ExampleRecords::new().await;
    let before = records.api.db_records_of(&records.agent.venture).await;
    let long = "k".repeat(201);
    let bad: [&[u8]; 8] = [
        b"",
        b"short",
        b"fifteen-letters",
        long.as_bytes(),
        b"with a space inside",
        b"tab\tinside-the-key",
        b"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
        b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe",
    ];
    for operation in writes() {
        let without = records.good(operation).without("idempotency-key");
        records.send(operation, without).await.problem(ErrorCode::IdempotencyKeyRequired);
        for key in bad {
            let ask = records.good(operation).header("idempotency-key", key);
            records.send(operation, ask).await.problem(ErrorCode::IdempotencyKeyRequired);
        }
    }
    assert_eq!(records.api.db_records_of(&records.agent.venture).await, before);
    for (n, length) in [16, 200].into_iter().enumerate() {
        let key = fresh("k").repeat(20)[..length].to_owned();
        let agent = records.agent.colleague();
        assert_eq!(agent.send(agent.ask_start_day(json!({})).key(&key)).await.status, 201, "{n}");
    }
}

#[tokio::test]
async fn reads_and_heartbeats_take_no_key() {
    let records = ExampleRecords::new().await;
    for operation in Operation::ALL.iter().copied().filter(|operation| operation.effect() != Effect::Write) {
        let plain = records.send(operation, records.good(operation)).await;
        ExampleRecords::check(operation, &plain);
        let keyed = records.good(operation).key("a-key-nobody-asked-for");
        assert!(!records.send(operation, keyed.clone()).await.is_replay());
        assert!(!records.send(operation, keyed).await.is_replay());
    }
}

#[tokio::test]
async fn the_same_json_in_other_bytes_is_another_request() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let ask = agent.ask_start_day(json!({}));
    agent.send(ask.clone()).await.of::<DayStarted>(201);
    let spaced = serde_json::to_string_pretty(&ask.body()).unwrap();
    agent.send(ask.clone().text(spaced)).await.problem(ErrorCode::IdempotencyKeyReused);
    let more: Value = overlay(ask.body(), json!({ "branch": null }));
    agent.send(ask.json(&more)).await.problem(ErrorCode::IdempotencyKeyReused);
}
