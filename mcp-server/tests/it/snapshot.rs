//! A start of day without the API: at once, from its last answer, and said plainly.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Machine, Mcp, handoff};
use crate::server::{Server, holds_a_key};

const AGENT: &str = "mac1-claude-1";

#[test]
fn without_the_api_a_day_starts_from_its_last_answer_within_300_ms() {
    for hanging in [false, true] {
        let (machine, mut server) = (Machine::new(), Server::started());
        let mut before = server.agent(&machine, AGENT);
        let _ = before.call("sod", &json!({})).good();
        let _ = before.call("handoff", &handoff("Read me later.")).good();
        let _ = before.call("sod", &json!({})).good();
        before.kill();
        if hanging {
            server.hang();
        } else {
            server.kill();
        }
        // The best of a few first calls of a process: the machine that tests run on is busy.
        let mut agents: Vec<Mcp> = (0..4).map(|_| server.agent(&machine, AGENT)).collect();
        let first_calls = agents.iter_mut().map(|agent| {
            let asked = Instant::now();
            let day = agent.call("sod", &json!({})).good();
            assert_eq!(day.facts["outcome"], "unavailable", "{}", day.text);
            asked.elapsed()
        });
        let took = first_calls.min().unwrap();
        let cause = if hanging { "no answer within 200 ms" } else { "Connection refused" };
        let mut days = (0..100).map(|_| agents[0].call("sod", &json!({})).good());
        let day = days.find(|day| day.text.contains(cause)).expect(cause);
        for part in [
            "# Deckwatch: the Context API can't be reached",
            "STALE: everything below is its last answer, from just now",
            "session  not started",
            "| Read me later.",
        ] {
            assert!(day.text.contains(part), "{part} in {}", day.text);
        }
        assert_eq!((&day.facts["outcome"], day.facts.get("session_id")), (&json!("unavailable"), None));
        assert!(day.facts["snapshot_age_seconds"].as_u64().unwrap() < 60);
        assert!(took < Duration::from_millis(300), "{took:?} hanging: {hanging}");
        assert!(!holds_a_key(&machine));
    }
}

#[test]
fn the_report_says_what_is_queued_and_the_day_starts_when_the_api_is_back() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let first = agent.call("sod", &json!({})).good();
    server.kill();
    assert_eq!(agent.call("handoff", &handoff("Waits.")).good().facts["queued"], true);
    let day = agent.call("sod", &json!({})).good();
    assert_eq!(day.facts["queued"], 1);
    assert!(day.text.contains("Outbox: 1 write is waiting on this machine, not recorded yet"), "{}", day.text);
    server.start();
    // Not waiting for any pause of what was tried before.
    let day = (0..20).map(|_| agent.call("sod", &json!({})).good()).find(|day| day.facts["outcome"] != "unavailable");
    let day = day.expect("the API is back");
    assert_eq!(day.facts["queued"], 0, "{}", day.text);
    assert_ne!(day.facts["session_id"], first.facts["session_id"], "that day has ended");
}

#[test]
fn another_repository_does_not_get_this_ones_last_answer() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let _ = server.agent(&machine, AGENT).call("sod", &json!({})).good();
    server.kill();
    let mut command = machine.command(&machine.repository("https://github.com/example-org/beta.git"));
    command.envs([("DECKWATCH_AGENT", AGENT), ("DECKWATCH_VENTURE", "alpha")]);
    command.envs([("CONTEXT_API_URL", server.url().as_str()), ("CONTEXT_API_KEY", "c0ffee00c0ffee00c0ffee00c0ffee00")]);
    let text = Mcp::initialized(command).call("sod", &json!({})).trouble();
    assert!(text.contains("No earlier answer is kept for this repository"), "{text}");
}
