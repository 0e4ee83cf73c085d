//! A server that is killed during its work: no acknowledged write is lost, and none happens twice.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use deckwatch_api::Statement;
use deckwatch_protocol::{DayEnded, DayStarted, ErrorCode, Handoff, Operation, Venture};
use deckwatch_server::Sqlite;
use deckwatch_tests::{Agent, Api, Caller, MailLoad, Response, ServerProcess, TestRequest, fresh, fresh_uuid, program};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

pub(crate) const CONTEXT_KEY: &str = "the-context-key-of-a-test";
pub(crate) const ADMIN_KEY: &str = "the-admin-key-of-a-test";

/// A real server on a folder that is kept when the server ends.
pub(crate) struct TestServer {
    pub(crate) folder: TempDir,
    pub(crate) binary: std::path::PathBuf,
}

impl TestServer {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), binary: program("deckwatch-server") }
    }

    pub(crate) async fn open(&self) -> (ServerProcess, Api) {
        let process = ServerProcess::start(&self.binary, self.folder.path(), CONTEXT_KEY, ADMIN_KEY).await;
        let api = Api::at(&process.url, (CONTEXT_KEY, ADMIN_KEY), &self.folder.path().join("context.db"));
        (process, api)
    }
}

/// Concurrent writes, each with its answer, if it got one.
pub(crate) type Burst = Arc<Mutex<Vec<(TestRequest, Option<Response>)>>>;

/// Writes from eight connections until the engine has ended.
pub(crate) fn write_until_killed(agent: &Agent, session: &deckwatch_protocol::SessionId, burst: &Burst) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let (agent, session, burst) = (agent.clone(), session.clone(), Arc::clone(burst));
        writers.spawn(async move {
            loop {
                let summary = format!("write of {writer} {}", fresh(""));
                let ask = agent.ask_create_handoff(&session, json!({ "summary": summary }));
                let response = agent.api().try_send(ask.clone()).await;
                let gone = response.is_none();
                burst.lock().await.push((ask, response));
                if gone {
                    return;
                }
            }
        });
    }
    writers
}

#[tokio::test(flavor = "multi_thread")]
async fn retried_writes_happen_exactly_once_after_a_kill() {
    let server = TestServer::new();
    for round in 1..=3 {
        let (process, api) = server.open().await;
        let agent = api.agent().await;
        let session = agent.started().await.session.id;
        let burst = Burst::default();
        let mut writers = write_until_killed(&agent, &session, &burst);
        // Let the server work for a while, so that the kill interrupts writes.
        tokio::time::sleep(Duration::from_millis(150 * round)).await;
        process.kill().await;
        while writers.join_next().await.is_some() {}

        let (_process, api) = server.open().await;
        let agent = agent.at(&api);
        let burst = burst.lock().await;
        let acknowledged = burst.iter().filter(|(_, response)| response.is_some()).count();
        assert!(acknowledged > 0, "the server was killed before it acknowledged a write");
        for (ask, acknowledged) in burst.iter() {
            let retry = agent.send(ask.clone()).await;
            retry.of::<Handoff>(201);
            if let Some(acknowledged) = acknowledged {
                assert!(retry.is_replay(), "an acknowledged write was lost");
                assert_eq!(retry.body, acknowledged.body);
            }
        }
        let stored = "select count(*) as n from handoffs where session_id = ?1";
        assert_eq!(api.db_count(stored, json!([session])).await, burst.len() as u64);
        let distinct = "select count(distinct summary) as n from handoffs where session_id = ?1";
        assert_eq!(api.db_count(distinct, json!([session])).await, burst.len() as u64);
        let events = "select count(*) as n from events where kind = 'handoff_recorded' and session_id = ?1";
        assert_eq!(api.db_count(events, json!([session])).await, burst.len() as u64);
        let of_handoffs =
            "select count(distinct subject) as n from events where kind = 'handoff_recorded' and session_id = ?1
            and subject in (select id from handoffs where session_id = ?1)";
        assert_eq!(api.db_count(of_handoffs, json!([session])).await, burst.len() as u64);
        api.events_after(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_process_takes_one_epoch_and_the_name_stays_after_a_kill() {
    let server = TestServer::new();
    let (process, api) = server.open().await;
    let agent = api.agent().await;
    let machine = fresh_uuid();
    let start = move |agent: &Agent| {
        agent.ask_start_day(json!({ "machine_id": machine, "start_id": fresh_uuid(), "take_over": "a test" }))
    };
    let exchange = TestRequest::of(Operation::CreateAgentToken)
        .json(&json!({ "venture": agent.venture, "agent": agent.name, "machine_id": fresh_uuid() }));
    let token = agent.send(exchange.clone()).await;
    let burst = Burst::default();
    let mut writers = JoinSet::new();
    for _ in 0..8 {
        let (agent, burst, start) = (agent.clone(), Arc::clone(&burst), start.clone());
        writers.spawn(async move {
            loop {
                let ask = start(&agent);
                let response = agent.api().try_send(ask.clone()).await;
                let gone = response.is_none();
                burst.lock().await.push((ask, response));
                if gone {
                    return;
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    process.kill().await;
    while writers.join_next().await.is_some() {}

    let (_process, api) = server.open().await;
    let (agent, burst) = (agent.at(&api), burst.lock().await);
    let mut epochs = BTreeSet::new();
    for (ask, acknowledged) in burst.iter() {
        let retry = agent.send(ask.clone()).await;
        let started: DayStarted = retry.of(retry.status);
        assert!(epochs.insert(started.session.epoch), "two processes have one epoch");
        if let Some(acknowledged) = acknowledged {
            assert_eq!((retry.is_replay(), &retry.body), (true, &acknowledged.body));
        }
    }
    let last = epochs.last().map(|epoch| epoch.get() as usize);
    assert_eq!((epochs.len(), last), (burst.len(), Some(burst.len())), "an epoch was taken twice or lost");
    let again = agent.send(exchange).await;
    assert_eq!((again.is_replay(), &again.body), (true, &token.body));
    let other = json!({ "machine_id": fresh_uuid() });
    agent.start_day(other).await.problem(ErrorCode::AgentNameTaken);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_once_and_in_order_while_the_server_is_killed() {
    let server = TestServer::new();
    let (process, api) = server.open().await;
    let id = Cell::new(process.id());
    let running = RefCell::new(process);
    let load = MailLoad::start(api, 30, 100).await;
    let restart = async |_| {
        let (process, api) = server.open().await;
        id.set(process.id());
        running.replace(process);
        api
    };
    load.run(4, |_| id.get(), restart).await;
}

#[tokio::test]
async fn a_session_continues_after_a_kill() {
    let server = TestServer::new();
    let (process, api) = server.open().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    process.kill().await;
    let (process, api) = server.open().await;
    let agent = agent.at(&api);
    let resumed: DayStarted = agent.start_day(json!({})).await.of(200);
    assert_eq!(resumed.session.id, session);
    let end = agent.ask_end_day(&session, json!({}));
    let ended = agent.send(end.clone()).await;
    ended.of::<DayEnded>(200);
    process.kill().await;
    let (_process, api) = server.open().await;
    let again = agent.at(&api).send(end).await;
    assert_eq!((again.is_replay(), &again.body), (true, &ended.body));
}

#[tokio::test]
async fn a_new_database_can_be_opened_after_a_kill_during_its_creation() {
    let server = TestServer::new();
    for _ in 0..3 {
        let mut child = std::process::Command::new(&server.binary)
            .args(["--port", "0", "--data"])
            .arg(server.folder.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(3)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (_process, api) = server.open().await;
    let put = TestRequest::of(Operation::PutVenture).with("alpha").json(&json!({ "name": "Alpha" }));
    api.admin().send(put).await.of::<Venture>(201);
}

#[test]
fn a_write_is_synchronous_and_a_counter_is_not() {
    let folder = TempDir::new().unwrap();
    let database = Sqlite::open(&folder.path().join("context.db")).unwrap();
    database.run(&[Statement::new("create table kept (n integer)")]).unwrap();
    let write = Statement::new("insert into kept (n) values (1)");
    let count = write.clone().non_durable();
    let (full, normal) = (2, 1);
    for (writes, expected) in [(vec![write.clone()], full), (vec![count.clone()], normal), (vec![count, write], full)] {
        let mut batch = writes;
        batch.push(Statement::new("pragma synchronous"));
        let rows = database.run(&batch).unwrap();
        assert_eq!(rows.last().unwrap()[0]["synchronous"], expected, "{batch:?}");
    }
}

#[test]
fn several_threads_can_open_a_new_file_at_the_same_time() {
    for _ in 0..10 {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("context.db");
        let together = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            let opening = || {
                together.wait();
                Sqlite::open(&path).map(drop)
            };
            let opened: Vec<_> = (0..8).map(|_| scope.spawn(opening)).collect();
            for thread in opened {
                thread.join().unwrap().unwrap();
            }
        });
    }
}
