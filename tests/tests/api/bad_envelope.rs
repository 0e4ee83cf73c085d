//! Requests whose size, content type, query or address is wrong, and bytes that are not HTTP.

use std::time::Duration;

use deckwatch_protocol::operation::Tier;
use deckwatch_protocol::{ErrorCode, Operation, Session};
use deckwatch_tests::{Api, Caller, TestRequest};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::examples::ExampleRecords;

/// A start of day whose body has exactly `bytes` bytes.
fn day_of(ask: &TestRequest, bytes: usize) -> String {
    let text = ask.body().to_string();
    format!("{}{}}}", text.strip_suffix('}').unwrap(), " ".repeat(bytes - text.len()))
}

#[tokio::test]
async fn a_body_over_1_mib_is_too_large_with_and_without_its_length() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let ask = agent.ask_start_day(json!({}));
    let limit = deckwatch_protocol::operation::MAX_BODY_BYTES;
    for bytes in [limit + 1, 2 * limit] {
        let over = ask.clone().text(day_of(&ask, bytes));
        agent.send(over.clone()).await.problem(ErrorCode::PayloadTooLarge);
        agent.send(over.chunked()).await.problem(ErrorCode::PayloadTooLarge);
    }
    let sessions = "select count(*) as n from sessions where venture = ?1";
    assert_eq!(api.db_count(sessions, json!([agent.venture])).await, 0);
    let fits = ask.clone().text(day_of(&ask, limit));
    assert_eq!(agent.send(fits.chunked()).await.status, 201);
}

#[tokio::test]
async fn a_chunked_body_is_accepted() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let ask = agent.ask_start_day(json!({ "meta": { "k": "x".repeat(8000) } }));
    let first = agent.send(ask.clone().chunked()).await;
    assert_eq!(first.status, 201);
    let again = agent.send(ask).await;
    assert!(again.is_replay(), "it is the same request");
    assert_eq!(again.body, first.body);
}

#[tokio::test]
async fn only_json_is_accepted() {
    let records = ExampleRecords::new().await;
    let with_body = Operation::ALL.iter().copied().filter(|operation| operation.takes_body());
    let before = records.api.db_records_of(&records.agent.venture).await;
    let types = [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "multipart/form-data",
        "json",
        "*/*",
    ];
    for operation in with_body {
        let without = records.good(operation).without_content_type();
        records.send(operation, without).await.problem(ErrorCode::UnsupportedMediaType);
        for content_type in types {
            let ask = records.good(operation).header("content-type", content_type);
            records.send(operation, ask).await.problem(ErrorCode::UnsupportedMediaType);
        }
    }
    assert_eq!(records.api.db_records_of(&records.agent.venture).await, before);
    let parameter = records.good(Operation::UpdateSession).header("content-type", "Application/JSON; charset=utf-8");
    records.send(Operation::UpdateSession, parameter).await.of::<Session>(200);
}

#[tokio::test]
async fn an_unknown_query_parameter_is_refused_by_name() {
    let records = ExampleRecords::new().await;
    for operation in Operation::ALL.iter().copied().filter(|operation| operation.tier() != Tier::Public) {
        let ask = records.good(operation).and_query("dry_run=true");
        records.send(operation, ask).await.problem_at(ErrorCode::InvalidRequest, &["/dry_run"]);
    }
}

#[tokio::test]
async fn a_heartbeat_takes_no_body() {
    let records = ExampleRecords::new().await;
    let beat = records.good(Operation::Heartbeat);
    records
        .agent
        .send(beat.clone().json(&json!({ "branch": "x" })))
        .await
        .problem_at(ErrorCode::InvalidRequest, &["/branch"]);
    records.agent.send(beat.clone().text("{")).await.problem(ErrorCode::MalformedJson);
    records.agent.send(beat.json(&json!({}))).await.of::<Value>(200);
}

#[tokio::test]
async fn a_long_query_is_refused_and_a_long_path_is_unknown() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let query = TestRequest::of(Operation::ListSessions).query(format!("agent={}", "a".repeat(20_000)));
    agent.send(query).await.problem_at(ErrorCode::InvalidRequest, &["/agent"]);
    let path = TestRequest::of(Operation::GetSession).with("s".repeat(20_000));
    agent.send(path).await.problem(ErrorCode::SessionNotFound);
    let nowhere = TestRequest::at("GET", &format!("/{}", "x/".repeat(5000)));
    agent.send(nowhere).await.problem(ErrorCode::UnknownRoute);
}

#[tokio::test]
async fn a_problem_names_at_most_50_fields_and_reports_the_limit() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let many: serde_json::Map<String, Value> = (0..500).map(|n| (format!("f{n}"), json!(n))).collect();
    let response = agent.send(TestRequest::of(Operation::StartDay).json(&Value::Object(many))).await;
    let problem = response.problem(ErrorCode::InvalidRequest);
    assert_eq!(problem.errors.len(), 50);
    assert!(problem.detail.contains("50"), "{}", problem.detail);
    assert!(response.body.len() < 64 * 1024, "{} bytes", response.body.len());
}

#[tokio::test]
async fn the_very_long_name_of_an_unknown_field_is_truncated() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let ask = agent.ask_start_day(json!({ "n".repeat(100_000): 1 }));
    let response = agent.send(ask).await;
    response.problem(ErrorCode::InvalidRequest);
    assert!(response.body.len() < 4096, "{} bytes", response.body.len());
}

/// The status for bytes that an HTTP client would not send; 0 if the engine closes the connection without an answer.
async fn status_of(api: &Api, request: &[u8]) -> u16 {
    let address = api.url().strip_prefix("http://").unwrap().trim_end_matches('/');
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Ignore an error: the engine may close the connection before it has read everything.
    let _ = stream.write_all(request).await;
    let mut status = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut status)).await;
    if read.expect("the engine neither answered nor closed the connection").is_err() {
        return 0;
    }
    String::from_utf8_lossy(&status).split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap()
}

#[tokio::test]
async fn bytes_that_are_not_http_are_refused_and_the_engine_keeps_running() {
    let api = Api::start().await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(600_000));
    let requests: [&[u8]; 6] = [
        b"nonsense\r\n\r\n",
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
        b"POST /v1/sod HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/sod HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}",
        long.as_bytes(),
    ];
    for request in requests {
        let status = status_of(&api, request).await;
        let shown = String::from_utf8_lossy(&request[..request.len().min(60)]);
        // workerd refuses the request before the Worker sees it, sometimes with a 5xx.
        let refused = 400..if api.is_worker() { 600 } else { 500 };
        assert!(status == 0 || refused.contains(&status), "{status} to {shown:?}");
    }
    assert_eq!(status_of(&api, b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await, 200);
}
