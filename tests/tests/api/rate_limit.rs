//! Rate limits: each actor has its own count, and a request over the limit has no effect.

use std::collections::BTreeMap;

use deckwatch_protocol::{ErrorCode, Operation};
use deckwatch_tests::{Agent, Api, Caller, Response, TestRequest, fresh};
use serde_json::json;

const LIMIT: u32 = 5;

/// Sends requests until one minute's window is over its limit, and returns the answers of that window. Groups the
/// answers by window, because a minute may end in between.
async fn exhaust(agent: &Agent, ask: impl Fn() -> TestRequest) -> Vec<Response> {
    let mut windows: BTreeMap<String, Vec<Response>> = BTreeMap::new();
    for _ in 0..=2 * LIMIT {
        let response = agent.send(ask()).await;
        let window =
            response.header("x-ratelimit-reset").expect("an answer has no x-ratelimit-reset header").to_owned();
        windows.entry(window).or_default().push(response);
    }
    windows.into_values().max_by_key(Vec::len).unwrap()
}

#[tokio::test]
async fn the_request_over_the_limit_is_refused_until_the_minute_ends() {
    let api = Api::start_limited(LIMIT).await;
    let agent = api.agent_nowhere();
    let window = exhaust(&agent, || TestRequest::of(Operation::ListVentures)).await;
    for (n, response) in window.iter().enumerate() {
        let left = LIMIT.saturating_sub(u32::try_from(n).unwrap() + 1);
        assert_eq!(response.header("x-ratelimit-remaining"), Some(left.to_string().as_str()), "{n}: {response}");
        assert_eq!(response.header("ratelimit-policy"), Some(format!("\"minute\";q={LIMIT};w=60").as_str()));
        let state = response.header("ratelimit").unwrap();
        assert!(state.starts_with(&format!("\"minute\";r={left};t=")), "{state}");
        if n < LIMIT as usize {
            assert_eq!(response.status, 200, "{response}");
        } else {
            response.problem(ErrorCode::RateLimited);
            let wait: u32 = response.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
    }
}

#[tokio::test]
async fn a_request_over_the_limit_has_no_effect() {
    let api = Api::start_limited(LIMIT).await;
    let agent = api.agent().await;
    let key = fresh("a-key-over-the-limit");
    let window = exhaust(&agent, || agent.colleague().ask_start_day(json!({}))).await;
    let granted = window.iter().filter(|response| response.status == 201).count();
    assert_eq!(granted, LIMIT as usize);
    let refused = agent.send(agent.ask_start_day(json!({})).key(&key)).await;
    if refused.status == 429 {
        let sessions = "select count(*) as n from sessions where agent = ?1";
        assert_eq!(api.db_count(sessions, json!([agent.name])).await, 0);
        let keys = "select count(*) as n from idempotency_keys where idempotency_key = ?1";
        assert_eq!(api.db_count(keys, json!([key])).await, 0);
    }
}

#[tokio::test]
async fn refused_requests_count_too() {
    let api = Api::start_limited(LIMIT).await;
    let agent = api.agent_nowhere();
    let asks: [fn(&Agent) -> TestRequest; 4] = [
        |_| TestRequest::of(Operation::ListVentures).query("limit=0"),
        |_| TestRequest::of(Operation::GetSession).with("sess_x"),
        |agent| agent.ask_start_day(json!({})),
        |agent| agent.ask_start_day(json!({})).without("idempotency-key"),
    ];
    for ask in asks {
        let window = exhaust(&agent, || ask(&agent)).await;
        assert!(window.iter().any(|response| response.status == 429), "{}", window[0]);
    }
}

#[tokio::test]
async fn an_agent_over_its_limit_does_not_throttle_others() {
    let api = Api::start_limited(LIMIT).await;
    let agent = api.agent_nowhere();
    exhaust(&agent, || TestRequest::of(Operation::ListVentures)).await;
    let other = api.admin().send(TestRequest::of(Operation::ListVentures)).await;
    assert_eq!((other.status, other.header("x-ratelimit-remaining")), (200, Some("4")));
    assert_eq!(api.anonymous().send(TestRequest::of(Operation::Health)).await.status, 200);
}

#[tokio::test]
async fn public_answers_and_answers_without_a_key_have_no_window() {
    let api = Api::start_limited(LIMIT).await;
    for _ in 0..2 * LIMIT {
        let health = api.anonymous().send(TestRequest::of(Operation::Health)).await;
        assert_eq!((health.status, health.header("ratelimit")), (200, None));
        let stranger = api.anonymous().send(TestRequest::of(Operation::ListVentures)).await;
        assert_eq!((stranger.status, stranger.header("ratelimit")), (401, None));
    }
}
