//! What the webhook refuses, and what it ignores.

use std::time::{Duration, Instant};

use deckwatch_protocol::ErrorCode;
use deckwatch_tests::github_stub::{Delivery, signature};
use deckwatch_tests::{Api, Caller, Response, TestRequest, Wire};
use serde_json::{Value, json};

use super::{Lab, REPO, SECRET};

const PATH: &str = "/webhooks/github";

/// The request of a delivery.
fn ask(delivery: &Delivery) -> TestRequest {
    let ask = TestRequest::at("POST", PATH).text(delivery.body());
    delivery.headers().into_iter().fold(ask, |ask, (name, value)| ask.header(name, value))
}

/// A request with this event and body, signed.
fn signed(event: &str, id: &str, body: impl Into<Vec<u8>>) -> TestRequest {
    let body = body.into();
    let signature = signature(SECRET, &body);
    let ask = TestRequest::at("POST", PATH).text(body).header("x-hub-signature-256", signature);
    ask.header("x-github-event", event).header("x-github-delivery", id)
}

async fn send(lab: &Lab, ask: TestRequest) -> Response {
    lab.api.anonymous().send(ask).await
}

async fn stored(lab: &Lab) -> u64 {
    lab.api.db_count("select count(*) as n from github_deliveries", json!([])).await
}

#[tokio::test]
async fn a_delivery_without_a_valid_signature_is_refused_and_not_stored() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    let delivery = lab.github.edit(|world| world.issue_event("opened", REPO, number, &json!({})));
    let good = delivery.signature();
    let body = delivery.body();
    let sha1 = "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6";
    for (name, wrong) in [
        ("no signature", ask(&delivery).without("x-hub-signature-256")),
        ("sha1 alone", ask(&delivery).without("x-hub-signature-256").header("x-hub-signature", sha1)),
        ("sha1 in its place", ask(&delivery).header("x-hub-signature-256", sha1)),
        ("another secret", ask(&delivery).header("x-hub-signature-256", signature("another-secret-of-a-test", &body))),
        ("the secret of no one", ask(&delivery).header("x-hub-signature-256", signature("", &body))),
        ("upper case", ask(&delivery).header("x-hub-signature-256", good.to_uppercase().replace("SHA256", "sha256"))),
        ("two headers", ask(&delivery).another("x-hub-signature-256", &good)),
        (
            "a wrong and a right one",
            ask(&delivery)
                .header("x-hub-signature-256", format!("sha256={}", "0".repeat(64)))
                .another("x-hub-signature-256", &good),
        ),
        ("cut", ask(&delivery).header("x-hub-signature-256", &good[..good.len() - 2])),
        ("longer", ask(&delivery).header("x-hub-signature-256", format!("{good}00"))),
        ("no name", ask(&delivery).header("x-hub-signature-256", good.trim_start_matches("sha256="))),
        ("a changed body", ask(&delivery).text(String::from_utf8_lossy(&body).replace("opened", "closed"))),
        ("a longer body", ask(&delivery).text([&body[..], b" "].concat())),
        ("an empty body", ask(&delivery).text("")),
        (
            "an admin's key",
            ask(&delivery)
                .without("x-hub-signature-256")
                .header("authorization", format!("Bearer {}", lab.api.admin_key())),
        ),
    ] {
        let response = send(&lab, wrong).await;
        assert_eq!(response.status, 401, "{name}: {response}");
        response.problem(ErrorCode::Unauthorized);
        assert!(!response.to_string().contains(good.trim_start_matches("sha256=")), "{name}");
    }
    assert_eq!(stored(&lab).await, 0);
    assert_eq!(send(&lab, ask(&delivery)).await.status, 202);
    // In chunks, the body and so the signature are the same.
    assert_eq!(send(&lab, ask(&delivery).chunked().header("x-github-delivery", "in-chunks")).await.status, 202);
}

#[tokio::test]
async fn both_secrets_are_accepted_while_one_is_changed() {
    let old = "the-old-secret-of-a-test";
    let lab = Lab::with(|_| vec![("GITHUB_WEBHOOK_SECRET_PREVIOUS", old.to_owned())]).await;
    let number = lab.issue("One", "", &[]);
    let delivery = lab.github.edit(|world| world.issue_event("opened", REPO, number, &json!({})));
    let with_old = ask(&delivery).header("x-hub-signature-256", signature(old, &delivery.body()));
    assert_eq!(send(&lab, with_old).await.json()["outcome"], "accepted");
    assert_eq!(send(&lab, ask(&delivery)).await.json()["outcome"], "repeated");
}

#[tokio::test]
async fn a_payload_above_the_limit_is_refused_with_and_without_its_length() {
    let lab = Lab::new().await;
    let limit = 2 * 1024 * 1024;
    let large = format!("{{\"action\":\"opened\"{}}}", " ".repeat(limit));
    send(&lab, signed("issues", "large", large).chunked()).await.problem(ErrorCode::PayloadTooLarge);
    // The announced length is enough: the body is not read.
    let mut wire = Wire::to(&lab.api).await;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-github-event: issues\r\n\
         x-github-delivery: large\r\nx-hub-signature-256: sha256=00\r\ncontent-length: {}\r\n\r\n",
        limit + 1
    );
    wire.send(head.as_bytes()).await;
    wire.answer().await.unwrap().problem(ErrorCode::PayloadTooLarge);
    let below = format!("{{\"action\":\"starred\"{}}}", " ".repeat(2 * 1024 * 1024 - 100));
    assert_eq!(send(&lab, signed("issues", "below", below).chunked()).await.json()["outcome"], "ignored");
}

#[tokio::test]
async fn what_the_classifier_does_not_use_is_accepted_and_ignored() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &["qa:1"]);
    let ping = lab.github.edit(|world| world.ping(REPO));
    for (name, ask) in [
        ("a ping", signed("ping", &ping.id, ping.body())),
        ("an unknown event", signed("a_new_event", "new", "{}")),
        ("an event that is no JSON", signed("push", "push", "x")),
        ("an unknown action", signed("issues", "action", r#"{"action":"a_new_action"}"#)),
        ("no action", signed("issues", "none", "{}")),
        ("a label of the classifier, set by a program", {
            let event = lab.github.edit(|world| {
                world.issue_event("labeled", REPO, number, &json!({ "label": "qa:1", "sender": "deckwatch[bot]" }))
            });
            ask(&event)
        }),
        ("an archived repository", {
            let event = lab.github.edit(|world| {
                world.repo(REPO).archived = true;
                world.issue_event("opened", REPO, number, &json!({}))
            });
            ask(&event)
        }),
    ] {
        let answer: Value = send(&lab, ask).await.of(202);
        assert_eq!(answer["outcome"], "ignored", "{name}: {answer}");
        assert!(answer["because"].as_str().is_some_and(|why| !why.is_empty()), "{name}");
    }
    assert_eq!(stored(&lab).await, 0);
}

#[tokio::test]
async fn a_request_that_is_no_delivery_says_what_is_wrong() {
    let lab = Lab::new().await;
    let good = || signed("issues", "id", "{}");
    let payload = |body: Value| signed("issues", "id", body.to_string());
    let valid = json!({ "action": "opened", "repository": { "full_name": REPO }, "issue": { "number": 1 }, "sender": { "login": "ann" } });
    let without = |field: &str| {
        let mut body = valid.clone();
        body.as_object_mut().unwrap().remove(field);
        payload(body)
    };
    let named = |name: &str| payload(overlaid(&valid, "repository", json!({ "full_name": name })));
    for (ask, code, said) in [
        (good().without("x-github-event"), ErrorCode::InvalidRequest, "X-GitHub-Event"),
        (good().header("x-github-event", "a b"), ErrorCode::InvalidRequest, "X-GitHub-Event"),
        (good().without("x-github-delivery"), ErrorCode::InvalidRequest, "X-GitHub-Delivery"),
        (good().header("x-github-delivery", "x".repeat(101)), ErrorCode::InvalidRequest, "X-GitHub-Delivery"),
        (
            good().header("content-type", "application/x-www-form-urlencoded"),
            ErrorCode::UnsupportedMediaType,
            "application/json",
        ),
        (signed("issues", "id", "x"), ErrorCode::MalformedJson, "payload"),
        (signed("issues", "id", "[".repeat(100_000)), ErrorCode::MalformedJson, "payload"),
        (without("repository"), ErrorCode::MalformedJson, "repository"),
        (without("issue"), ErrorCode::MalformedJson, "issue"),
        (without("sender"), ErrorCode::MalformedJson, "sender"),
        (named("alpha"), ErrorCode::MalformedJson, "full_name"),
        (named("a/b/c"), ErrorCode::MalformedJson, "full_name"),
        (named("../../x"), ErrorCode::MalformedJson, "full_name"),
        (named("a/b?x=1"), ErrorCode::MalformedJson, "full_name"),
        (payload(overlaid(&valid, "issue", json!({ "number": 0 }))), ErrorCode::MalformedJson, "number"),
        (TestRequest::at("GET", PATH), ErrorCode::MethodNotAllowed, "POST"),
    ] {
        let shown = format!("{ask:?}");
        let response = send(&lab, ask).await;
        let problem = response.problem(code);
        assert!(problem.detail.contains(said), "{shown}: {response}");
    }
    assert_eq!(stored(&lab).await, 0);
}

fn overlaid(value: &Value, field: &str, with: Value) -> Value {
    let mut value = value.clone();
    value[field] = with;
    value
}

#[tokio::test]
async fn an_engine_without_a_secret_has_no_webhook() {
    let api = Api::start_with(&[]).await;
    let response = api.anonymous().send(signed("issues", "id", "{}")).await;
    assert!(response.problem(ErrorCode::UnknownRoute).detail.contains("GITHUB_WEBHOOK_SECRET"), "{response}");
}

#[tokio::test]
async fn a_wrong_setting_turns_off_the_webhook_and_nothing_else() {
    let api = Api::start_with(&[("GITHUB_WEBHOOK_SECRET", SECRET.to_owned())]).await;
    api.anonymous().send(signed("issues", "id", "{}")).await.problem(ErrorCode::InternalError);
    assert_eq!(api.anonymous().send(TestRequest::at("GET", "/health")).await.status, 200);
}

#[tokio::test]
async fn only_few_large_bodies_are_read_before_their_signature_is_known() {
    let lab = Lab::new().await;
    let unfinished = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-github-event: issues\r\n\
         x-github-delivery: large\r\nx-hub-signature-256: sha256=00\r\ncontent-length: 1000000\r\n\r\n{}",
        " ".repeat(40_000)
    );
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::to(&lab.api).await;
        wire.send(&unfinished).await;
        waiting.push(wire);
    }
    // Until the engine has read the others' first bytes, this one may take a place too.
    let since = Instant::now();
    loop {
        let mut wire = Wire::to(&lab.api).await;
        wire.send(&unfinished).await;
        match tokio::time::timeout(Duration::from_millis(500), wire.answer()).await {
            Ok(answer) => break drop(answer.unwrap().problem(ErrorCode::Overloaded)),
            Err(_) => assert!(since.elapsed() < Duration::from_secs(10), "the fifth large body was read"),
        }
    }
    // Small deliveries need no place, and large ones get one when the others have ended.
    assert_eq!(send(&lab, signed("ping", "small", "{}")).await.status, 202);
    drop(waiting);
    let large = format!("{{{}}}", " ".repeat(40_000));
    while send(&lab, signed("issues", "large", large.clone())).await.status != 202 {
        assert!(since.elapsed() < Duration::from_secs(20), "the places were not freed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
