//! Many connections without a key: they use little memory, and no caller with a key waits for them.

use std::time::{Duration, Instant};

use deckwatch_protocol::{ErrorCode, Handoff, Health, Operation, SessionId};
use deckwatch_tests::{Agent, Api, Caller, ServerProcess, TestRequest, Wire, fresh, program};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::lab::forged_token;

const KEYS: (&str, &str) = ("the-context-key-of-a-test", "the-admin-key-of-a-test");
/// The size of the body; a document may have it.
const BODY: usize = 7 * 1024 * 1024;
/// The bytes of one write.
const PIECE: &[u8] = &[b'x'; 16 * 1024];
/// How much of a stranger's body the server reads and throws away.
const READ_OF_STRANGER: u64 = 256 * 1024;
/// How much longer than without the strangers 99 of 100 heartbeats may take.
const ALLOWANCE: Duration = Duration::from_millis(50);
/// The same for the one that comes at the moment when 400 strangers connect: a debug build needs half a millisecond of a
/// processor for each connection and its refusal, and there may be one processor to spare.
const ALLOWANCE_OF_BURST: Duration = Duration::from_millis(200);
/// The limit for the server's memory.
const MAX_KIB: u64 = 100 * 1024;

/// A real server, and an agent with a session.
struct TestServer {
    folder: TempDir,
    process: ServerProcess,
    agent: Agent,
    session: SessionId,
}

impl TestServer {
    async fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let process = ServerProcess::start(&program("deckwatch-server"), folder.path(), KEYS.0, KEYS.1).await;
        let agent = Api::at(&process.url, KEYS, &folder.path().join("context.db")).agent().await;
        let session = agent.started().await.session.id;
        Self { folder, process, agent, session }
    }

    /// The response times of consecutive heartbeats while `during` runs.
    async fn heartbeats_during(&self, during: impl Future<Output = ()>) -> Vec<Duration> {
        let mut during = std::pin::pin!(during);
        let (mut beats, mut is_over) = (Vec::new(), false);
        while !is_over {
            let started = Instant::now();
            let mut beat = std::pin::pin!(self.agent.heartbeat(&self.session));
            let answer = tokio::select! {
                () = &mut during => {
                    is_over = true;
                    // The last one counts as well: it may be the one that waits.
                    beat.await
                }
                answer = &mut beat => answer,
            };
            answer.of::<Value>(200);
            beats.push(started.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        beats
    }
}

/// Opens connections that each send half of a body.
async fn half_a_body(url: &str, connections: usize, authorization: &str) -> Vec<Wire> {
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        let (url, authorization) = (url.to_owned(), authorization.to_owned());
        senders.spawn(async move {
            let mut wire = Wire::at(&url).await;
            wire.send(format!(
                "PUT /v1/docs/alpha/a.md HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{authorization}\
                 idempotency-key: a-key-of-a-stranger\r\ncontent-length: {BODY}\r\n\r\n"
            ))
            .await;
            let half = async {
                for _ in 0..BODY / 2 / PIECE.len() {
                    wire.send(PIECE).await;
                }
            };
            // If the engine stops reading, the client waits.
            let _ = tokio::time::timeout(Duration::from_secs(1), half).await;
            wire
        });
    }
    senders.join_all().await
}

/// The peak memory of the process. `None` if the system does not report it.
fn peak_kib(process: &ServerProcess) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Connections to a listener of this test that reads as much of each body as the server does of a stranger's, and throws
/// it away: what the senders cost the machine, without the server.
async fn half_a_body_to_a_sink(connections: usize) {
    let sink = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", sink.local_addr().unwrap());
    let sinking = tokio::spawn(async move {
        let mut sockets = JoinSet::new();
        while let Ok((socket, _)) = sink.accept().await {
            sockets.spawn(async move {
                let _ = tokio::io::copy(&mut socket.take(READ_OF_STRANGER), &mut tokio::io::sink()).await;
            });
        }
    });
    let _wires = half_a_body(&url, connections, "").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    sinking.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_bodies_without_a_key_use_no_memory_and_delay_no_heartbeat() {
    for (connections, authorization) in
        [(100, String::new()), (400, String::new()), (100, format!("authorization: Bearer {}\r\n", forged_token()))]
    {
        let server = TestServer::open().await;
        let (mut rounds, mut is_good) = (Vec::new(), false);
        // The senders of this test keep the processors busy too. So heartbeats are also measured while the senders send
        // elsewhere. What the machine does besides falls on one round or the other; what the server does, on each.
        while !is_good && rounds.len() < 5 {
            let alone = server.heartbeats_during(half_a_body_to_a_sink(connections)).await;
            let mut wires = Vec::new();
            let beats = server
                .heartbeats_during(async {
                    wires = half_a_body(&server.process.url, connections, &authorization).await;
                    tokio::time::sleep(Duration::from_secs(2)).await;
                })
                .await;
            for wire in &mut wires {
                if let Some(answer) = wire.answer().await {
                    assert_eq!(answer.status, 401);
                }
            }
            let [(most, p99), (most_alone, p99_alone)] = [&beats, &alone].map(|beats| {
                let mut sorted = beats.clone();
                sorted.sort();
                (sorted[sorted.len() - 1], sorted[sorted.len() * 99 / 100])
            });
            is_good = p99 <= p99_alone + ALLOWANCE && most <= most_alone + ALLOWANCE_OF_BURST;
            rounds.push(format!("p99 {p99:?} most {most:?}; without: p99 {p99_alone:?} most {most_alone:?}"));
        }
        assert!(is_good, "in each round, heartbeats waited: {rounds:#?}");
        if let Some(peak) = peak_kib(&server.process) {
            assert!(peak < MAX_KIB, "the server used {peak} KiB for {connections} connections without a key");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_too_slowly_is_refused_after_30_seconds() {
    let server = TestServer::open().await;
    let mut wire = Wire::at(&server.process.url).await;
    let started = Instant::now();
    wire.send(large_body(16 * 1024)).await;
    for _ in 0..20 {
        wire.send("x").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    wire.answer().await.unwrap().problem(ErrorCode::RequestTimeout);
    assert!((29..34).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_finds_no_room_is_refused_after_5_seconds_and_no_heartbeat_waits() {
    let server = TestServer::open().await;
    // The budget of 32 MiB takes four of these.
    let mut wires = Vec::new();
    for _ in 0..5 {
        let mut wire = Wire::at(&server.process.url).await;
        wire.send(large_body(BODY)).await;
        // They get their places in this order.
        tokio::time::sleep(Duration::from_millis(100)).await;
        wires.push(wire);
    }
    let mut last = wires.pop().unwrap();
    let started = Instant::now();
    let beats = server
        .heartbeats_during(async {
            let refused = last.answer().await.unwrap();
            refused.problem(ErrorCode::Overloaded);
            assert!(refused.header("retry-after").is_some());
        })
        .await;
    assert!((4..7).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    assert!(beats.len() > 10 && beats.iter().max() < Some(&Duration::from_secs(1)), "{:?}", beats.iter().max());
    // The places of those that have gone are free again.
    drop(wires);
    let mut wire = Wire::at(&server.process.url).await;
    wire.send(large_body(BODY)).await;
    wire.send(vec![b' '; BODY]).await;
    wire.answer().await.unwrap().problem(ErrorCode::MalformedJson);
}

/// The head of a request of an admin with a body of so many bytes.
fn large_body(bytes: usize) -> String {
    format!(
        "PUT /v1/docs/global/large.md HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer \
         {}\r\nidempotency-key: {}\r\ncontent-length: {bytes}\r\n\r\n",
        KEYS.1,
        fresh("a-key-for-a-large-document")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_closed_for_new_callers() {
    let server = TestServer::open().await;
    let mut idle = Vec::new();
    // Half of the connections send nothing, half send the start of a head.
    for n in 0..600 {
        let mut wire = Wire::at(&server.process.url).await;
        if n % 2 == 0 {
            wire.send("GET /v1/ventures HTTP/1.1\r\n").await;
        }
        idle.push(wire);
    }
    let started = Instant::now();
    let newcomer = Api::at(&server.process.url, KEYS, &server.folder.path().join("context.db"));
    server.agent.at(&newcomer).heartbeat(&server.session).await.of::<Value>(200);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    server.agent.heartbeat(&server.session).await.of::<Value>(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_sender_gets_a_timeout_and_is_disconnected() {
    let server = TestServer::open().await;
    let mut wire = Wire::at(&server.process.url).await;
    wire.send("GET /v1/ventures HTTP/1.1\r\nhost: x\r\n").await;
    let answer = wire.answer().await.unwrap();
    answer.problem(ErrorCode::RequestTimeout);
    assert!(wire.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_head_after_a_request_gets_a_timeout_and_is_disconnected() {
    let server = TestServer::open().await;
    let mut wire = Wire::at(&server.process.url).await;
    wire.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\nGET /v1/ventures HTTP/1.1\r\n").await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
    wire.answer().await.unwrap().problem(ErrorCode::RequestTimeout);
}

/// A request for a document that is larger than the socket buffers.
async fn large_read(server: &TestServer) -> String {
    let api = server.agent.api();
    let venture = api.venture().await;
    // JSON escapes each of these characters with six bytes.
    let body = json!({ "content": "\u{1}".repeat(1_000_000) }).to_string();
    let mut wire = Wire::to(api).await;
    let head = format!(
        "PUT /v1/docs/{venture}/large.md HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         authorization: Bearer {}\r\nidempotency-key: a-key-for-a-large-document\r\ncontent-length: {}\r\n\r\n",
        KEYS.1,
        body.len()
    );
    wire.send(head + &body).await;
    assert_eq!(wire.answer().await.unwrap().status, 201);
    format!("GET /v1/docs/{venture}/large.md HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", KEYS.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_gets_its_complete_answer() {
    let server = TestServer::open().await;
    let request = large_read(&server).await;
    let mut wire = Wire::with_small_buffer(&server.process.url).await;
    wire.send(request).await;
    // The read takes longer than a connection may be idle, but the client never stops reading for so long.
    let answer = wire.answer_slowly(Duration::from_secs(36), 80 * 1024).await.unwrap();
    assert_eq!((answer.status, answer.body.len() > 6_000_000), (200, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_request_waits_until_a_large_answer_is_read() {
    let server = TestServer::open().await;
    let request = large_read(&server).await;
    for ends in [false, true] {
        let mut wire = Wire::with_small_buffer(&server.process.url).await;
        wire.send(if ends { request.clone() } else { format!("{request}nonsense\r\n\r\n") }).await;
        let head = wire.head().await.unwrap();
        if ends {
            wire.finish().await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let length: usize = head.header("content-length").unwrap().parse().unwrap();
        let rest = wire.rest().await;
        assert!(rest.len() >= length, "{} of {length} bytes", rest.len());
        let follows = String::from_utf8_lossy(&rest[length..]).into_owned();
        assert_eq!(follows.starts_with("HTTP/1.1 400 "), !ends, "{follows}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_request_is_not_executed_after_its_connection_closes() {
    let server = TestServer::open().await;
    let other = Connection::open(server.folder.path().join("context.db")).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let body = json!({ "name": "Of a caller who has gone" }).to_string();
    let mut wire = Wire::at(&server.process.url).await;
    wire.send(format!(
        "PUT /v1/ventures/gone HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer {}\r\n\
         idempotency-key: a-key-of-who-has-gone\r\ncontent-length: {}\r\n\r\n{body}",
        KEYS.1,
        body.len()
    ))
    .await;
    // Gives the request time to reach the lock.
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(wire);
    tokio::time::sleep(Duration::from_millis(300)).await;
    other.execute_batch("rollback").unwrap();
    // If the earlier request still waits, this write runs after it.
    server.agent.create_handoff(&server.session, json!({})).await.of::<Handoff>(201);
    let count = "select count(*) as n from ventures where code = 'gone'";
    assert_eq!(server.agent.api().db_count(count, json!([])).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_waits_once_for_a_locked_file_and_health_does_not_wait() {
    let server = TestServer::open().await;
    let strangers = half_a_body(&server.process.url, 100, "").await;
    let other = Connection::open(server.folder.path().join("context.db")).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let locked = Instant::now();
    let mut waiters = JoinSet::new();
    for n in 0..8 {
        let (agent, session) = (server.agent.clone(), server.session.clone());
        waiters.spawn(async move {
            tokio::time::sleep(Duration::from_millis(50 * n)).await;
            let started = Instant::now();
            // A write runs two batches here, which share one wait.
            let answer = agent.create_handoff(&session, json!({ "summary": "while it was locked" })).await;
            (answer, started.elapsed())
        });
    }
    while locked.elapsed() < Duration::from_secs(8) {
        let started = Instant::now();
        let health: Health = server.agent.send(TestRequest::of(Operation::Health)).await.of(200);
        assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
        assert!(locked.elapsed() < Duration::from_secs(1) || health.writes_wait_seconds.is_some());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (answer, waited) in waiters.join_all().await {
        answer.problem(ErrorCode::DatabaseUnavailable);
        assert!((4900..5500).contains(&waited.as_millis()), "{waited:?}");
    }
    drop(strangers);
    other.execute_batch("rollback").unwrap();
    server.agent.create_handoff(&server.session, json!({})).await.of::<Handoff>(201);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let health: Health = server.agent.send(TestRequest::of(Operation::Health)).await.of(200);
    assert_eq!(health.writes_wait_seconds, None);
    assert!(peak_kib(&server.process).is_none_or(|peak| peak < MAX_KIB));
}
