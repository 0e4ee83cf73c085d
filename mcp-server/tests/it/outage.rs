//! An API that is slow, hangs, fails or is down: each case is reported correctly, and no write is lost.

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::between::{Between, Fate};
use crate::harness::{Answer, Machine, Mcp, handoff};
use crate::outbox::{keep_open, waiting};
use crate::server::{REMOTE, Server, agent_by_way_of, command};

const AGENT: &str = "mac1-claude-1";
const OTHER: &str = "mac1-codex-1";

/// A machine with a last answer, and a network that the test can slow down or break.
fn with_a_last_answer() -> (Machine, Server, Between) {
    let (machine, server) = (Machine::new(), Server::started());
    let between = Between::leading_to(server.address());
    let mut agent = agent_by_way_of(&machine, AGENT, &between.url);
    let _ = agent.call("sod", &json!({})).good();
    let _ = agent.call("handoff", &handoff("Read me later.")).good();
    (machine, server, between)
}

/// Waits until the condition is true.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let asked = Instant::now();
    while !is_so() {
        assert!(asked.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_normal_network_delay_does_not_show_the_last_answer() {
    let (machine, _server, between) = with_a_last_answer();
    for millis in [80, 300] {
        between.takes(Duration::from_millis(millis));
        let day = agent_by_way_of(&machine, AGENT, &between.url).call("sod", &json!({})).good();
        assert_ne!(day.facts["outcome"], "unavailable", "{millis} ms: {}", day.text);
        assert!(day.text.contains("| Read me later.") && !day.text.contains("STALE"), "{}", day.text);
    }
}

#[test]
fn a_slow_api_is_not_reported_as_unreachable_and_the_day_starts_later() {
    let (machine, server, between) = with_a_last_answer();
    between.takes(Duration::from_secs(3));
    let mut agent = agent_by_way_of(&machine, AGENT, &between.url);
    let asked = Instant::now();
    let day = agent.call("sod", &json!({})).good();
    assert!(asked.elapsed() >= Duration::from_secs(2), "{:?}", asked.elapsed());
    assert!(day.text.starts_with("# Deckwatch: the Context API has not answered within 2 s\n"), "{}", day.text);
    assert!(day.text.contains("STALE: the API's records are from its last answer"), "{}", day.text);
    assert!(!day.text.contains("can't be reached"), "{}", day.text);
    eventually("the day starts", || server.active_sessions() == 1);
    between.takes(Duration::ZERO);
    eventually("the next one is of now", || agent.call("sod", &json!({})).good().facts["outcome"] == "resumed");
}

#[test]
fn a_start_that_runs_after_two_seconds_is_not_reported_as_no_answer() {
    let (machine, _server, between) = with_a_last_answer();
    between.takes(Duration::from_millis(1_050));
    let day = agent_by_way_of(&machine, AGENT, &between.url).call("sod", &json!({})).good();
    assert!(day.text.starts_with("# Deckwatch: your day has not started within 2 s\n"), "{}", day.text);
}

#[test]
fn an_api_that_fails_for_two_seconds_is_reported_as_failing() {
    let (machine, _server, between) = with_a_last_answer();
    between.takes(Duration::from_millis(300));
    between.decides(|_| Fate::IsAnsweredElsewhere(503));
    let day = agent_by_way_of(&machine, AGENT, &between.url).call("sod", &json!({})).good();
    assert!(day.text.starts_with("# Deckwatch: the Context API fails\n"), "{}", day.text);
    assert!(day.text.contains("it answered 503 Service Unavailable"), "{}", day.text);
}

#[test]
fn queued_writes_of_other_agents_do_not_delay_a_start_of_day() {
    let (machine, mut server, between) = with_a_last_answer();
    let mut other = agent_by_way_of(&machine, OTHER, &between.url);
    let _ = other.call("sod", &json!({})).good();
    server.kill();
    for number in 0..6 {
        assert_eq!(other.call("handoff", &keep_open(&format!("number {number}"))).good().facts["queued"], true);
    }
    other.kill();
    server.start();
    between.takes(Duration::from_millis(400));
    let mut agent = agent_by_way_of(&machine, AGENT, &between.url);
    let day = agent.call("sod", &json!({})).good();
    assert_eq!(day.facts["outcome"], "created", "{}", day.text);
    eventually("everything is sent", || waiting(&machine).is_empty());
    assert_eq!(server.handoffs().len(), 7);
}

#[test]
fn an_api_behind_a_proxy_is_reached_only_through_the_proxy() {
    let (machine, server) = (Machine::new(), Server::started());
    let proxy = Between::leading_to(server.address());
    for (millis, outcome) in [(0, "created"), (400, "resumed")] {
        proxy.takes(Duration::from_millis(millis));
        // The port is closed. Only the proxy reaches the server.
        let mut command = command(&machine, AGENT, &machine.repository_once(REMOTE), "http://127.0.0.1:9");
        command.env("HTTP_PROXY", &proxy.url);
        let day = Mcp::initialized(command).call("sod", &json!({})).good();
        assert_eq!(day.facts["outcome"], outcome, "{}", day.text);
    }
}

/// The queue of unaccepted connections is full, so new connections are dropped, as by a firewall.
#[cfg(target_os = "linux")]
#[test]
fn a_dropped_connection_is_given_up_within_300_ms() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let _ = server.agent(&machine, AGENT).call("sod", &json!({})).good();
    server.kill();
    let _listener = TcpListener::bind(server.address()).unwrap();
    let moment = Duration::from_millis(300);
    let full: Vec<_> =
        std::iter::from_fn(|| TcpStream::connect_timeout(&server.address(), moment).ok()).take(10_000).collect();
    assert!(full.len() < 10_000, "the queue has an end");
    let mut agents: Vec<_> = (0..3).map(|_| server.agent(&machine, AGENT)).collect();
    let took = agents.iter_mut().map(|agent| {
        let asked = Instant::now();
        let day = agent.call("sod", &json!({})).good();
        assert!(day.text.starts_with("# Deckwatch: the Context API can't be reached\n"), "{}", day.text);
        assert!(day.text.contains("no connection within 200 ms"), "{}", day.text);
        asked.elapsed()
    });
    let took = took.min().unwrap();
    assert!(took < Duration::from_millis(300), "{took:?}");
}

/// An agent on a machine without a known venture and without a last answer.
fn agent_on_new_machine(machine: &Machine, server: &Server, remote: &str) -> Mcp {
    Mcp::initialized(command(machine, AGENT, &machine.repository_once(remote), &server.url()))
}

#[test]
fn writes_without_a_known_venture_are_queued_and_find_it_later() {
    let (machine, mut server) = (Machine::new(), Server::started());
    server.kill();
    let mut agent = agent_on_new_machine(&machine, &server, REMOTE);
    let text = agent.call("sod", &json!({})).trouble();
    assert!(text.contains("`handoff` works too: the handoff waits on this machine and is sent later"), "{text}");
    for _ in 0..2 {
        let queued = agent.call("handoff", &keep_open("Written far from everything.")).good();
        assert_eq!(queued.facts["queued"], true, "{}", queued.text);
        assert!(
            queued.text.contains("The venture of example-org/alpha is not known on this machine"),
            "{}",
            queued.text
        );
    }
    let note = json!({"action": "create", "title": "Here", "content": "About this venture."});
    let everywhere = json!({"action": "create", "title": "All", "content": "About all.", "scope": "global"});
    for note in [&note, &note, &everywhere] {
        let queued = agent.call("note", note).good();
        assert_eq!(queued.facts["queued"], true, "{}", queued.text);
    }
    assert_eq!(waiting(&machine).len(), 3, "a repeated write is queued once");
    agent.kill();
    server.start();
    let mut agent = agent_on_new_machine(&machine, &server, REMOTE);
    let day = agent.call("sod", &json!({})).good();
    assert!(day.text.contains("| Written far from everything."), "{}", day.text);
    assert_eq!((server.handoffs().len(), waiting(&machine).len()), (1, 0));
    for (q, scope) in [("venture", "alpha"), ("all", "global")] {
        let found = agent.call("notes", &json!({"q": q, "scope": scope})).good();
        assert_eq!(found.facts["list"]["total"], 1, "{scope}: {}", found.text);
    }
}

#[test]
fn a_write_without_a_venture_is_reported_and_blocks_no_other() {
    let (machine, mut server) = (Machine::new(), Server::started());
    server.kill();
    let mut agent = agent_on_new_machine(&machine, &server, "https://github.com/example-org/unheard-of.git");
    assert_eq!(agent.call("handoff", &handoff("Nobody's.")).good().facts["queued"], true);
    agent.kill();
    server.start();
    let mut agent = agent_on_new_machine(&machine, &server, REMOTE);
    let mut days = (0..100).map(|_| agent.call("sod", &json!({})).good());
    let expected = "waits for a person and delays no other write: the repository example-org/unheard-of does not belong to any venture";
    assert!(days.any(|day| day.text.contains(expected)), "{expected}");
    assert_eq!(agent.call("handoff", &handoff("Somebody's.")).good().facts["recorded"], true);
    assert_eq!(server.handoffs(), ["Somebody's."]);
}

#[test]
fn a_global_note_needs_no_venture() {
    let (machine, server) = (Machine::new(), Server::started());
    let mut agent = agent_on_new_machine(&machine, &server, "https://github.com/example-org/unheard-of.git");
    let note = json!({"action": "create", "title": "All", "content": "About all.", "scope": "global"});
    let saved = agent.call("note", &note).good();
    assert!(saved.facts["note_id"].is_string(), "{}", saved.text);
}

/// The answer about a write that another process sends first, when the network breaks before this process gets the
/// result. Also returns the machine, the server and the network.
pub(crate) fn sent_by_another_process(
    tool: &str,
    path: &'static str,
    arguments: &Value,
) -> (Answer, Machine, Server, Between) {
    let (machine, server) = (Machine::new(), Server::started());
    let between = Between::leading_to(server.address());
    let [mut one, mut two] = [AGENT, OTHER].map(|name| agent_by_way_of(&machine, name, &between.url));
    for agent in [&mut one, &mut two] {
        let _ = agent.call("sod", &json!({})).good();
    }
    between.decides(|_| Fate::Breaks);
    let first = json!({"action": "create", "title": "The first", "content": "Waits."});
    assert_eq!(two.call("note", &first).good().facts["queued"], true);
    let has_passed = AtomicBool::new(false);
    between.decides(move |request| {
        let is_first = String::from_utf8_lossy(&request.body).contains("The first");
        match (request.path == path, is_first) {
            (_, true) => Fate::PassesLater(Duration::from_millis(1_500)),
            (true, _) if has_passed.swap(true, Ordering::SeqCst) => Fate::Breaks,
            _ => Fate::Passes,
        }
    });
    eventually("the other process sends", || between.has_seen("/v1/notes"));
    let answer = one.call(tool, arguments);
    between.decides(|_| Fate::Passes);
    (answer, machine, server, between)
}

#[test]
fn a_note_that_another_process_sent_is_reported_as_saved_without_its_answer() {
    let race = json!({"action": "create", "title": "Raced", "content": "Once."});
    let (answer, machine, _server, between) = sent_by_another_process("note", "/v1/notes", &race);
    let answer = answer.good();
    for part in ["This is saved. Do not repeat it", "another process on this machine sent it", "can't reach"] {
        assert!(answer.text.contains(part), "{part} in {}", answer.text);
    }
    assert!(!answer.text.contains("try again"), "{}", answer.text);
    assert_eq!(answer.facts["queued"], false);
    assert!(waiting(&machine).is_empty());
    let mut agent = agent_by_way_of(&machine, AGENT, &between.url);
    assert_eq!(agent.call("notes", &json!({"q": "raced"})).good().facts["list"]["total"], 1);
}

#[test]
fn a_handoff_that_another_process_sent_is_reported_as_recorded_without_its_answer() {
    let (answer, machine, server, between) = sent_by_another_process("handoff", "/v1/eod", &handoff("Raced."));
    let answer = answer.good();
    assert!(answer.text.contains("The handoff is recorded. Do not repeat it"), "{}", answer.text);
    assert_eq!((&answer.facts["recorded"], answer.facts.get("handoff_id")), (&json!(true), None));
    let again = agent_by_way_of(&machine, AGENT, &between.url).call("handoff", &handoff("Raced.")).good();
    assert!(again.text.contains("It was not recorded again"), "{}", again.text);
    assert_eq!(server.handoffs(), ["Raced."]);
}

#[test]
fn a_refused_change_that_another_process_sent_is_reported_as_not_recorded() {
    let race = json!({"action": "archive", "id": "note_01JD0000000000000000000001"});
    let (answer, ..) = sent_by_another_process("note", "/v1/notes/note_01JD0000000000000000000001/archive", &race);
    let text = answer.trouble();
    assert!(text.contains("NOT recorded") && text.contains("refused it (note_not_found)"), "{text}");
}

#[test]
fn an_answer_from_another_server_is_reported_and_nothing_is_lost() {
    let (machine, server, between) = with_a_last_answer();
    for status in [200, 302, 401, 403, 404] {
        between.decides(move |_| Fate::IsAnsweredElsewhere(status));
        let mut agent = agent_by_way_of(&machine, AGENT, &between.url);
        let day = agent.call("sod", &json!({})).good();
        assert!(
            day.text.starts_with("# Deckwatch: the answer did not come from the Context API"),
            "{status}: {}",
            day.text
        );
        assert!(day.text.contains(&format!("with status {status}")) && day.text.contains("STALE"), "{}", day.text);
        let queued = agent.call("handoff", &keep_open("In a hotel.")).good();
        assert_eq!(queued.facts["queued"], true, "{status}: {}", queued.text);
        let note = json!({"action": "create", "title": "Hotel", "content": "Expensive."});
        let queued = agent.call("note", &note).good();
        assert_eq!(queued.facts["queued"], true, "{status}: {}", queued.text);
        assert!(
            !day.text.contains("Log in") && !queued.text.contains("Log in"),
            "the text of the page is not repeated"
        );
    }
    between.decides(|_| Fate::Passes);
    let mut agent = agent_by_way_of(&machine, AGENT, &between.url);
    eventually("the API is back", || agent.call("sod", &json!({})).good().facts["outcome"] != "unavailable");
    eventually("everything is sent", || waiting(&machine).is_empty());
    let recorded = server.handoffs();
    assert!(recorded.contains(&"In a hotel.".to_owned()), "{recorded:?}");
}

#[test]
fn an_answer_from_another_server_is_an_outage_on_a_new_machine_too() {
    let (machine, server) = (Machine::new(), Server::started());
    let between = Between::leading_to(server.address());
    between.decides(|_| Fate::IsAnsweredElsewhere(200));
    let mut agent = agent_by_way_of(&machine, AGENT, &between.url);
    let text = agent.call("sod", &json!({})).trouble();
    assert!(text.contains("a proxy or another service answered") && text.contains("`handoff` works too"), "{text}");
    assert_eq!(agent.call("handoff", &handoff("In a hotel.")).good().facts["queued"], true);
}
