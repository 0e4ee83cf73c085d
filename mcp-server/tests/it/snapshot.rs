//! A start of day while the API is down: it shows the API's last answer at once and says so.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Machine, Mcp, handoff};
use crate::server::{Server, holds_a_key};

const AGENT: &str = "mac1-claude-1";

/// A machine with a last answer, which contains the handoff `Read me later.`.
fn with_a_last_answer() -> (Machine, Server) {
    let (machine, server) = (Machine::new(), Server::started());
    let mut before = server.agent(&machine, AGENT);
    let _ = before.call("sod", &json!({})).good();
    let _ = before.call("handoff", &handoff("Read me later.")).good();
    let _ = before.call("sod", &json!({})).good();
    before.kill();
    (machine, server)
}

/// Checks that a start of day shows the last answer under this title. Returns how long it took.
#[track_caller]
fn last_answer(agent: &mut Mcp, title: &str) -> Duration {
    let asked = Instant::now();
    let day = agent.call("sod", &json!({})).good();
    let took = asked.elapsed();
    for part in [
        title,
        "STALE: the API's records are from its last answer, just now",
        "session  not started",
        "| Read me later.",
    ] {
        assert!(day.text.contains(part), "{part} in {}", day.text);
    }
    assert_eq!((&day.facts["outcome"], day.facts.get("session_id")), (&json!("unavailable"), None));
    assert!(day.facts["snapshot_age_seconds"].as_u64().unwrap() < 60);
    took
}

#[test]
fn without_the_api_the_last_answer_is_shown_within_300_ms() {
    let (machine, mut server) = with_a_last_answer();
    server.kill();
    // Use the best of several first calls of a process, because the test machine is busy.
    let mut agents: Vec<Mcp> = (0..4).map(|_| server.agent(&machine, AGENT)).collect();
    let took = agents.iter_mut().map(|agent| last_answer(agent, "# Deckwatch: the Context API can't be reached"));
    let took = took.min().unwrap();
    assert!(took < Duration::from_millis(300), "{took:?}");
    let day = agents[0].call("sod", &json!({})).good();
    assert!(day.text.contains("Connection refused"), "{}", day.text);
    assert!(!holds_a_key(&machine));
}

#[test]
fn a_hanging_api_delays_only_the_first_call() {
    let (machine, server) = with_a_last_answer();
    server.hang();
    let mut agent = server.agent(&machine, AGENT);
    // The first call can't distinguish it from a slow API.
    let took = last_answer(&mut agent, "# Deckwatch: the Context API has not answered within 2 s");
    assert!((2..4).contains(&took.as_secs()), "{took:?}");
    let still = "# Deckwatch: the Context API still does not answer";
    let took = (0..4).map(|_| last_answer(&mut agent, still)).min().unwrap();
    assert!(took < Duration::from_millis(300), "{took:?}");
    assert!(!holds_a_key(&machine));
    server.go_on();
    let mut days = (0..100).map(|_| agent.call("sod", &json!({})).good());
    assert!(days.any(|day| day.facts["outcome"] != "unavailable"), "the API answers again");
}

#[test]
fn the_report_shows_queued_writes_and_the_day_starts_when_the_api_is_back() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let first = agent.call("sod", &json!({})).good();
    server.kill();
    assert_eq!(agent.call("handoff", &handoff("Waits.")).good().facts["queued"], true);
    let day = agent.call("sod", &json!({})).good();
    assert_eq!(day.facts["queued"], 1);
    assert!(day.text.contains("Outbox: 1 write is waiting on this machine and not recorded yet"), "{}", day.text);
    server.start();
    // The new call does not wait for the pause of an earlier try.
    let day = (0..20).map(|_| agent.call("sod", &json!({})).good()).find(|day| day.facts["outcome"] != "unavailable");
    let day = day.expect("the API is back");
    assert_eq!(day.facts["queued"], 0, "{}", day.text);
    assert_ne!(day.facts["session_id"], first.facts["session_id"], "that day has ended");
}

#[test]
fn another_repository_does_not_show_this_repositorys_last_answer() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let _ = server.agent(&machine, AGENT).call("sod", &json!({})).good();
    server.kill();
    let mut command = machine.command(&machine.repository("https://github.com/example-org/beta.git"));
    command.envs([("DECKWATCH_AGENT", AGENT), ("DECKWATCH_VENTURE", "alpha")]);
    command.envs([("CONTEXT_API_URL", server.url().as_str()), ("CONTEXT_API_KEY", "c0ffee00c0ffee00c0ffee00c0ffee00")]);
    let text = Mcp::initialized(command).call("sod", &json!({})).trouble();
    assert!(text.contains("This machine has no earlier answer for this repository"), "{text}");
}
