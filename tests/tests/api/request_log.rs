//! The trace that a request leaves: one row, whatever came of it.

use std::time::Duration;

use deckwatch_api::Row;
use deckwatch_protocol::{ErrorCode, Operation, Session};
use deckwatch_tests::{Api, Ask, Caller};
use serde_json::json;

/// The rows of a correlation id, as soon as there are `count`: some are written behind the answer.
async fn rows(api: &Api, correlation_id: &str, count: usize) -> Vec<Row> {
    let sql = "select * from request_log where correlation_id = ?1 order by id";
    let mut rows = Vec::new();
    for _ in 0..100 {
        rows = api.db_query(sql, json!([correlation_id])).await;
        if rows.len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(rows.len(), count, "{rows:?}");
    rows
}

#[tokio::test]
async fn a_write_is_logged_in_its_own_batch() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let response = agent.start_day(json!({})).await;
    let day: deckwatch_protocol::DayStarted = response.of(201);
    let row =
        &api.db_query("select * from request_log where correlation_id = ?1", json!([day.correlation_id])).await[0];
    assert_eq!((&row["operation"], &row["method"]), (&json!("start_day"), &json!("POST")));
    assert_eq!((&row["status"], &row["error_code"]), (&json!(201), &json!(null)));
    assert_eq!(row["actor_key_id"], day.session.actor_key_id);
}

#[tokio::test]
async fn reads_refusals_and_replays_are_logged_too() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let patch = Ask::of(Operation::UpdateSession).with(&session).json(&json!({}));
    agent.send(patch.clone()).await.of::<Session>(200);
    let requests = [
        (Ask::of(Operation::GetSession).with(&session), 200, json!(null)),
        (Ask::of(Operation::GetSession).with("x"), 404, json!("session_not_found")),
        (Ask::of(Operation::StartDay).json(&json!({})), 400, json!("invalid_request")),
        (Ask::of(Operation::PutVenture).with("x").json(&json!({ "name": "X" })), 403, json!("forbidden")),
        (patch, 200, json!(null)),
    ];
    for (ask, status, code) in requests {
        let response = agent.send(ask).await;
        assert_eq!(response.status, status, "{response}");
        let row = rows(&api, response.header("x-correlation-id").unwrap(), 1).await.remove(0);
        assert_eq!((&row["status"], &row["error_code"]), (&json!(status), &code));
        assert!(row["duration_ms"].as_u64().is_some(), "{row:?}");
    }
}

#[tokio::test]
async fn one_correlation_id_finds_every_request_that_used_it() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let id = agent.started().await.correlation_id;
    agent
        .send(Ask::of(Operation::GetSession).with("x").header("x-correlation-id", &id))
        .await
        .problem(ErrorCode::SessionNotFound);
    agent.send(Ask::of(Operation::ListVentures).header("x-correlation-id", &id)).await.of::<serde_json::Value>(200);
    let logged = rows(&api, &id, 3).await;
    let operations: std::collections::BTreeSet<&str> =
        logged.iter().map(|row| row["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["get_session", "list_ventures", "start_day"].into());
}
