//! A failing database: the errors for the caller, and the results of retries.

use deckwatch_api::fault::Outage;
use deckwatch_protocol::{ErrorCode, Operation};
use serde_json::json;

use crate::lab::{SECRET_WORDS, TestApi, Trouble, day_of, handoff_of};

#[tokio::test]
async fn an_unreachable_database_is_a_503_with_a_retry_time() {
    let lab = TestApi::new();
    lab.register_alpha().await;
    for operation in Operation::ALL.iter().filter(|operation| **operation != Operation::Openapi) {
        let body = (operation.method() != "GET").then(|| day_of("agent-1"));
        lab.expect_trouble(Trouble::Unreachable);
        let answer = lab.ask(*operation, ("x", ""), body.as_ref()).await;
        assert_eq!(answer.status, 503, "{}: {}", operation.id(), answer.text);
        assert_eq!(answer.json()["code"], json!(ErrorCode::DatabaseUnavailable));
        assert!(answer.headers.contains_key("retry-after"));
        assert!(!answer.text.contains(SECRET_WORDS), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_halted_database_and_health_report_the_cause_and_the_retry_time() {
    for (outage, message, longest) in [
        (Outage::DailyQuota, "00:00 UTC", 86_400),
        (Outage::Full, "is full", 300),
        (Outage::Broken, "damaged or read-only", 300),
    ] {
        let lab = TestApi::new();
        lab.register_alpha().await;
        lab.expect_trouble(Trouble::Outage(outage));
        let answer = lab.ask(Operation::StartDay, ("", ""), Some(&day_of("agent-1"))).await;
        let health = lab.ask(Operation::Health, ("", ""), None).await;
        for refused in [&answer, &health] {
            assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("database_unavailable")));
            assert!(refused.json()["detail"].as_str().unwrap().contains(message), "{}", refused.text);
            assert!(!refused.text.contains(SECRET_WORDS), "{}", refused.text);
            let seconds: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=longest).contains(&seconds), "{seconds}");
        }
        lab.trouble_ends();
        let after = lab.ask(Operation::StartDay, ("", ""), Some(&day_of("agent-1"))).await;
        assert_eq!(after.status, 201, "{}", after.text);
        assert_eq!(
            lab.ask(Operation::Health, ("", ""), None).await.status,
            200,
            "the write succeeded, so the outage is over"
        );
    }
}

#[tokio::test]
async fn a_failing_database_is_a_500_with_fixed_text() {
    let lab = TestApi::new();
    lab.register_alpha().await;
    for operation in Operation::ALL.iter().filter(|operation| **operation != Operation::Openapi) {
        let body = (operation.method() != "GET").then(|| day_of("agent-1"));
        lab.expect_trouble(Trouble::Fails);
        let answer = lab.ask(*operation, ("x", ""), body.as_ref()).await;
        assert_eq!(answer.status, 500, "{}: {}", operation.id(), answer.text);
        assert!(!answer.text.contains("secret_words"), "{}", answer.text);
        assert_eq!(answer.json()["correlation_id"].as_str(), answer.headers["x-correlation-id"].to_str().ok());
    }
}

#[tokio::test]
async fn a_retry_after_a_lost_answer_returns_it_and_writes_once() {
    let lab = TestApi::new();
    lab.register_alpha().await;
    let session = lab.start("agent-1").await;
    let writes = [
        (Operation::StartDay, String::new(), day_of("agent-2")),
        (Operation::CreateHandoff, String::new(), handoff_of(&session)),
        (Operation::UpdateSession, session.clone(), json!({ "branch": "b" })),
        (Operation::EndDay, String::new(), handoff_of(&session)),
        (Operation::PutVenture, "beta".to_owned(), json!({ "name": "Beta" })),
        (Operation::PutDoc, "alpha/api.md".to_owned(), json!({ "content": "# The API" })),
    ];
    for (operation, parameter, body) in writes {
        let key = lab.fresh_key();
        lab.expect_trouble(Trouble::BreaksAfterCommit);
        let lost = lab.ask_with(operation, (&parameter, ""), Some(&body), &key).await;
        assert_eq!(lost.status, 503, "{}", operation.id());
        let retry = lab.ask_with(operation, (&parameter, ""), Some(&body), &key).await;
        assert!((200..300).contains(&retry.status), "{}: {}", operation.id(), retry.text);
        assert_eq!(retry.headers["idempotent-replayed"], "true", "{}", operation.id());
    }
    let handoffs = lab.ask(Operation::ListHandoffs, ("", &format!("session_id={session}")), None).await;
    assert_eq!(handoffs.json()["total"], 2, "create_handoff and end_day made one handoff each");
}

#[tokio::test]
async fn an_outage_during_a_replay_is_a_503_and_the_next_retry_replays() {
    let lab = TestApi::new();
    lab.register_alpha().await;
    let key = lab.fresh_key();
    let first = lab.ask_with(Operation::StartDay, ("", ""), Some(&day_of("agent-1")), &key).await;
    lab.expect_trouble(Trouble::Unreachable);
    let during = lab.ask_with(Operation::StartDay, ("", ""), Some(&day_of("agent-1")), &key).await;
    assert_eq!(during.status, 503);
    let after = lab.ask_with(Operation::StartDay, ("", ""), Some(&day_of("agent-1")), &key).await;
    assert_eq!((after.status, &after.text), (first.status, &first.text));
}

#[tokio::test]
async fn a_request_is_answered_even_if_it_can_not_be_logged() {
    let lab = TestApi::new();
    let request = http::Request::builder()
        .uri("/v1/ventures")
        .header("authorization", "Bearer the-admin-key-of-the-lab")
        .body(deckwatch_api::CompleteBody::default())
        .unwrap();
    let answer = lab.app().handle(request).await;
    assert_eq!(answer.response.status(), 200);
    lab.expect_trouble(Trouble::Fails);
    lab.app().finish(answer.deferred).await;
}
