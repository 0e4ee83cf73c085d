//! Two processes on one database file: they take turns, and no request fails because the file is busy.

use deckwatch_protocol::{DayStarted, Handoff};
use deckwatch_tests::{Api, Caller, ServerProcess, program};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

const KEYS: (&str, &str) = ("the-context-key-of-a-test", "the-admin-key-of-a-test");

#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_in_two_processes_lose_no_write() {
    let (folder, binary) = (TempDir::new().unwrap(), program("deckwatch-server"));
    let database = folder.path().join("context.db");
    // Both processes open a file that does not exist yet.
    let (one, two) = tokio::join!(
        ServerProcess::start(&binary, folder.path(), KEYS.0, KEYS.1),
        ServerProcess::start(&binary, folder.path(), KEYS.0, KEYS.1)
    );
    let apis = [&one, &two].map(|process| Api::at(&process.url, KEYS, &database));
    let agent = apis[0].agent().await;
    let session = agent.started().await.session.id;
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let (agent, session) = (agent.at(&apis[writer % 2]), session.clone());
        writers.spawn(async move {
            for n in 0..25 {
                let summary = format!("{writer} {n}");
                agent.create_handoff(&session, json!({ "summary": summary })).await.of::<Handoff>(201);
            }
        });
    }
    writers.join_all().await;
    let distinct = "select count(distinct summary) as n from handoffs where session_id = ?1";
    assert_eq!(apis[1].db_count(distinct, json!([session])).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_starts_of_one_agent_in_two_processes_make_one_session() {
    let (folder, binary) = (TempDir::new().unwrap(), program("deckwatch-server"));
    let database = folder.path().join("context.db");
    let one = ServerProcess::start(&binary, folder.path(), KEYS.0, KEYS.1).await;
    let two = ServerProcess::start(&binary, folder.path(), KEYS.0, KEYS.1).await;
    let apis = [&one, &two].map(|process| Api::at(&process.url, KEYS, &database));
    let agent = apis[0].agent().await;
    let mut starts = JoinSet::new();
    for n in 0..16 {
        let agent = agent.at(&apis[n % 2]);
        starts.spawn(async move {
            let response = agent.start_day(json!({})).await;
            response.of::<DayStarted>(response.status).session.id
        });
    }
    let mut sessions = starts.join_all().await;
    sessions.dedup();
    assert_eq!(sessions.len(), 1);
    assert_eq!(agent.api().db_count("select count(*) as n from sessions", json!([])).await, 1);
}
