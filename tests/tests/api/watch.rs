//! The sockets at `GET /v1/watch`: who may open one, and which hints it gets.

use std::time::Duration;

use deckwatch_protocol::{DayStarted, ErrorCode, MintedToken, Operation, Token};
use deckwatch_tests::{Agent, Api, Caller, KeyCaller, Socket, TestRequest};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// The engine looks for lost hints and revoked tokens every 30 seconds.
const CHECKED: Duration = Duration::from_secs(35);

async fn note_of(agent: &Agent) {
    let note = json!({ "title": "T", "content": "C", "venture": agent.venture });
    let _: Value = agent.send(TestRequest::of(Operation::CreateNote).json(&note)).await.of(201);
}

async fn token(api: &Api, fields: Value) -> MintedToken {
    let mut token = json!({ "name": "a watcher", "scopes": ["context"] });
    token.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    api.admin().send(TestRequest::of(Operation::CreateToken).json(&token)).await.of(201)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_gets_a_hint_about_new_events_of_its_ventures() {
    let api = Api::start_limited(1_000_000).await;
    let (here, there) = (api.agent().await, api.agent().await);
    here.started().await;
    let head = api.head().await;
    let mut own = Socket::watching(&api, &[&here.venture], head).await;
    let mut both = Socket::watching(&api, &[&here.venture, &there.venture], head).await;
    let mut all = Socket::watching(&api, &["*"], head).await;
    own.expect_silence().await;
    here.colleague().started().await;
    assert_eq!([own.hint().await, both.hint().await, all.hint().await], [head + 1; 3]);
    there.started().await;
    assert_eq!([both.hint().await, all.hint().await], [head + 2; 2]);
    let note = json!({ "title": "T", "content": "C" });
    let _: Value = here.send(TestRequest::of(Operation::CreateNote).json(&note)).await.of(201);
    assert_eq!(all.hint().await, head + 3);
    // A request that appends nothing gives no hint.
    here.start_day(json!({})).await.of::<DayStarted>(200);
    for socket in [&mut own, &mut both, &mut all] {
        socket.expect_silence().await;
    }
    // A later message replaces the ventures.
    own.ask(&[&there.venture], head + 3).await;
    own.expect_silence().await;
    note_of(&there).await;
    assert_eq!(own.hint().await, head + 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_appended_after_an_answer_gives_a_hint() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let silent = agent.started().await.session.id;
    api.db_silence(&silent, 46).await;
    let head = api.head().await;
    let mut socket = Socket::watching(&api, &[&agent.venture], head).await;
    socket.expect_silence().await;
    agent.colleague().started().await;
    // The new session, then the lost one.
    socket.hints_until(head + 2).await;
    let lost = api.events_after(head + 1).await;
    assert_eq!(lost.iter().map(|event| event.subject.as_str()).collect::<Vec<_>>(), [silent.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_not_the_newest_event_gets_a_hint_at_once() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    agent.started().await;
    note_of(&agent).await;
    let head = api.head().await;
    for (after, hinted) in [(0, true), (head - 1, true), (head, false), (head + 5, true)] {
        let mut socket = Socket::watching(&api, &[&agent.venture], after).await;
        if hinted {
            assert_eq!(socket.hint().await, head, "after {after}");
        }
        socket.expect_silence().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_of_a_burst_are_collected() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let head = api.head().await;
    let mut socket = Socket::watching(&api, &["*"], head).await;
    join_all((0..60).map(|_| note_of(&agent))).await;
    let hints = socket.hints_until(head + 60).await;
    assert!(hints.len() <= 30 && hints.is_sorted(), "{hints:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_sockets_get_a_hint_and_an_actor_has_at_most_250() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let head = api.head().await;
    let ventures = [agent.venture.as_str()];
    let mut sockets = join_all((0..200).map(|_| Socket::watching(&api, &ventures, head))).await;
    note_of(&agent).await;
    let hints = join_all(sockets.iter_mut().map(Socket::hint)).await;
    assert_eq!(hints, vec![head + 1; 200]);
    let more = join_all((0..60).map(|_| Socket::open(&api, api.admin_key()))).await;
    let refused: Vec<_> = more.iter().filter_map(|opened| opened.as_ref().err().copied()).collect();
    assert_eq!(refused, [503; 10]);
    drop(more);
    let mut other = Socket::open(&api, api.context_key()).await.unwrap();
    other.ask(&["*"], head).await;
    assert_eq!(other.hint().await, head + 1);
    assert_eq!(api.admin().send(TestRequest::of(Operation::ListVentures)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_caller_who_may_list_events_opens_a_socket() {
    let api = Api::start().await;
    let agent = api.agent().await;
    assert_eq!(Socket::open(&api, "a-wrong-key-of-a-test").await.err(), Some(401));
    let docs = token(&api, json!({ "scopes": ["docs:write"] })).await;
    assert_eq!(Socket::open(&api, &docs.token).await.err(), Some(403));
    let own = token(&api, json!({ "venture": agent.venture, "scopes": ["read-only"] })).await;
    for refused in [json!(["*"]), json!(["elsewhere"]), json!([agent.venture, "elsewhere"])] {
        let mut socket = Socket::open(&api, &own.token).await.unwrap();
        socket.send(json!({ "ventures": refused, "after": 0 }).to_string()).await;
        assert_eq!(socket.close_code().await, 1008, "{refused}");
    }
    let mut socket = Socket::open(&api, &own.token).await.unwrap();
    socket.ask(&[&agent.venture], 0).await;
    note_of(&agent).await;
    assert!(socket.hint().await > 0);
}

#[tokio::test]
async fn a_request_that_asks_for_no_socket_is_refused() {
    let api = Api::start().await;
    let ask = |method: &str| {
        TestRequest::at(method, "/v1/watch")
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    api.anonymous().send(ask("GET")).await.problem(ErrorCode::Unauthorized);
    for (ask, code) in [
        (ask("GET").without("upgrade"), ErrorCode::UpgradeRequired),
        (ask("GET").header("upgrade", "h2c"), ErrorCode::UpgradeRequired),
        (ask("GET").header("sec-websocket-version", "8"), ErrorCode::UpgradeRequired),
        (ask("GET").without("sec-websocket-key"), ErrorCode::InvalidRequest),
        (ask("GET").header("sec-websocket-key", "short"), ErrorCode::InvalidRequest),
        // The runtime of the Worker itself refuses another method with the headers of an upgrade.
        (TestRequest::at("POST", "/v1/watch"), ErrorCode::MethodNotAllowed),
    ] {
        let refused = api.admin().send(ask).await;
        refused.problem(code);
        let version = (code == ErrorCode::UpgradeRequired).then_some("13");
        assert_eq!(refused.header("sec-websocket-version"), version, "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_not_known_closes_the_socket() {
    let api = Api::start().await;
    let code = |message: &str| {
        let (api, message) = (api.clone(), message.to_owned());
        async move {
            let mut socket = Socket::open(&api, api.admin_key()).await.unwrap();
            socket.send(message).await;
            socket.close_code().await
        }
    };
    let eleven: Vec<_> = (0..11).map(|n| format!("v{n}")).collect();
    for message in [
        "hello".to_owned(),
        "{}".to_owned(),
        json!({ "ventures": [], "after": 0 }).to_string(),
        json!({ "ventures": ["*", "alpha"], "after": 0 }).to_string(),
        json!({ "ventures": ["Alpha"], "after": 0 }).to_string(),
        json!({ "ventures": ["alpha"], "after": -1 }).to_string(),
        json!({ "ventures": ["alpha"], "after": 0, "more": 1 }).to_string(),
        json!({ "ventures": eleven, "after": 0 }).to_string(),
    ] {
        assert_eq!(code(&message).await, 1008, "{message}");
    }
    assert_eq!(code(&"x".repeat(1_025)).await, 1009);
    let mut socket = Socket::open(&api, api.admin_key()).await.unwrap();
    socket.send_bytes(b"{}").await;
    assert_eq!(socket.close_code().await, 1003);
    let mut socket = Socket::open(&api, api.admin_key()).await.unwrap();
    socket.send("ping").await;
    assert_eq!(socket.text().await, "pong");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_of_a_revoked_token_is_closed_and_one_without_a_message_too() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let minted = token(&api, json!({ "venture": agent.venture })).await;
    let mut revoked = Socket::open(&api, &minted.token).await.unwrap();
    revoked.ask(&[&agent.venture], 0).await;
    let mut kept = Socket::watching(&api, &[&agent.venture], api.head().await).await;
    let mut mute = Socket::open(&api, api.admin_key()).await.unwrap();
    let revoke = TestRequest::of(Operation::RevokeToken).with(&minted.record.id);
    api.admin().send(revoke).await.of::<Token>(200);
    let (code, reason) = revoked.closed_within(CHECKED).await.expect("the socket of a revoked token stays open");
    assert_eq!((code, reason.contains("revoked")), (1008, true), "{reason}");
    let (code, _) = mute.closed_within(CHECKED).await.expect("a socket without a message stays open");
    assert_eq!(code, 1001);
    KeyCaller::of(&api, &minted.token)
        .send(TestRequest::of(Operation::ListVentures))
        .await
        .problem(ErrorCode::Unauthorized);
    note_of(&agent).await;
    kept.hint().await;
}

/// An event of another process on the same database, which pokes nothing. The embedded engine of an agent writes so beside a
/// server, and a poke of the Worker can be lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_a_poke_gives_a_hint_at_the_next_check() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    note_of(&agent).await;
    let head = api.head().await;
    let mut socket = Socket::watching(&api, &[&agent.venture], head).await;
    socket.expect_silence().await;
    let copy = "insert into events (venture, kind, subject, at, data_json)
        select venture, kind, subject, at, data_json from events where seq = ?1";
    api.db_execute(copy, json!([head])).await;
    assert_eq!(socket.text_within(CHECKED).await, Some(format!("{{\"seq\":{}}}", head + 1)));
}

/// What the hub of the Worker says about itself.
async fn hub(api: &Api, asked: &str) -> Value {
    let answer = api.anonymous().send(TestRequest::at("GET", "/").header("x-test-hub", asked)).await;
    assert_eq!(answer.status, 200, "{answer}");
    answer.json()
}

const SKIPPED: &str = "skipped: only the Worker has a hub that tests can look into";

#[tokio::test(flavor = "multi_thread")]
async fn sockets_stay_open_while_the_hub_is_not_in_memory() {
    let Some(api) = Api::start_probing().await else { return println!("{SKIPPED}") };
    let (here, there) = (api.agent().await, api.agent().await);
    note_of(&here).await;
    let head = api.head().await;
    let mut own = Socket::watching(&api, &[&here.venture], head).await;
    let mut other = Socket::watching(&api, &[&there.venture], head).await;
    own.expect_silence().await;
    let before = hub(&api, "").await;
    // The runtime removes an object that does nothing for ten seconds.
    tokio::time::sleep(Duration::from_secs(14)).await;
    own.send("ping").await;
    assert_eq!(own.text().await, "pong");
    note_of(&here).await;
    assert_eq!(own.hint().await, head + 1);
    other.expect_silence().await;
    let after = hub(&api, "").await;
    assert!(
        after["starts"].as_u64() > before["starts"].as_u64(),
        "{before} {after}: the hub was in memory all the time"
    );
    assert_eq!(after["sockets"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_poke_costs_30_seconds() {
    let Some(api) = Api::start_probing().await else { return println!("{SKIPPED}") };
    let agent = api.agent().await;
    let head = api.head().await;
    let mut socket = Socket::watching(&api, &[&agent.venture], head).await;
    socket.expect_silence().await;
    hub(&api, "lose").await;
    note_of(&agent).await;
    socket.expect_silence().await;
    assert_eq!(socket.text_within(CHECKED).await, Some(format!("{{\"seq\":{}}}", head + 1)));
}

/// 200 clients that send their pings in an hour without an event.
#[tokio::test(flavor = "multi_thread")]
async fn idle_sockets_do_not_wake_the_hub_and_cost_as_much_as_one() {
    let Some(api) = Api::start_probing().await else { return println!("{SKIPPED}") };
    let agent = api.agent().await;
    note_of(&agent).await;
    let unwatched = hub(&api, "").await;
    assert_eq!((&unwatched["read"], &unwatched["messages"]), (&json!(0), &json!(0)), "no socket, so nothing is read");
    let (head, ventures) = (api.head().await, [agent.venture.as_str()]);
    // A client that has not the newest event gets a hint, which shows that the hub has read its message.
    let open = async || {
        let mut socket = Socket::watching(&api, &ventures, head - 1).await;
        assert_eq!(socket.hint().await, head);
        socket
    };
    let mut sockets = vec![open().await];
    let hour_of = async |sockets: &mut Vec<Socket>| {
        let before = hub(&api, "").await;
        for _ in 0..3 {
            join_all(sockets.iter_mut().map(|socket| socket.send("ping"))).await;
            let answers = join_all(sockets.iter_mut().map(Socket::text)).await;
            assert!(answers.iter().all(|answer| answer == "pong"), "{answers:?}");
        }
        let after = hub(&api, "hour").await;
        ["starts", "pokes", "messages", "checks", "read", "written"]
            .map(|count| (count, after[count].as_u64().unwrap() - before[count].as_u64().unwrap()))
    };
    let [.., checks, read, written] = hour_of(&mut sockets).await;
    // A check of its alarm may run meanwhile.
    assert!((120..=121).contains(&checks.1), "{checks:?}");
    assert!(read.1 <= 3 * checks.1, "a check reads 3 rows at most: {read:?}");
    assert_eq!(written.1, 0);
    sockets.extend(join_all((1..200).map(|_| open())).await);
    let of_200 = hour_of(&mut sockets).await;
    println!("200 idle sockets in an hour: {of_200:?}");
    let [starts, pokes, messages, checks, of_all, _] = of_200;
    assert_eq!([starts.1, pokes.1, messages.1], [0; 3], "a ping woke the hub");
    assert!(of_all.1 <= 3 * checks.1, "200 sockets read {of_all:?}, one {read:?}");
    note_of(&agent).await;
    let hints = join_all(sockets.iter_mut().map(Socket::hint)).await;
    assert_eq!(hints, vec![head + 1; 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_has_an_alarm_only_while_a_socket_is_open() {
    let Some(api) = Api::start_probing().await else { return println!("{SKIPPED}") };
    let agent = api.agent().await;
    note_of(&agent).await;
    assert_eq!(hub(&api, "").await["alarm"], Value::Null);
    let first = Socket::watching(&api, &["*"], 0).await;
    let second = Socket::watching(&api, &["*"], 0).await;
    assert!(hub(&api, "").await["alarm"].is_number());
    first.close().await;
    assert!(hub(&api, "").await["alarm"].is_number());
    second.close().await;
    note_of(&agent).await;
    let closed = hub(&api, "").await;
    assert_eq!((&closed["alarm"], &closed["sockets"]), (&Value::Null, &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_restarts_accepts_sockets_and_gives_hints_again() {
    let Some(api) = Api::start_probing().await else { return println!("{SKIPPED}") };
    let agent = api.agent().await;
    let mut before = Socket::watching(&api, &[&agent.venture], 0).await;
    before.expect_silence().await;
    hub(&api, "reset").await;
    note_of(&agent).await;
    let mut socket = Socket::watching(&api, &[&agent.venture], 0).await;
    assert_eq!(socket.hint().await, 1);
    note_of(&agent).await;
    assert_eq!(socket.hint().await, 2);
}
