//! The number of batches for each operation: when it succeeds, when it is refused, and when it is replayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use deckwatch_api::{Incoming, IncomingError, Statement, UNRESERVED_BYTES};
use deckwatch_protocol::Operation;
use deckwatch_protocol::operation::Effect;
use deckwatch_server::Sqlite;
use deckwatch_tests::{Examples, TestRequest};
use http::Request;
use serde_json::json;

use crate::lab::{TestApi, Trouble, forged_token};

#[tokio::test]
async fn every_operation_runs_one_batch_before_its_answer() {
    let lab = TestApi::new();
    lab.register_alpha().await;
    let examples = Examples::new(&lab, "alpha").await;
    let search = (Operation::ListNotes, TestRequest::of(Operation::ListNotes).query("q=plan&limit=1"));
    let requests = Operation::ALL.iter().map(|operation| (*operation, examples.good(*operation))).chain([search]);
    for (operation, ask) in requests {
        let answer = lab.send_request(ask).await;
        assert!((200..300).contains(&answer.status), "{}: {}", operation.id(), answer.text);
        let expected = usize::from(operation != Operation::Openapi);
        assert_eq!(answer.batches, expected, "{}", operation.id());
        // The start of a day marks silent sessions of others after its answer.
        let is_logged_later = operation.effect() != Effect::Write || operation == Operation::StartDay;
        let behind = usize::from(answer.headers.contains_key("ratelimit") && is_logged_later);
        assert_eq!(answer.batches_deferred, behind, "{}: a write is logged in its own batch", operation.id());
    }
}

#[tokio::test]
async fn only_the_heartbeat_of_a_session_that_is_not_active_runs_two_batches() {
    let lab = TestApi::new();
    lab.register_alpha().await;
    let examples = Examples::new(&lab, "alpha").await;
    let beat = |id: &str| TestRequest::of(Operation::Heartbeat).with(id);
    let day = lab.send_request(examples.good(Operation::StartDay)).await.json();
    let session = &day["session"];
    let id = session["id"].as_str().unwrap();
    let left = json!({ "last_heartbeat_at": session["last_heartbeat_at"] });
    lab.send_request(TestRequest::of(Operation::LeaveSession).with(id).json(&left)).await;
    let (revived, active) = (lab.send_request(beat(id)).await, lab.send_request(beat(id)).await);
    assert_eq!((revived.status, revived.batches), (200, 2), "{}", revived.text);
    assert_eq!((active.status, active.batches), (200, 1), "{}", active.text);
    assert_eq!((revived.json()["status"].as_str(), active.json()["status"].as_str()), (Some("active"), Some("active")));
    let unknown = lab.send_request(beat("sess_01ARZ3NDEKTSV4RRFFQ69G5FAV")).await;
    assert_eq!((unknown.status, unknown.batches), (404, 2), "{}", unknown.text);
}

#[tokio::test]
async fn a_replay_runs_two_batches() {
    let lab = TestApi::new();
    lab.register_alpha().await;
    let examples = Examples::new(&lab, "alpha").await;
    for operation in Operation::ALL.iter().filter(|operation| operation.effect() == Effect::Write) {
        let ask = examples.good(*operation);
        let first = lab.send_request(ask.clone()).await;
        let again = lab.send_request(ask).await;
        assert!((200..300).contains(&first.status), "{}: {}", operation.id(), first.text);
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{}", operation.id());
        assert_eq!((first.batches, again.batches), (1, 2), "{}", operation.id());
    }
}

#[tokio::test]
async fn a_refused_request_runs_one_batch_and_one_without_a_key_none() {
    let lab = TestApi::new();
    for operation in Operation::ALL {
        let refused = lab.ask(*operation, ("x", "nonsense=1"), Some(&json!({ "nonsense": 1 }))).await;
        if refused.headers.contains_key("ratelimit") {
            assert_eq!(refused.batches, 1, "{}", operation.id());
        }
        let request = Request::builder().method("POST").uri("/v1/sod").body(UnreadableBody).unwrap();
        let stranger = lab.send(request).await;
        assert_eq!((stranger.status, stranger.batches, stranger.batches_deferred), (401, 0, 0));
    }
}

/// Names and values of headers.
type Headers = &'static [(&'static str, &'static str)];

/// A body that panics when it is read.
struct UnreadableBody;

#[async_trait]
impl Incoming for UnreadableBody {
    async fn chunk(&mut self) -> Option<Result<Bytes, IncomingError>> {
        panic!("the API read the body")
    }

    async fn reserve(&mut self, _bytes: usize) -> Result<(), IncomingError> {
        panic!("the API reserved memory for the body")
    }
}

#[tokio::test]
async fn a_body_is_not_read_before_the_key_the_route_and_the_headers_are_checked() {
    let lab = TestApi::new();
    // Method, path, and the headers in addition to the key.
    let requests: [(&str, &str, Headers, u16); 9] = [
        ("POST", "/v1/nothing", &[], 404),
        ("DELETE", "/v1/sod", &[], 405),
        ("POST", "/v1/sod", &[("idempotency-key", "short")], 400),
        ("POST", "/v1/sod", &[("content-type", "text/plain")], 415),
        ("POST", "/v1/sod", &[("content-encoding", "gzip")], 415),
        ("POST", "/v1/sod", &[("content-length", "1048577")], 413),
        ("POST", "/v1/sod", &[("content-length", "99999999999999999999999")], 413),
        ("GET", "/v1/ventures", &[], 200),
        ("POST", "/v1/sod", &[("authorization", "Bearer the-key-of-a-stranger")], 401),
    ];
    for (method, path, headers, expected) in requests {
        let mut request = Request::builder().method(method).uri(path);
        let good = [
            ("authorization", "Bearer the-admin-key-of-the-lab"),
            ("idempotency-key", "a-key-of-the-lab-for-this"),
            ("content-type", "application/json"),
        ];
        let given = |name: &str| headers.iter().any(|(known, _)| *known == name);
        for (name, value) in good.iter().filter(|(name, _)| !given(name)).chain(headers) {
            request = request.header(*name, *value);
        }
        let answer = lab.send(request.body(UnreadableBody).unwrap()).await;
        assert_eq!(answer.status, expected, "{method} {path} {headers:?}: {}", answer.text);
    }
}

/// A request whose body fails the test if the API reads it.
fn request_with_unreadable_body(
    method: &str,
    path: &str,
    key: &str,
    idempotency_key: String,
) -> Request<UnreadableBody> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {key}"))
        .header("idempotency-key", idempotency_key)
        .header("content-type", "application/json")
        .header("content-length", "1000000")
        .body(UnreadableBody)
        .unwrap()
}

#[tokio::test]
async fn a_large_body_is_read_only_after_the_token_is_looked_up() {
    let lab = TestApi::new();
    lab.register_alpha().await;
    let (_, token) = lab.mint("admin").await;
    let doc = json!({ "content": "x".repeat(UNRESERVED_BYTES) });
    let granted = lab.ask_as(&token, Operation::PutDoc, ("alpha/large.md", ""), Some(&doc)).await;
    assert_eq!((granted.status, granted.batches), (201, 2), "{}", granted.text);
    let small = json!({ "content": "x" });
    let granted = lab.ask_as(&token, Operation::PutDoc, ("alpha/small.md", ""), Some(&small)).await;
    assert_eq!((granted.status, granted.batches), (201, 1), "{}", granted.text);
    let request = request_with_unreadable_body("PUT", "/v1/docs/alpha/large.md", &forged_token(), lab.fresh_key());
    let stranger = lab.send(request).await;
    assert_eq!((stranger.status, stranger.batches, stranger.batches_deferred), (401, 1, 0), "{}", stranger.text);
}

#[tokio::test]
async fn a_token_is_looked_up_before_more_than_four_kilobytes_are_decoded() {
    let lab = TestApi::new();
    let (_, token) = lab.mint("context").await;
    for (bytes, batches) in [(3_000, 1), (5_000, 2)] {
        let note = json!({ "title": "A note", "content": "x".repeat(bytes) });
        let granted = lab.ask_as(&token, Operation::CreateNote, ("", ""), Some(&note)).await;
        assert_eq!((granted.status, granted.batches), (201, batches), "{}", granted.text);
        let stranger = lab.ask_as(&forged_token(), Operation::CreateNote, ("", ""), Some(&note)).await;
        assert_eq!((stranger.status, stranger.batches), (401, 1), "{}", stranger.text);
    }
}

#[tokio::test]
async fn the_rate_is_looked_up_before_a_large_body_is_read_or_searched_for_secrets() {
    let database = Sqlite::in_memory().unwrap();
    let lab = TestApi::on(Arc::new(database.clone()));
    let note = |bytes: usize| json!({ "title": "A note", "content": "x".repeat(bytes) });
    for (bytes, batches) in [(3_000, 1), (5_000, 2)] {
        let granted = lab.ask(Operation::CreateNote, ("", ""), Some(&note(bytes))).await;
        assert_eq!((granted.status, granted.batches), (201, batches), "{}", granted.text);
    }
    database.run(&[Statement::new("update rate_limits set request_limit = request_count")]).unwrap();
    let request = request_with_unreadable_body("POST", "/v1/notes", "the-admin-key-of-the-lab", lab.fresh_key());
    let refused = lab.send(request).await;
    assert_eq!(refused.status, 429, "{}", refused.text);
}

#[tokio::test]
async fn a_large_body_of_a_token_without_the_scope_is_not_read() {
    let lab = TestApi::new();
    let (_, token) = lab.mint("read-only").await;
    let request = request_with_unreadable_body("PUT", "/v1/docs/alpha/large.md", &token, lab.fresh_key());
    let refused = lab.send(request).await;
    assert_eq!((refused.status, refused.batches), (403, 2), "{}", refused.text);
}

/// An empty body that records whether its caller was admitted.
#[derive(Clone, Default)]
struct Admitted(Arc<AtomicBool>);

#[async_trait]
impl Incoming for Admitted {
    async fn chunk(&mut self) -> Option<Result<Bytes, IncomingError>> {
        None
    }

    async fn reserve(&mut self, _bytes: usize) -> Result<(), IncomingError> {
        Ok(())
    }

    fn admit(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_caller_with_a_token_is_admitted_only_after_the_database_has_confirmed_it() {
    let lab = TestApi::new();
    let (_, good) = lab.mint("read-only").await;
    let forged = forged_token();
    // The second path has a bad query, so its request is refused before it has a plan.
    let paths = ["/v1/ventures", "/v1/ventures?nonsense=1"];
    for (token, trouble, is_known) in [
        (&good, None, true),
        (&forged, None, false),
        (&forged, Some(Trouble::Unreachable), false),
        (&forged, Some(Trouble::Fails), false),
    ] {
        for path in paths {
            if let Some(trouble) = trouble {
                lab.expect_trouble(trouble);
            }
            let body = Admitted::default();
            let request = Request::builder().uri(path).header("authorization", format!("Bearer {token}"));
            let answer = lab.send(request.body(body.clone()).unwrap()).await;
            assert_eq!(body.0.load(Ordering::SeqCst), is_known, "{trouble:?} {path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_token_is_looked_up_in_the_batch_of_its_request() {
    let lab = TestApi::new();
    lab.register_alpha().await;
    let examples = Examples::new(&lab, "alpha").await;
    let (id, token) = lab.mint("admin").await;
    for operation in Operation::ALL.iter().filter(|operation| **operation != Operation::Openapi) {
        let ask = examples.good(*operation).header("authorization", format!("Bearer {token}"));
        let answer = lab.send_request(ask).await;
        assert!((200..300).contains(&answer.status), "{}: {}", operation.id(), answer.text);
        assert_eq!(answer.batches, 1, "{}", operation.id());
    }
    lab.ask(Operation::RevokeToken, (&id, ""), None).await;
    let revoked = lab.ask_as(&token, Operation::ListVentures, ("", ""), None).await;
    assert_eq!((revoked.status, revoked.batches, revoked.batches_deferred), (401, 1, 0));
    let slip = format!("{}0", &token[..token.len() - 1]);
    let other = if slip == token { format!("{}1", &token[..token.len() - 1]) } else { slip };
    let misspelt = lab.ask_as(&other, Operation::ListVentures, ("", ""), None).await;
    assert_eq!((misspelt.status, misspelt.batches, misspelt.batches_deferred), (401, 0, 0));
}
