//! A server whose disk loses what was not synced: every acknowledged write is on the disk, and no write is there in part.

use std::time::Duration;

use deckwatch_protocol::{Handoff, SessionId};
use deckwatch_tests::{Agent, Api, Caller as _, Response, ServerProcess, TestRequest, VolatileDisk};
use serde_json::json;
use tokio::task::JoinSet;

use crate::survival::{ADMIN_KEY, Burst, CONTEXT_KEY, TestServer, write_until_killed};

/// Cuts the power in the middle of writes, at least five times. With `failing_syncs`, about one sync in so many fails.
async fn power_fails(failing_syncs: Option<u32>) {
    let server = TestServer::new();
    // The database exists before the disk is observed.
    drop(server.open().await);
    let mut fault_seen = false;
    let mut acknowledged: Vec<(TestRequest, Response)> = Vec::new();
    for round in 1..=20 {
        let mut disk = VolatileDisk::new(server.folder.path(), round);
        let (agent, session, burst) = write_until_power_fails(&server, &disk, failing_syncs, round).await;
        let lost = disk.power_cut();
        // What a failed sync did not write is lost at once, so that nothing may be left to lose when the power fails.
        fault_seen |= if failing_syncs.is_some() { has_refused_write(&burst).await } else { lost > 0 };

        let (_process, api) = server.open().await;
        let agent = agent.at(&api);
        let written = check(&agent, &burst, &session).await;
        assert!(!written.is_empty() || failing_syncs.is_some(), "the power failed before a write was acknowledged");
        acknowledged.extend(written);
        let integrity = "select count(*) as n from pragma_integrity_check where integrity_check <> 'ok'";
        assert_eq!(api.db_count(integrity, json!([])).await, 0);
        if round >= 5 && fault_seen && !acknowledged.is_empty() {
            // The writes of earlier rounds are still there.
            for (ask, answer) in &acknowledged {
                assert_eq!(agent.send(ask.clone()).await.body, answer.body, "an acknowledged write was lost");
            }
            return;
        }
    }
    panic!("no sector was lost and no sync failed, or none of {} writes was acknowledged", acknowledged.len());
}

/// Whether the server refused a write because its disk failed.
async fn has_refused_write(burst: &Burst) -> bool {
    let burst = burst.lock().await;
    burst.iter().any(|(_, answer)| answer.as_ref().is_some_and(|answer| answer.status == 503))
}

/// Writes on the volatile disk for some time, and kills the server.
async fn write_until_power_fails(
    server: &TestServer,
    disk: &VolatileDisk,
    failing_syncs: Option<u32>,
    round: u64,
) -> (Agent, SessionId, Burst) {
    // The day starts on a disk without faults.
    let (process, api) = server.open().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    process.kill().await;

    let variables = disk.variables(failing_syncs);
    let (binary, folder) = (&server.binary, server.folder.path());
    let process = ServerProcess::start_with(binary, folder, CONTEXT_KEY, ADMIN_KEY, variables).await;
    let agent = agent.at(&Api::at(&process.url, (CONTEXT_KEY, ADMIN_KEY), &folder.join("context.db")));
    let burst = Burst::default();
    let mut writers: JoinSet<()> = write_until_killed(&agent, &session, &burst);
    tokio::time::sleep(Duration::from_millis(100 + 100 * round)).await;
    process.kill().await;
    while writers.join_next().await.is_some() {}
    (agent, session, burst)
}

/// Sends each write again. Returns the acknowledged ones, which must be replays.
async fn check(agent: &Agent, burst: &Burst, session: &SessionId) -> Vec<(TestRequest, Response)> {
    let mut acknowledged = Vec::new();
    let burst = burst.lock().await;
    for (ask, answer) in burst.iter() {
        let retry = agent.send(ask.clone()).await;
        retry.of::<Handoff>(201);
        if let Some(answer) = answer.as_ref().filter(|answer| answer.status == 201) {
            assert!(retry.is_replay(), "an acknowledged write was lost");
            assert_eq!(retry.body, answer.body);
            acknowledged.push((ask.clone(), answer.clone()));
        }
    }
    let stored = "select count(*) as n from handoffs where session_id = ?1";
    assert_eq!(agent.api().db_count(stored, json!([session])).await, burst.len() as u64);
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_power_cuts() {
    power_fails(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_power_cuts_on_a_disk_whose_syncs_fail() {
    power_fails(Some(8)).await;
}
