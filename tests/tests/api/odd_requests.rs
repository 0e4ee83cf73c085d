//! Unusual HTTP requests, sent byte for byte. Both engines give the same answer, except where docs/api.md says that the
//! Worker's runtime answers before the API sees the request.

use deckwatch_protocol::ErrorCode;
use deckwatch_tests::{Api, Wire, fresh};

/// The expected answer.
#[derive(Clone, Copy)]
enum Expected {
    /// A success with this status.
    Success(u16),
    /// A problem with this code, its headers and its correlation id.
    Refusal(ErrorCode),
    /// The runtime's own answer, with this status.
    Runtime(u16),
}

use ErrorCode::{
    DocNotFound, HeadersTooLarge, IdempotencyKeyRequired, InvalidRequest, MalformedJson, MethodNotAllowed,
    PayloadTooLarge, SessionNotFound, Unauthorized, UnknownRoute, UnsupportedMediaType, UriTooLong,
};
use Expected::{Refusal, Runtime, Success};

/// A request and its expected answer; `worker` is the answer of the Worker, if it differs.
struct RawRequest {
    request: Vec<u8>,
    expected: Expected,
    worker: Option<Expected>,
    /// Whether the client stops sending after the request.
    ends_early: bool,
}

/// A caller with the admin key and a venture.
struct Sender {
    api: Api,
    venture: String,
}

impl Sender {
    /// The head of a request, with the admin key.
    fn head(&self, lines: &[&str]) -> String {
        let (line, headers) = lines.split_first().unwrap();
        let headers: Vec<String> = headers.iter().map(|header| format!("{header}\r\n")).collect();
        format!(
            "{line} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n{}\r\n",
            self.api.admin_key(),
            headers.concat()
        )
    }

    /// A request that reads.
    fn get(&self, path: &str, expected: Expected) -> RawRequest {
        RawRequest { request: self.head(&[&format!("GET {path}")]).into(), expected, worker: None, ends_early: false }
    }

    /// A request that puts the venture, with these headers in addition to the required ones.
    fn put(&self, headers: &[&str], body: &str, expected: Expected) -> RawRequest {
        let (line, key) =
            (format!("PUT /v1/ventures/{}", self.venture), format!("idempotency-key: {}", fresh("odd-request-key")));
        let mut lines = vec![line.as_str(), key.as_str(), "content-type: application/json"];
        lines.extend(headers);
        RawRequest { request: format!("{}{body}", self.head(&lines)).into(), expected, worker: None, ends_early: false }
    }

    /// A request without a key.
    fn without_key(head: &str, expected: Expected) -> RawRequest {
        RawRequest { request: head.into(), expected, worker: None, ends_early: false }
    }

    async fn check(&self, requests: Vec<RawRequest>) {
        for RawRequest { request, expected, worker, ends_early } in requests {
            let expected = worker.filter(|_| self.api.is_worker()).unwrap_or(expected);
            let shown = String::from_utf8_lossy(&request[..request.len().min(120)]).into_owned();
            let mut wire = Wire::to(&self.api).await;
            wire.send(&request).await;
            if ends_early {
                // Only for these requests, because the engine treats such a client as gone.
                wire.finish().await;
            }
            let answer = wire.answer().await.expect(&shown);
            match expected {
                Success(status) | Runtime(status) => assert_eq!(answer.status, status, "{shown}\n{answer}"),
                Refusal(code) => {
                    assert_eq!(answer.status, code.status(), "{shown}\n{answer}");
                    answer.problem(code);
                }
            }
        }
    }
}

impl RawRequest {
    /// The client stops sending in the middle of the request.
    fn ending_early(mut self) -> Self {
        self.ends_early = true;
        self
    }

    /// Sets the answer of the Worker's runtime.
    fn on_worker(mut self, expected: Expected) -> Self {
        self.worker = Some(expected);
        self
    }
}

async fn sender() -> Sender {
    let api = Api::start().await;
    let venture = api.venture().await;
    Sender { api, venture }
}

#[tokio::test]
async fn a_resource_has_one_path() {
    let sender = sender().await;
    let doc = format!("/v1/docs/{}", sender.venture);
    let mut requests: Vec<RawRequest> = [
        "/v1/./ventures",
        "/v1/x/../ventures",
        "/v1/%2e/ventures",
        "/v1/x/%2E%2e/ventures",
        "/v1\\ventures",
        "/v1/%76entures",
        "/v1/ventures#x",
        "/v1/ventures?",
    ]
    .map(|path| sender.get(path, Success(200)))
    .into();
    for path in ["//v1/ventures", "///v1/ventures", "/v1%5cventures", "/v1/ventures/.", "/v1%2fventures"] {
        requests.push(sender.get(path, Refusal(UnknownRoute)));
    }
    for name in ["api%2Emd", "a%20b", "a\"b", "{a}", "a^b", "a|b", "%00", "%zz", "a%2Fb"] {
        requests.push(sender.get(&format!("{doc}/{name}"), Refusal(DocNotFound)));
    }
    requests.push(sender.get(&format!("{doc}/.."), Refusal(UnknownRoute)));
    requests.push(sender.get(&format!("{doc}/<a>"), Refusal(InvalidRequest)).on_worker(Refusal(DocNotFound)));
    requests.push(sender.get(&format!("/v1/sessions/{}", "s".repeat(20_000)), Refusal(SessionNotFound)));
    requests.push(sender.get(&format!("/v1/sessions/{}", "s".repeat(40_000)), Refusal(UriTooLong)));
    requests.push(sender.get(&format!("/v1/sessions/{}", "s".repeat(70_000)), Refusal(UriTooLong)));
    requests.push(sender.get(&format!("/{}", "s".repeat(600_000)), Refusal(UriTooLong)).on_worker(Runtime(431)));
    requests.push(sender.get("v1/ventures", Refusal(InvalidRequest)).on_worker(Runtime(500)));
    sender.check(requests).await;
}

#[tokio::test]
async fn repeated_headers_are_refused() {
    let sender = sender().await;
    let (body, length) = (r#"{"name":"A"}"#, "content-length: 12");
    let two_keys = format!("authorization: Bearer {}", sender.api.admin_key());
    let get = sender.head(&["GET /v1/ventures", &two_keys]);
    sender
        .check(vec![
            sender.put(&[length], body, Success(200)),
            sender.put(&[length, "content-type: application/json"], body, Refusal(UnsupportedMediaType)),
            sender.put(&[length, "idempotency-key: another-key-of-this-test"], body, Refusal(IdempotencyKeyRequired)),
            sender.put(&[length, "content-encoding: gzip"], body, Refusal(UnsupportedMediaType)),
            sender.put(&[length, "content-encoding: identity"], body, Success(200)),
            Sender::without_key(&get, Refusal(Unauthorized)),
            sender.get("/v1/ventures", Success(200)),
        ])
        .await;
}

#[tokio::test]
async fn a_body_has_an_unambiguous_length() {
    let sender = sender().await;
    let chunked = "transfer-encoding: chunked";
    let body = "c\r\n{\"name\":\"A\"}\r\n0\r\n\r\n";
    sender
        .check(vec![
            sender.put(&[chunked], body, Success(200)),
            sender.put(&[], "", Refusal(MalformedJson)),
            sender.put(&[chunked], "zz\r\n", Refusal(InvalidRequest)),
            sender.put(&[chunked], "c\r\n{\"na", Refusal(InvalidRequest)).ending_early(),
            sender.put(&["content-length: 100"], "{", Refusal(InvalidRequest)).ending_early(),
            sender.put(&["content-length: 99999999"], "{", Refusal(PayloadTooLarge)),
            sender.put(&["content-length: 99999999999999999999999"], "{", Refusal(PayloadTooLarge)),
            sender.put(&[chunked, "content-length: 5"], body, Refusal(InvalidRequest)),
            sender.put(&["transfer-encoding: gzip, chunked"], body, Refusal(InvalidRequest)).on_worker(Runtime(500)),
            sender.put(&["transfer-encoding: identity"], "", Refusal(InvalidRequest)).on_worker(Runtime(500)),
            sender
                .put(&["content-length: 2", "content-length: 2"], "{}", Refusal(InvalidRequest))
                .on_worker(Runtime(500)),
            sender.put(&["content-length: -1"], "", Refusal(InvalidRequest)).on_worker(Runtime(500)),
            Sender::without_key(
                "PUT /v1/ventures/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n{",
                Refusal(Unauthorized),
            ),
        ])
        .await;
}

#[tokio::test]
async fn the_head_of_a_request_is_validated_and_limited() {
    let sender = sender().await;
    let many: Vec<String> = (0..150).map(|n| format!("x-{n}: x")).collect();
    let many: Vec<&str> = std::iter::once("GET /v1/ventures").chain(many.iter().map(String::as_str)).collect();
    let wide = |bytes| format!("x: {}", "x".repeat(bytes));
    let runtime = |head: &str, worker| Sender::without_key(head, Refusal(InvalidRequest)).on_worker(Runtime(worker));
    sender
        .check(vec![
            Sender::without_key(&sender.head(&many), Refusal(HeadersTooLarge)),
            Sender::without_key(&sender.head(&["GET /v1/ventures", &wide(40_000)]), Success(200)),
            Sender::without_key(&sender.head(&["GET /v1/ventures", &wide(100_000)]), Refusal(HeadersTooLarge)),
            Sender::without_key("GET /health HTTP/1.0\r\nhost: x\r\n\r\n", Success(200)),
            Sender::without_key("\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\n\r\n", Success(200))
                .on_worker(Runtime(501)),
            Sender::without_key("TRACE /health HTTP/1.1\r\nhost: x\r\n\r\n", Refusal(MethodNotAllowed)),
            Sender::without_key("OPTIONS /health HTTP/1.1\r\nhost: x\r\n\r\n", Refusal(MethodNotAllowed)),
            Sender::without_key("BREW /health HTTP/1.1\r\nhost: x\r\n\r\n", Refusal(MethodNotAllowed))
                .on_worker(Runtime(501)),
            Sender::without_key("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", Refusal(UnknownRoute)).on_worker(Runtime(500)),
            Sender::without_key("CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n", Refusal(UnknownRoute))
                .on_worker(Runtime(500)),
            Sender::without_key("GET http://x/health HTTP/1.1\r\nhost: x\r\n\r\n", Success(200))
                .on_worker(Runtime(500)),
            runtime("GET /health HTTP/1.1\r\n\r\n", 400),
            runtime("GET /health HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n", 500),
            runtime("GET /health HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n", 400),
            runtime("GET /health HTTP/1.1\r\nhost: x\r\nfolded: a\r\n b\r\n\r\n", 200),
            runtime("GET /health\r\n\r\n", 400),
            runtime("nonsense\r\n\r\n", 501),
            runtime("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501),
        ])
        .await;
}

#[tokio::test]
async fn a_head_request_has_the_headers_of_its_get_and_no_body() {
    let sender = sender().await;
    for (path, status) in [("/health", 200), ("/v1/ventures", 200), ("/nothing", 404)] {
        let mut wire = Wire::to(&sender.api).await;
        wire.send(sender.head(&[&format!("HEAD {path}"), "connection: close"])).await;
        let head = wire.head().await.unwrap();
        assert_eq!(head.status, status, "{head}");
        assert!(head.header("x-correlation-id").is_some() && head.header("content-type").is_some(), "{head}");
        assert!(wire.rest().await.is_empty());
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let sender = sender().await;
    let mut wire = Wire::to(&sender.api).await;
    let requests = [sender.head(&["GET /v1/ventures"]), sender.head(&["GET /nothing"]), sender.head(&["GET /version"])];
    wire.send(requests.concat()).await;
    for status in [200, 404, 200] {
        assert_eq!(wire.answer().await.unwrap().status, status);
    }
    wire.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(wire.answer().await.unwrap().status, 200, "the connection must stay open");
}

#[tokio::test]
async fn a_client_that_expects_100_continue_sends_no_body_if_the_request_is_refused() {
    let sender = sender().await;
    let expecting = ["expect: 100-continue", "content-length: 12"];
    let mut wire = Wire::to(&sender.api).await;
    let refused = "PUT /v1/ventures/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 12\r\n\r\n";
    wire.send(refused).await;
    if sender.api.is_worker() {
        // The runtime itself waits for the body.
        wire.send(r#"{"name":"A"}"#).await;
    }
    wire.answer().await.unwrap().problem(Unauthorized);
    let mut wire = Wire::to(&sender.api).await;
    wire.send(sender.put(&expecting, "", Success(200)).request).await;
    if !sender.api.is_worker() {
        assert_eq!(wire.head().await.unwrap().status, 100);
    }
    wire.send(r#"{"name":"A"}"#).await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
}
