//! The scheduled sweep: the rows that it changes and deletes, and those that it keeps.

use deckwatch_protocol::{EndReason, Health, Operation, SessionStatus};
use deckwatch_tests::{Api, Caller, TestRequest, fresh};
use serde_json::json;

#[tokio::test]
async fn the_sweep_abandons_only_sessions_without_heartbeats() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let silent = agent.started().await.session.id;
    let alive = agent.colleague().started().await.session.id;
    api.db_silence(&silent, 46).await;
    api.db_silence(&alive, 44).await;
    api.sweep().await;
    let swept = agent.session(&silent).await;
    assert_eq!((swept.status, swept.end_reason), (SessionStatus::Abandoned, Some(EndReason::Stale)));
    assert!(swept.ended_at.is_some());
    assert_eq!(agent.session(&alive).await.status, SessionStatus::Active);
}

#[tokio::test]
async fn health_reports_the_last_sweep() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let silent = agent.started().await.session.id;
    api.db_silence(&silent, 46).await;
    api.sweep().await;
    let health: Health = api.anonymous().send(TestRequest::of(Operation::Health)).await.of(200);
    let run = health.last_sweep.unwrap();
    assert!(run.started_at > api.minutes_ago(1) && run.finished_at.unwrap() >= run.started_at, "{run:?}");
    // Another test may have run a sweep on the same engine in the meantime.
    assert!(!run.more && (api.is_worker() || run.sessions == 1), "{run:?}");
}

#[tokio::test]
async fn the_sweep_deletes_keys_of_earlier_days_and_log_rows_after_a_week() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (old, young) = (fresh("old-idempotency-key"), fresh("young-idempotency-key"));
    let mut correlation_ids = Vec::new();
    for key in [&old, &young] {
        let day: deckwatch_protocol::DayStarted =
            agent.send(agent.colleague().ask_start_day(json!({})).key(key)).await.of(201);
        correlation_ids.push(day.correlation_id);
    }
    api.after_answers().await;
    let expire =
        "update idempotency_keys set expires_at = ?1, expires_on = substr(?1, 1, 10) where idempotency_key = ?2";
    api.db_execute(expire, json!([api.minutes_ago(24 * 60), old])).await;
    let age = "update request_log set moment = replace(?1, ':', '') || '_' || correlation_id where correlation_id = ?2";
    api.db_execute(age, json!([api.minutes_ago(7 * 24 * 60 + 1), correlation_ids[0]])).await;
    api.db_execute(age, json!([api.minutes_ago(7 * 24 * 60 - 60), correlation_ids[1]])).await;
    api.sweep().await;
    let keys = "select count(*) as n from idempotency_keys where idempotency_key = ?1";
    let rows = "select count(*) as n from request_log where correlation_id = ?1";
    for (n, (key, correlation_id)) in [old, young].iter().zip(correlation_ids).enumerate() {
        let kept = n as u64;
        assert_eq!(api.db_count(keys, json!([key])).await, kept, "{key}");
        assert_eq!(api.db_count(rows, json!([correlation_id])).await, kept, "{key}");
    }
}

#[tokio::test]
async fn an_answer_can_be_replayed_longer_than_a_client_queues_a_write() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let key = fresh("idempotency-key");
    let ask: TestRequest = agent.ask_start_day(json!({})).key(&key);
    agent.send(ask).await.of::<deckwatch_protocol::DayStarted>(201);
    let sql = "select cast((julianday(expires_at) - julianday(created_at)) * 1440 + 0.5 as integer) as n
               from idempotency_keys where idempotency_key = ?1";
    let minutes = api.db_count(sql, json!([key])).await;
    assert!(minutes > 23 * 60, "{minutes} minutes");
}
