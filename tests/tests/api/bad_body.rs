//! Invalid bodies: each gets a 4xx that names the field, if there is one, and changes nothing.

use deckwatch_protocol::{ErrorCode, Operation, SessionId};
use deckwatch_tests::{Agent, Api, Caller, TestRequest, fresh, overlay};
use serde_json::{Value, json};

/// An agent with a session, and a valid body for each write.
struct Target {
    api: Api,
    agent: Agent,
    session: SessionId,
}

impl Target {
    async fn new() -> Self {
        let api = Api::start().await;
        let agent = api.agent().await;
        let session = agent.started().await.session.id;
        Self { api, agent, session }
    }

    fn writes(&self) -> Vec<TestRequest> {
        vec![
            self.agent.ask_start_day(json!({ "meta": {} })),
            self.agent.ask_end_day(&self.session, json!({})),
            self.agent.ask_create_handoff(&self.session, json!({})),
            TestRequest::of(Operation::UpdateSession).with(&self.session).json(&json!({ "branch": "x" })),
            TestRequest::of(Operation::PutVenture).with(&self.agent.venture).json(&json!({ "name": "New name" })),
        ]
    }

    /// Sends each request with the admin key and checks that it is refused and changes nothing.
    async fn refuse(&self, refused: impl IntoIterator<Item = (TestRequest, ErrorCode, Vec<&str>)>) {
        let before = self.api.db_records_of(&self.agent.venture).await;
        let key = fresh("key-of-a-refused-request");
        for (ask, code, pointers) in refused {
            self.api.admin().send(ask.key(&key)).await.problem_at(code, &pointers);
        }
        assert_eq!(self.api.db_records_of(&self.agent.venture).await, before);
        let claimed = "select count(*) as n from idempotency_keys where idempotency_key = ?1";
        assert_eq!(self.api.db_count(claimed, json!([key])).await, 0);
    }
}

#[tokio::test]
async fn a_body_that_is_not_one_json_value_is_malformed() {
    let target = Target::new().await;
    let bodies: [&[u8]; 17] = [
        b"",
        b" ",
        b"{",
        b"}",
        b"{}{}",
        b"{} x",
        b"nul",
        b"{'a':1}",
        b"{\"a\":1,}",
        b"{a:1}",
        b"// {}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b"{\"agent\":\"\xc3\x28\"}",
        b"{\"agent\":\"\n\"}",
        b"\x00",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    ];
    for body in bodies {
        for ask in target.writes() {
            let response = target.api.admin().send(ask.text(body.to_vec())).await;
            response.problem(ErrorCode::MalformedJson);
        }
    }
}

#[tokio::test]
async fn invalid_json_numbers_and_keys_are_malformed() {
    let target = Target::new().await;
    let members = [
        r#""x":NaN"#,
        r#""x":Infinity"#,
        r#""x":-Infinity"#,
        r#""x":1e999"#,
        r#""x":-1e999"#,
        r#""x":01"#,
        r#""x":0x1"#,
        r#""x":1,"x":1"#,
        r#""x":"\ud800""#,
        r#""x":"\udc00\ud800""#,
        r#""\ud800":1"#,
        r#""x":"\q""#,
    ];
    let before = target.api.db_records_of(&target.agent.venture).await;
    for member in members {
        for ask in target.writes() {
            let text = ask.body().to_string();
            let body = format!("{},{member}}}", text.strip_suffix('}').unwrap());
            target.api.admin().send(ask.text(body)).await.problem(ErrorCode::MalformedJson);
        }
    }
    assert_eq!(target.api.db_records_of(&target.agent.venture).await, before);
}

#[tokio::test]
async fn a_duplicate_key_is_refused_at_any_depth() {
    let target = Target::new().await;
    let twice = [r#"{"a":1,"a":2}"#, r#"{"a":{"b":[{"c":1,"c":1}]}}"#, r#"{"é":1,"\u00e9":2}"#];
    for meta in twice {
        let ask = target.agent.ask_start_day(json!({ "meta": "META" }));
        let body = ask.body().to_string().replace("\"META\"", meta);
        target.agent.send(ask.text(body)).await.problem(ErrorCode::MalformedJson);
    }
}

#[tokio::test]
async fn very_deep_nesting_is_malformed_and_the_engine_keeps_running() {
    let target = Target::new().await;
    for depth in [200, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{{\"meta\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            let ask = target.agent.ask_start_day(json!({})).text(deep);
            target.agent.send(ask).await.problem(ErrorCode::MalformedJson);
        }
    }
    target.agent.colleague().started().await;
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_named() {
    let target = Target::new().await;
    let mut refused = Vec::new();
    for wrong in [json!(null), json!(true), json!(7), json!(1.5), json!([]), json!({})] {
        for field in ["agent", "client", "host", "venture", "repo"] {
            let ask = target.agent.ask_start_day(json!({}));
            let body = overlay(ask.body(), json!({ field: [] }));
            let mut body = body;
            body[field] = wrong.clone();
            refused.push((ask.json(&body), field));
        }
    }
    for wrong in [json!(true), json!("7"), json!(1.5), json!(-1), json!([]), json!({}), json!(1e30)] {
        for field in ["track", "issue_number"] {
            let ask = target.agent.ask_start_day(json!({ field: wrong }));
            refused.push((ask, field));
        }
    }
    for wrong in [json!(null), json!("{}"), json!([]), json!(1)] {
        let ask = target.agent.ask_start_day(json!({}));
        let mut body = ask.body();
        body["meta"] = wrong;
        refused.push((ask.json(&body), "meta"));
    }
    let refused = refused.into_iter().map(|(ask, field)| (ask, field.to_owned()));
    for (ask, field) in refused {
        target.refuse([(ask, ErrorCode::InvalidRequest, vec![format!("/{field}").as_str()])]).await;
    }
}

#[tokio::test]
async fn a_body_that_is_not_an_object_is_refused() {
    let target = Target::new().await;
    for body in [json!([]), json!(null), json!("{}"), json!(1), json!(true)] {
        let asks = target.writes().into_iter().map(|ask| (ask.json(&body), ErrorCode::InvalidRequest, vec![""]));
        target.refuse(asks).await;
    }
}

#[tokio::test]
async fn all_missing_and_unknown_fields_are_named_together() {
    let target = Target::new().await;
    let required: [Vec<&str>; 5] = [
        vec!["/agent", "/client", "/host", "/venture", "/repo", "/nonsense"],
        vec!["/session_id", "/handoff", "/nonsense"],
        vec!["/session_id", "/handoff", "/nonsense"],
        vec!["/nonsense"],
        vec!["/name", "/nonsense"],
    ];
    let bare = json!({ "nonsense": 1 });
    let asks = target.writes().into_iter().zip(required);
    target.refuse(asks.map(|(ask, named)| (ask.json(&bare), ErrorCode::InvalidRequest, named))).await;
    let inside = target.agent.ask_create_handoff(&target.session, json!({ "nonsense": 1, "a/b~c": 2, "status": "x" }));
    let named = vec!["/handoff/nonsense", "/handoff/a~1b~0c", "/handoff/status"];
    target.refuse([(inside, ErrorCode::InvalidRequest, named)]).await;
}

#[tokio::test]
async fn texts_outside_their_bounds_are_named() {
    let target = Target::new().await;
    let huge = "x".repeat(100_000);
    let mut refused = Vec::new();
    let day = |field: &str, value: &str| target.agent.ask_start_day(json!({ field: value }));
    for field in ["agent", "client", "host", "venture", "repo"] {
        for value in ["", " ", "a b", "a\nb", "😀", "-x", "../..", "a\u{202e}b", huge.as_str()] {
            refused.push((day(field, value), format!("/{field}")));
        }
    }
    for field in ["branch", "client_version", "client_session_id"] {
        for value in ["", "a\nb", "a\u{85}b", "\u{7f}", huge.as_str()] {
            refused.push((day(field, value), format!("/{field}")));
        }
    }
    for value in ["", "abc", "ABCDEF0", "abcdefg", huge.as_str()] {
        refused.push((day("commit_sha", value), "/commit_sha".to_owned()));
    }
    let handoff = |field: &str, value: Value| target.agent.ask_create_handoff(&target.session, json!({ field: value }));
    for (field, value, pointer) in [
        ("summary", json!(""), "/handoff/summary"),
        ("summary", json!(huge), "/handoff/summary"),
        ("accomplished", json!(["fine", huge]), "/handoff/accomplished/1"),
        ("next_steps", json!([""]), "/handoff/next_steps/0"),
        ("blocked", json!(vec!["x"; 201]), "/handoff/blocked"),
        ("links", json!(["https://a.example", "javascript:alert(1)"]), "/handoff/links/1"),
        ("to_agent", json!("a b"), "/handoff/to_agent"),
        ("extra", json!([]), "/handoff/extra"),
    ] {
        refused.push((handoff(field, value), pointer.to_owned()));
    }
    for (ask, pointer) in refused {
        target.refuse([(ask, ErrorCode::InvalidRequest, vec![pointer.as_str()])]).await;
    }
}

#[tokio::test]
async fn a_nul_character_is_refused_in_every_field_with_its_name() {
    let target = Target::new().await;
    let nul = "a\0b";
    let patch = |body: Value| TestRequest::of(Operation::UpdateSession).with(&target.session).json(&body);
    let refused = [
        (target.agent.ask_start_day(json!({ "agent": nul })), "/agent"),
        (target.agent.ask_start_day(json!({ "meta": { "deep": [nul] } })), "/meta/deep/0"),
        (target.agent.ask_start_day(json!({ "meta": { nul: 1 } })), "/meta"),
        (target.agent.ask_create_handoff(&target.session, json!({ "summary": nul })), "/handoff/summary"),
        (target.agent.ask_create_handoff(&target.session, json!({ "extra": { "k": nul } })), "/handoff/extra/k"),
        (patch(json!({ "branch": nul })), "/branch"),
        (patch(json!({ "meta": { "k": nul } })), "/meta/k"),
    ];
    target.refuse(refused.map(|(ask, pointer)| (ask, ErrorCode::InvalidRequest, vec![pointer]))).await;
}

#[tokio::test]
async fn numbers_that_can_not_be_stored_exactly_are_refused_by_name() {
    let target = Target::new().await;
    for number in ["9007199254740993", "-9007199254740993", "1e300", "123456789012345678901234567890"] {
        let ask = target.agent.ask_start_day(json!({ "meta": { "n": "NUMBER" } }));
        let body = ask.body().to_string().replace("\"NUMBER\"", number);
        target.refuse([(ask.text(body), ErrorCode::InvalidRequest, vec!["/meta/n"])]).await;
    }
}

#[tokio::test]
async fn meta_over_8_kib_is_refused_by_name() {
    let target = Target::new().await;
    let large = json!({ "meta": { "k": "x".repeat(8 * 1024) } });
    let update = TestRequest::of(Operation::UpdateSession).with(&target.session).json(&large);
    let refused = [target.agent.ask_start_day(large), update];
    target.refuse(refused.map(|ask| (ask, ErrorCode::InvalidRequest, vec!["/meta"]))).await;
}

#[tokio::test]
async fn text_in_every_script_is_returned_unchanged() {
    let target = Target::new().await;
    let text = "é ü ß 漢字 العربية 😀👩‍👩‍👧‍👦 \u{202e}rtl \u{feff}bom \u{ffff} \u{10ffff} '\"\\;-- %s {} </script> \u{1}\u{1f}\t\r\n";
    let handoff = json!({ "summary": text, "next_steps": [text], "extra": { text: text } });
    let response = target.agent.create_handoff(&target.session, handoff).await;
    let _: deckwatch_protocol::Handoff = response.of(201);
    let body = response.json();
    assert_eq!(body["summary"], text);
    assert_eq!(body["payload"]["next_steps"][0], text);
    assert_eq!(body["payload"]["extra"], json!({ text: text }));
}
