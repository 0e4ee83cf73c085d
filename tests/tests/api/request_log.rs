//! The request log: one row for each request, whatever its result.

use std::time::Duration;

use deckwatch_api::Row;
use deckwatch_protocol::{ErrorCode, LoggedRequest, Operation, Page, Session};
use deckwatch_tests::{Api, Caller, TestRequest};
use serde_json::json;

/// The rows of a correlation id. Waits until there are `count` rows, because some are written after the answer.
async fn rows(api: &Api, correlation_id: &str, count: usize) -> Vec<Row> {
    let sql = "select * from request_log where correlation_id = ?1 order by moment";
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
    let session = agent.started().await.session;
    let handoff = json!({ "session_id": session.id, "handoff": { "summary": "so far", "status": "in_progress" } });
    let response = agent.send(TestRequest::of(Operation::CreateHandoff).json(&handoff)).await;
    assert_eq!(response.status, 201, "{response}");
    let sql = "select * from request_log where correlation_id = ?1";
    let row = &api.db_query(sql, json!([response.header("x-correlation-id").unwrap()])).await[0];
    assert_eq!((&row["operation"], &row["method"]), (&json!("create_handoff"), &json!("POST")));
    assert_eq!((&row["status"], &row["error_code"]), (&json!(201), &json!(null)));
    assert_eq!(row["actor_key_id"], session.actor_key_id);
}

#[tokio::test]
async fn a_start_of_day_is_logged_once_after_its_answer() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let day: deckwatch_protocol::DayStarted = agent.start_day(json!({})).await.of(201);
    let row = rows(&api, &day.correlation_id, 1).await.remove(0);
    assert_eq!((&row["operation"], &row["method"]), (&json!("start_day"), &json!("POST")));
    assert_eq!((&row["status"], &row["error_code"]), (&json!(201), &json!(null)));
    assert_eq!(row["actor_key_id"], day.session.actor_key_id);
}

#[tokio::test]
async fn reads_refusals_and_replays_are_logged_too() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let patch = TestRequest::of(Operation::UpdateSession).with(&session).json(&json!({}));
    agent.send(patch.clone()).await.of::<Session>(200);
    let requests = [
        (TestRequest::of(Operation::GetSession).with(&session), 200, json!(null)),
        (TestRequest::of(Operation::GetSession).with("x"), 404, json!("session_not_found")),
        (TestRequest::of(Operation::StartDay).json(&json!({})), 400, json!("invalid_request")),
        (TestRequest::of(Operation::PutVenture).with("x").json(&json!({ "name": "X" })), 403, json!("forbidden")),
        (patch, 200, json!(null)),
        (TestRequest::at("GET", "/v1/nothing"), 404, json!("unknown_route")),
        (TestRequest::at("DELETE", "/v1/notes"), 405, json!("method_not_allowed")),
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
        .send(TestRequest::of(Operation::GetSession).with("x").header("x-correlation-id", &id))
        .await
        .problem(ErrorCode::SessionNotFound);
    agent
        .send(TestRequest::of(Operation::ListVentures).header("x-correlation-id", &id))
        .await
        .of::<serde_json::Value>(200);
    let logged = rows(&api, &id, 3).await;
    let operations: std::collections::BTreeSet<&str> =
        logged.iter().map(|row| row["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["get_session", "list_ventures", "start_day"].into());
}

async fn listed(api: &Api, query: &str) -> Page<LoggedRequest> {
    api.admin().send(TestRequest::of(Operation::ListRequests).query(query)).await.of(200)
}

#[tokio::test]
async fn an_admin_finds_requests_by_each_filter() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let day = agent.started().await;
    let id = &day.correlation_id;
    agent
        .send(TestRequest::of(Operation::GetSession).with("x").header("x-correlation-id", id))
        .await
        .problem(ErrorCode::SessionNotFound);
    rows(&api, id, 2).await;
    let by_id = listed(&api, &format!("correlation_id={id}")).await;
    assert_eq!((by_id.total, by_id.items.len()), (2, 2));
    assert!(by_id.items.is_sorted_by(|newer, older| newer.created_at >= older.created_at));
    let (actor, now) = (&day.session.actor_key_id, day.session.created_at);
    let (hour_ago, in_an_hour) = (now.plus_seconds(-3600), now.plus_seconds(3600));
    for (query, count) in [
        ("status=404".to_owned(), 1),
        ("operation=start_day&status=201".to_owned(), 1),
        ("operation=end_day".to_owned(), 0),
        (format!("actor={actor}"), 2),
        ("actor=nobody".to_owned(), 0),
        (format!("since={hour_ago}&until={in_an_hour}"), 2),
        (format!("since={in_an_hour}"), 0),
        (format!("until={hour_ago}"), 0),
        // The start belongs to the window, the end does not.
        (format!("operation=start_day&since={now}"), 1),
        (format!("operation=start_day&until={now}"), 0),
    ] {
        let page = listed(&api, &format!("correlation_id={id}&{query}")).await;
        assert_eq!((page.total, page.items.len()), (count, count as usize), "{query}");
    }
}

#[tokio::test]
async fn pages_of_the_log_contain_each_request_once() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let id = agent.started().await.correlation_id;
    for _ in 0..6 {
        let ask = TestRequest::of(Operation::ListVentures).header("x-correlation-id", &id);
        agent.send(ask).await.of::<serde_json::Value>(200);
    }
    rows(&api, &id, 7).await;
    let (mut seen, mut cursor) = (0, String::new());
    loop {
        let page = listed(&api, &format!("correlation_id={id}&limit=3{cursor}")).await;
        seen += page.items.len();
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, 7);
}

#[tokio::test]
async fn an_invalid_filter_is_named() {
    let api = Api::start().await;
    for (query, named) in [
        ("status=99", "/status"),
        ("status=x", "/status"),
        ("since=yesterday", "/since"),
        ("until=", "/until"),
        ("actor=%27%20or%201%3D1", "/actor"),
        ("correlation_id=", "/correlation_id"),
        ("operation=a%20b", "/operation"),
        ("limit=101", "/limit"),
        ("venture=alpha", "/venture"),
    ] {
        let ask = TestRequest::of(Operation::ListRequests).query(query);
        api.admin().send(ask).await.problem_at(ErrorCode::InvalidRequest, &[named]);
    }
}

#[tokio::test]
async fn an_unknown_route_is_counted_and_logged_without_an_operation() {
    let api = Api::start_limited(3).await;
    let agent = api.agent_nowhere();
    for (ask, code) in [
        (TestRequest::at("GET", "/v1/nothing"), ErrorCode::UnknownRoute),
        (TestRequest::at("PROPFIND", "/v1/notes"), ErrorCode::MethodNotAllowed),
    ] {
        let response = agent.send(ask).await;
        response.problem(code);
        assert!(response.header("x-ratelimit-reset").is_some(), "{response}");
        let row = rows(&api, response.header("x-correlation-id").unwrap(), 1).await.remove(0);
        assert_eq!((&row["operation"], &row["error_code"]), (&json!(null), &json!(code.as_str())));
    }
    agent.send(TestRequest::of(Operation::ListVentures)).await.of::<serde_json::Value>(200);
    agent.send(TestRequest::at("GET", "/v1/nothing")).await.problem(ErrorCode::RateLimited);
    let stranger = api.anonymous().send(TestRequest::at("GET", "/v1/nothing")).await;
    stranger.problem(ErrorCode::UnknownRoute);
    assert_eq!(rows(&api, stranger.header("x-correlation-id").unwrap(), 0).await.len(), 0);
}
