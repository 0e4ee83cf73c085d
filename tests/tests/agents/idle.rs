//! An idle agent costs nothing but its heartbeats, and leaves nothing behind.
//!
//! `DECKWATCH_IDLE_SECONDS` sets how long the agents are idle.

use std::time::Duration;

use deckwatch_protocol::Operation;
use deckwatch_tests::{Caller as _, TestRequest};
use serde_json::Value;

use crate::agent_cli::AgentCli;
use crate::machine::Machine;
use crate::office::{Office, now};
use crate::pane::Pane;

/// How long the agents are idle without another value.
const IDLE_SECONDS: u64 = 90;
/// A heartbeat is due after 8 to 12 minutes.
const BETWEEN_HEARTBEATS: u64 = 8 * 60;
/// The state of the agent is told within 3 seconds after a change.
const SETTLES: Duration = Duration::from_secs(6);
/// The limit of the release build. The code of a debug build is larger, so that only what is not code is compared.
const MAX_KIB: u64 = 15 * 1024;

#[tokio::test]
async fn idle_agents_send_only_their_heartbeats_and_leave_nothing_behind() {
    if !Pane::has_tmux() {
        return;
    }
    let office = Office::open().await;
    let mut desks = Vec::new();
    for cli in [AgentCli::Claude, AgentCli::Codex, AgentCli::Gemini] {
        let Some(machine) = Machine::with(cli) else { return };
        desks.push(office.seat(machine).await);
    }
    tokio::time::sleep(SETTLES).await;
    let requests_to_models = || desks.iter().map(|desk| desk.model.heard().len()).sum::<usize>();
    let (since, before) = (now(), requests_to_models());
    let idle = idle_seconds();
    tokio::time::sleep(Duration::from_secs(idle)).await;
    assert_eq!(requests_to_models(), before, "an idle agent asked its model");

    let list = TestRequest::of(Operation::ListRequests).query(format!("since={since}&limit=100"));
    let log: Value = office.api.admin().send(list).await.of(200);
    let operations = log["items"].as_array().unwrap().iter().map(|request| request["operation"].clone());
    let (beats, others): (Vec<Value>, Vec<Value>) = operations.partition(|name| name == "heartbeat");
    let others: Vec<Value> = others.into_iter().filter(|name| name != "list_requests").collect();
    println!("within {idle} s: {} heartbeats of {} agents", beats.len(), desks.len());
    assert!(others.is_empty(), "{others:?}");
    assert!(beats.len() as u64 <= desks.len() as u64 * (idle / BETWEEN_HEARTBEATS + 1), "{} heartbeats", beats.len());

    for desk in desks {
        let servers = desk.servers();
        let [server] = servers.as_slice() else { panic!("{servers:?}") };
        let (total, own) = (resident(server, "VmRSS"), resident(server, "RssAnon"));
        println!("{:?}: the server has {total} KiB, of which {own} KiB are no files", desk.machine.cli);
        assert!(own <= MAX_KIB && (cfg!(debug_assertions) || total <= MAX_KIB), "{total} KiB");
        desk.ends().await;
    }
}

fn idle_seconds() -> u64 {
    let name = "DECKWATCH_IDLE_SECONDS";
    let given = std::env::var(name).ok();
    given.map_or(IDLE_SECONDS, |text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// A size of a process in KiB.
fn resident(pid: &str, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
