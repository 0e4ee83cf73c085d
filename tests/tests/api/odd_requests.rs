//! Requests at the edges of HTTP, byte for byte: one answer on both engines, except where a line of docs/api.md says
//! that the Worker's runtime decides before the API sees the request.

use deckwatch_protocol::ErrorCode;
use deckwatch_tests::{Api, Wire, fresh};

/// What an engine says.
#[derive(Clone, Copy)]
enum Said {
    /// A success with this status.
    Granted(u16),
    /// A problem with its headers and its correlation id.
    Refused(ErrorCode),
    /// What the runtime in front of the Worker says, in its own words.
    Runtime(u16),
}

use ErrorCode::{
    DocNotFound, HeadersTooLarge, IdempotencyKeyRequired, InvalidRequest, MalformedJson, MethodNotAllowed,
    PayloadTooLarge, SessionNotFound, Unauthorized, UnknownRoute, UnsupportedMediaType, UriTooLong,
};
use Said::{Granted, Refused, Runtime};

/// One request; what both engines say, or the embedded one alone where the Worker's says something else.
struct Odd {
    request: Vec<u8>,
    said: Said,
    worker: Option<Said>,
    /// Whether the client stops sending behind it.
    is_cut: bool,
}

/// Makes requests of a good caller.
struct Scene {
    api: Api,
    venture: String,
}

impl Scene {
    /// Lines of a head, with the admin key.
    fn head(&self, lines: &[&str]) -> String {
        let (line, headers) = lines.split_first().unwrap();
        let headers: Vec<String> = headers.iter().map(|header| format!("{header}\r\n")).collect();
        format!(
            "{line} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n{}\r\n",
            self.api.admin_key(),
            headers.concat()
        )
    }

    /// A read.
    fn get(&self, path: &str, said: Said) -> Odd {
        Odd { request: self.head(&[&format!("GET {path}")]).into(), said, worker: None, is_cut: false }
    }

    /// A write of the venture, with these headers beside those that it needs.
    fn put(&self, headers: &[&str], body: &str, said: Said) -> Odd {
        let (line, key) =
            (format!("PUT /v1/ventures/{}", self.venture), format!("idempotency-key: {}", fresh("odd-request-key")));
        let mut lines = vec![line.as_str(), key.as_str(), "content-type: application/json"];
        lines.extend(headers);
        Odd { request: format!("{}{body}", self.head(&lines)).into(), said, worker: None, is_cut: false }
    }

    /// A request without a key.
    fn stranger(head: &str, said: Said) -> Odd {
        Odd { request: head.into(), said, worker: None, is_cut: false }
    }

    async fn check(&self, odds: Vec<Odd>) {
        for Odd { request, said, worker, is_cut } in odds {
            let said = worker.filter(|_| self.api.is_worker()).unwrap_or(said);
            let shown = String::from_utf8_lossy(&request[..request.len().min(120)]).into_owned();
            let mut wire = Wire::to(&self.api).await;
            wire.send(&request).await;
            if is_cut {
                // Only then: a client that sends nothing more has gone, as far as the engine can see.
                wire.finish().await;
            }
            let answer = wire.answer().await.expect(&shown);
            match said {
                Granted(status) | Runtime(status) => assert_eq!(answer.status, status, "{shown}\n{answer}"),
                Refused(code) => {
                    assert_eq!(answer.status, code.status(), "{shown}\n{answer}");
                    answer.problem(code);
                }
            }
        }
    }
}

impl Odd {
    /// The client stops in the middle.
    fn cut(mut self) -> Self {
        self.is_cut = true;
        self
    }

    /// What the Worker's runtime says by itself.
    fn on_worker(mut self, said: Said) -> Self {
        self.worker = Some(said);
        self
    }
}

async fn scene() -> Scene {
    let api = Api::start().await;
    let venture = api.venture().await;
    Scene { api, venture }
}

#[tokio::test]
async fn a_thing_has_one_path() {
    let scene = scene().await;
    let doc = format!("/v1/docs/{}", scene.venture);
    let mut odds: Vec<Odd> = [
        "/v1/./ventures",
        "/v1/x/../ventures",
        "/v1/%2e/ventures",
        "/v1/x/%2E%2e/ventures",
        "/v1\\ventures",
        "/v1/%76entures",
        "/v1/ventures#x",
        "/v1/ventures?",
    ]
    .map(|path| scene.get(path, Granted(200)))
    .into();
    for path in ["//v1/ventures", "///v1/ventures", "/v1%5cventures", "/v1/ventures/.", "/v1%2fventures"] {
        odds.push(scene.get(path, Refused(UnknownRoute)));
    }
    for name in ["api%2Emd", "a%20b", "a\"b", "{a}", "a^b", "a|b", "%00", "%zz", "a%2Fb"] {
        odds.push(scene.get(&format!("{doc}/{name}"), Refused(DocNotFound)));
    }
    odds.push(scene.get(&format!("{doc}/.."), Refused(UnknownRoute)));
    odds.push(scene.get(&format!("{doc}/<a>"), Refused(InvalidRequest)).on_worker(Refused(DocNotFound)));
    odds.push(scene.get(&format!("/v1/sessions/{}", "s".repeat(20_000)), Refused(SessionNotFound)));
    odds.push(scene.get(&format!("/v1/sessions/{}", "s".repeat(40_000)), Refused(UriTooLong)));
    odds.push(scene.get(&format!("/v1/sessions/{}", "s".repeat(70_000)), Refused(UriTooLong)));
    odds.push(scene.get(&format!("/{}", "s".repeat(600_000)), Refused(UriTooLong)).on_worker(Runtime(431)));
    odds.push(scene.get("v1/ventures", Refused(InvalidRequest)).on_worker(Runtime(500)));
    scene.check(odds).await;
}

#[tokio::test]
async fn several_headers_of_a_name_are_one() {
    let scene = scene().await;
    let (body, length) = (r#"{"name":"A"}"#, "content-length: 12");
    let two_keys = format!("authorization: Bearer {}", scene.api.admin_key());
    let get = scene.head(&["GET /v1/ventures", &two_keys]);
    scene
        .check(vec![
            scene.put(&[length], body, Granted(200)),
            scene.put(&[length, "content-type: application/json"], body, Refused(UnsupportedMediaType)),
            scene.put(&[length, "idempotency-key: another-key-of-this-test"], body, Refused(IdempotencyKeyRequired)),
            scene.put(&[length, "content-encoding: gzip"], body, Refused(UnsupportedMediaType)),
            scene.put(&[length, "content-encoding: identity"], body, Granted(200)),
            Scene::stranger(&get, Refused(Unauthorized)),
            scene.get("/v1/ventures", Granted(200)),
        ])
        .await;
}

#[tokio::test]
async fn a_body_has_one_end() {
    let scene = scene().await;
    let chunked = "transfer-encoding: chunked";
    let body = "c\r\n{\"name\":\"A\"}\r\n0\r\n\r\n";
    scene
        .check(vec![
            scene.put(&[chunked], body, Granted(200)),
            scene.put(&[], "", Refused(MalformedJson)),
            scene.put(&[chunked], "zz\r\n", Refused(InvalidRequest)),
            scene.put(&[chunked], "c\r\n{\"na", Refused(InvalidRequest)).cut(),
            scene.put(&["content-length: 100"], "{", Refused(InvalidRequest)).cut(),
            scene.put(&["content-length: 99999999"], "{", Refused(PayloadTooLarge)),
            scene.put(&["content-length: 99999999999999999999999"], "{", Refused(PayloadTooLarge)),
            scene.put(&[chunked, "content-length: 5"], body, Refused(InvalidRequest)),
            scene.put(&["transfer-encoding: gzip, chunked"], body, Refused(InvalidRequest)).on_worker(Runtime(500)),
            scene.put(&["transfer-encoding: identity"], "", Refused(InvalidRequest)).on_worker(Runtime(500)),
            scene
                .put(&["content-length: 2", "content-length: 2"], "{}", Refused(InvalidRequest))
                .on_worker(Runtime(500)),
            scene.put(&["content-length: -1"], "", Refused(InvalidRequest)).on_worker(Runtime(500)),
            Scene::stranger(
                "PUT /v1/ventures/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n{",
                Refused(Unauthorized),
            ),
        ])
        .await;
}

#[tokio::test]
async fn a_head_is_complete_and_has_limits() {
    let scene = scene().await;
    let many: Vec<String> = (0..150).map(|n| format!("x-{n}: x")).collect();
    let many: Vec<&str> = std::iter::once("GET /v1/ventures").chain(many.iter().map(String::as_str)).collect();
    let wide = |bytes| format!("x: {}", "x".repeat(bytes));
    let runtime = |head: &str, worker| Scene::stranger(head, Refused(InvalidRequest)).on_worker(Runtime(worker));
    scene
        .check(vec![
            Scene::stranger(&scene.head(&many), Refused(HeadersTooLarge)),
            Scene::stranger(&scene.head(&["GET /v1/ventures", &wide(40_000)]), Granted(200)),
            Scene::stranger(&scene.head(&["GET /v1/ventures", &wide(100_000)]), Refused(HeadersTooLarge)),
            Scene::stranger("GET /health HTTP/1.0\r\nhost: x\r\n\r\n", Granted(200)),
            Scene::stranger("\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\n\r\n", Granted(200)).on_worker(Runtime(501)),
            Scene::stranger("TRACE /health HTTP/1.1\r\nhost: x\r\n\r\n", Refused(MethodNotAllowed)),
            Scene::stranger("OPTIONS /health HTTP/1.1\r\nhost: x\r\n\r\n", Refused(MethodNotAllowed)),
            Scene::stranger("BREW /health HTTP/1.1\r\nhost: x\r\n\r\n", Refused(MethodNotAllowed))
                .on_worker(Runtime(501)),
            Scene::stranger("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", Refused(UnknownRoute)).on_worker(Runtime(500)),
            Scene::stranger("CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n", Refused(UnknownRoute)).on_worker(Runtime(500)),
            Scene::stranger("GET http://x/health HTTP/1.1\r\nhost: x\r\n\r\n", Granted(200)).on_worker(Runtime(500)),
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
    let scene = scene().await;
    for (path, status) in [("/health", 200), ("/v1/ventures", 200), ("/nothing", 404)] {
        let mut wire = Wire::to(&scene.api).await;
        wire.send(scene.head(&[&format!("HEAD {path}"), "connection: close"])).await;
        let head = wire.head().await.unwrap();
        assert_eq!(head.status, status, "{head}");
        assert!(head.header("x-correlation-id").is_some() && head.header("content-type").is_some(), "{head}");
        assert!(wire.rest().await.is_empty());
    }
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_their_order() {
    let scene = scene().await;
    let mut wire = Wire::to(&scene.api).await;
    let requests = [scene.head(&["GET /v1/ventures"]), scene.head(&["GET /nothing"]), scene.head(&["GET /version"])];
    wire.send(requests.concat()).await;
    for status in [200, 404, 200] {
        assert_eq!(wire.answer().await.unwrap().status, status);
    }
    wire.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(wire.answer().await.unwrap().status, 200, "the connection goes on");
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_sends_no_body_for_nothing() {
    let scene = scene().await;
    let expecting = ["expect: 100-continue", "content-length: 12"];
    let mut wire = Wire::to(&scene.api).await;
    let refused = "PUT /v1/ventures/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 12\r\n\r\n";
    wire.send(refused).await;
    if scene.api.is_worker() {
        // The runtime waits for the body by itself.
        wire.send(r#"{"name":"A"}"#).await;
    }
    wire.answer().await.unwrap().problem(Unauthorized);
    let mut wire = Wire::to(&scene.api).await;
    wire.send(scene.put(&expecting, "", Granted(200)).request).await;
    if !scene.api.is_worker() {
        assert_eq!(wire.head().await.unwrap().status, 100);
    }
    wire.send(r#"{"name":"A"}"#).await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
}
