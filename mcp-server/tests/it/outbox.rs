//! No write is lost or recorded twice when the network, the server or this process fails.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use deckwatch_tests::overlay;
use serde_json::{Value, json};

use crate::api::{ScriptedApi, problem, session};
use crate::harness::{Answer, Machine, Mcp, handoff};
use crate::server::{Server, holds_a_key};

const AGENT: &str = "mac1-claude-1";

pub(crate) fn keep_open(summary: &str) -> Value {
    let mut handoff = handoff(summary);
    handoff["keep_open"] = json!(true);
    handoff
}

/// The files in the machine's only queue, in order.
pub(crate) fn waiting(machine: &Machine) -> Vec<PathBuf> {
    let mut queues = std::fs::read_dir(machine.home().join(".local/share/deckwatch/outbox")).unwrap();
    let queue = queues.next().unwrap().unwrap().path();
    let files = std::fs::read_dir(queue).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    files.sort();
    files
}

/// A start of day that the API answered. Retries, because a busy machine may be too slow for the first one.
#[track_caller]
fn reached(agent: &mut Mcp, arguments: &Value) -> Answer {
    let mut days = (0..100).map(|_| agent.call("sod", arguments).good());
    days.find(|day| day.facts["outcome"] != "unavailable").expect("the API is there")
}

fn edit(path: &PathBuf, change: impl Fn(&mut Value)) {
    let mut entry: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut entry);
    std::fs::write(path, entry.to_string()).unwrap();
}

/// A machine whose agent queued these handoffs and was then killed. The server runs again.
fn queued_and_left(summaries: &[&str]) -> (Machine, Server) {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("sod", &json!({})).good();
    server.kill();
    for summary in summaries {
        let answer = agent.call("handoff", &keep_open(summary)).good();
        assert_eq!(answer.facts["queued"], true, "{}", answer.text);
    }
    agent.kill();
    server.start();
    (machine, server)
}

#[test]
fn a_handoff_without_an_api_is_queued_reported_and_sent_once() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let day = agent.call("sod", &json!({})).good();
    server.kill();
    let queued = agent.call("handoff", &handoff("Half of it.")).good();
    assert_eq!((&queued.facts["queued"], &queued.facts["recorded"]), (&json!(true), &json!(false)));
    assert_eq!(queued.facts.get("handoff_id"), None);
    let file = &waiting(&machine)[0];
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!holds_a_key(&machine), "a key is on disk");

    server.start();
    let next = reached(&mut agent, &json!({}));
    assert_eq!((&next.facts["queued"], server.handoffs()), (&json!(0), vec!["Half of it.".to_owned()]));
    assert_ne!(next.facts["session_id"], day.facts["session_id"], "the handoff ended that session");
    assert!(next.text.contains("| Half of it."), "{}", next.text);
    assert!(waiting(&machine).is_empty());
}

#[test]
fn queued_writes_are_sent_in_order() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("sod", &json!({})).good();
    server.kill();
    for summary in ["one", "two", "three"] {
        assert_eq!(agent.call("handoff", &keep_open(summary)).good().facts["queued"], true);
    }
    server.start();
    // A new handoff is sent after the queued ones.
    let last = agent.call("handoff", &handoff("four")).good();
    assert_eq!((&last.facts["recorded"], &last.facts["session_status"]), (&json!(true), &json!("ended")));
    assert_eq!(server.handoffs(), ["one", "two", "three", "four"]);
}

#[test]
fn a_repeated_handoff_is_recorded_once() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("sod", &json!({})).good();
    let first = agent.call("handoff", &keep_open("known")).good();
    let again = agent.call("handoff", &keep_open("known")).good();
    assert_eq!(first.facts["handoff_id"], again.facts["handoff_id"], "{}", again.text);
    server.kill();
    for _ in 0..2 {
        assert_eq!(agent.call("handoff", &keep_open("waits")).good().facts["queued"], true);
    }
    assert_eq!(waiting(&machine).len(), 1);
    server.start();
    let _ = reached(&mut agent, &json!({}));
    let after = agent.call("handoff", &keep_open("waits")).good();
    assert_eq!(after.facts["recorded"], true, "{}", after.text);
    assert_eq!(server.handoffs(), ["known", "waits"]);
}

#[test]
fn a_day_that_started_and_ended_without_an_api_gets_its_own_session() {
    let (machine, mut server) = (Machine::new(), Server::started());
    server.kill();
    let mut agent = server.agent(&machine, AGENT);
    let text = agent.call("sod", &json!({})).trouble();
    assert!(text.contains("can't reach") && text.contains("This machine has no earlier answer"), "{text}");
    assert_eq!(agent.call("handoff", &handoff("All alone.")).good().facts["queued"], true);
    agent.kill();
    server.start();
    let next = reached(&mut server.agent(&machine, AGENT), &json!({}));
    assert!(next.text.contains("| All alone."), "{}", next.text);
    assert_eq!(server.handoffs(), ["All alone."]);
    assert_eq!(server.active_sessions(), 1, "the session of the handoff has ended");
}

#[test]
fn an_api_that_hangs_during_a_handoff_records_it_once() {
    let (machine, server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("sod", &json!({})).good();
    server.hang();
    let queued = agent.call("handoff", &handoff("Did it arrive?")).good();
    assert_eq!(queued.facts["queued"], true, "{}", queued.text);
    // The server now handles the request that arrived before the client's timeout. Then the client sends it again.
    server.go_on();
    let _ = reached(&mut agent, &json!({}));
    assert_eq!(server.handoffs(), ["Did it arrive?"]);
}

#[test]
fn after_a_kill_at_any_point_everything_is_recorded_once_and_in_order() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut expected = Vec::new();
    for round in 0..12_u64 {
        let summary = format!("round {round}");
        let mut agent = server.agent(&machine, AGENT);
        let _ = agent.call("sod", &json!({}));
        if round % 3 == 1 {
            server.kill();
        }
        agent.ask("tools/call", &json!({"name": "handoff", "arguments": handoff(&summary)}));
        std::thread::sleep(Duration::from_millis(round * 2));
        agent.kill();
        // The agent does not know the result, so it sends the handoff again.
        let again = server.agent(&machine, AGENT).call("handoff", &handoff(&summary)).good();
        assert!(again.facts["recorded"] == true || again.facts["queued"] == true, "{}", again.text);
        expected.push(summary);
        if round % 3 == 2 {
            server.kill();
            server.start();
        } else if round % 3 == 1 {
            server.start();
        }
    }
    let _ = reached(&mut server.agent(&machine, AGENT), &json!({}));
    assert_eq!(server.handoffs(), expected);
}

#[test]
fn after_a_kill_during_a_replay_nothing_is_sent_twice() {
    let names: Vec<String> = (0..10).map(|n| format!("number {n}")).collect();
    let (machine, server) = queued_and_left(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for round in 0..8_u64 {
        let mut agent = server.agent(&machine, AGENT);
        agent.ask("tools/call", &json!({"name": "sod", "arguments": {}}));
        std::thread::sleep(Duration::from_millis(round * 4));
        agent.kill();
    }
    let _ = reached(&mut server.agent(&machine, AGENT), &json!({}));
    assert_eq!(server.handoffs(), names);
}

#[test]
fn processes_that_replay_at_the_same_time_send_each_entry_once() {
    let names: Vec<String> = (0..10).map(|n| format!("number {n}")).collect();
    let (machine, server) = queued_and_left(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut agents: Vec<Mcp> = (1..=3).map(|n| server.agent(&machine, &format!("mac1-claude-{n}"))).collect();
    let asked: Vec<u64> = agents
        .iter_mut()
        .map(|agent| agent.ask("tools/call", &json!({"name": "handoff", "arguments": handoff("last")})))
        .collect();
    for (agent, id) in agents.iter_mut().zip(asked) {
        let answer = agent.answer_to(id);
        assert_eq!(answer["result"]["structuredContent"]["recorded"], true, "{answer}");
    }
    let recorded = server.handoffs();
    assert_eq!(
        (&recorded[..10], &recorded[10..]),
        (names.as_slice(), ["last".to_owned(), "last".to_owned(), "last".to_owned()].as_slice())
    );
}

#[test]
fn a_refused_write_is_set_aside_reported_once_and_blocks_no_other() {
    let (machine, server) = queued_and_left(&["poison", "garbage", "good"]);
    let files = waiting(&machine);
    edit(&files[0], |entry| {
        let body = entry["body"].as_str().unwrap().replace("poison", "");
        entry["body"] = json!(body);
    });
    std::fs::write(&files[1], "{\"half an ent").unwrap();
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("handoff", &keep_open("after")).good();
    assert_eq!(server.handoffs(), ["good", "after"]);
    let here = agent.call("context", &json!({})).good();
    assert!(here.text.contains("a queued handoff of mac1-claude-1 was refused"), "{}", here.text);
    let day = agent.call("sod", &json!({})).good();
    assert!(day.text.contains("a queued handoff of mac1-claude-1 was refused (invalid_request)"), "{}", day.text);
    assert!(day.text.contains("was refused (it can't be read) and is NOT recorded"), "{}", day.text);
    assert!(machine.holds_text("{\"half an ent"), "the file is kept");
    let day = agent.call("sod", &json!({})).good();
    assert!(!day.text.contains("Outbox:"), "reported once: {}", day.text);
}

#[test]
fn every_refused_write_is_named_with_the_file_of_its_text() {
    let summaries = ["one", "two", "three", "four", "five", "six", "seven"];
    let (machine, server) = queued_and_left(&summaries);
    for (file, summary) in waiting(&machine).iter().zip(summaries) {
        edit(file, |entry| {
            let body = entry["body"].as_str().unwrap().replace("\"status\":", "\"state\":");
            assert!(body.contains(summary));
            entry["body"] = json!(body);
        });
    }
    let mut agent = server.agent(&machine, AGENT);
    let mut texts = String::new();
    for named in [5, 2, 0] {
        let day = reached(&mut agent, &json!({}));
        let paths: Vec<_> = day.text.lines().filter_map(|line| line.split("Its text is in ").nth(1)).collect();
        assert_eq!(paths.len(), named, "{}", day.text);
        assert_eq!(day.text.contains("2 more refused writes are in "), named == 5, "{}", day.text);
        for path in paths {
            texts.push_str(&std::fs::read_to_string(path.trim_end_matches('.')).unwrap());
        }
    }
    assert!(summaries.iter().all(|summary| texts.contains(summary)), "{texts}");
}

#[test]
fn an_unsendable_file_is_named_while_it_exists() {
    let (machine, server) = queued_and_left(&["good"]);
    let stray = waiting(&machine)[0].with_file_name("5.json");
    std::fs::copy(&waiting(&machine)[0], &stray).unwrap();
    let mut agent = server.agent(&machine, AGENT);
    for _ in 0..2 {
        let day = reached(&mut agent, &json!({}));
        let line = format!("Outbox: can't send {}: its name is not valid for an entry.", stray.display());
        assert!(day.text.contains(&line), "{}", day.text);
        assert_eq!((server.handoffs(), &day.facts["queued"]), (vec!["good".to_owned()], &json!(0)));
    }
    assert!(stray.exists());
}

#[test]
fn an_entry_older_than_23_hours_waits_for_a_human_decision() {
    for (word, recorded) in [("send", vec!["new", "old"]), ("drop", vec!["new"])] {
        let (machine, server) = queued_and_left(&["old", "new"]);
        edit(&waiting(&machine)[0], |entry| entry["queued_at"] = json!("2020-01-01T00:00:00.000Z"));
        let mut agent = server.agent(&machine, AGENT);
        let day = reached(&mut agent, &json!({}));
        assert_eq!(server.handoffs(), ["new"]);
        for part in
            ["1 write is more than 23 hours old", "handoff of mac1-claude-1 from 2020-01-01", "call sod with held"]
        {
            assert!(day.text.contains(part), "{part} in {}", day.text);
        }
        let _ = agent.call("sod", &json!({"held": word})).good();
        let day = reached(&mut agent, &json!({}));
        assert!(!day.text.contains("Outbox:"), "{}", day.text);
        assert_eq!(server.handoffs(), recorded);
    }
}

#[test]
fn a_handoff_after_the_end_of_day_is_queued_too() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("sod", &json!({})).good();
    let _ = agent.call("handoff", &handoff("The end.")).good();
    server.kill();
    for summary in ["The end.", "One more thing."] {
        assert_eq!(agent.call("handoff", &handoff(summary)).good().facts["queued"], true);
    }
    server.start();
    let _ = reached(&mut agent, &json!({}));
    assert_eq!(server.handoffs(), ["The end.", "One more thing."]);
}

#[test]
fn a_queue_is_not_replayed_with_another_key() {
    let (machine, mut server) = (Machine::new(), Server::started());
    server.kill();
    let mut agent = server.agent(&machine, AGENT);
    assert_eq!(agent.call("handoff", &handoff("Mine.")).good().facts["queued"], true);
    agent.kill();
    server.start();
    let mut other = machine.command(&machine.folder("alpha.git"));
    other.envs([("DECKWATCH_AGENT", AGENT), ("DECKWATCH_VENTURE", "alpha")]);
    other.envs([("CONTEXT_API_URL", server.url().as_str()), ("CONTEXT_API_KEY", "adadadadadadadadadadadadadadadad")]);
    let day = Mcp::initialized(other).call("sod", &json!({})).good();
    assert_eq!((&day.facts["queued"], server.handoffs().len()), (&json!(0), 0), "{}", day.text);
    assert!(day.text.contains("Outbox: 1 write is waiting for this API under another key"), "{}", day.text);
}

#[test]
fn queued_writes_and_a_requested_day_are_sent_without_a_call() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("sod", &json!({})).good();
    server.kill();
    assert_eq!(agent.call("handoff", &handoff("By itself.")).good().facts["queued"], true);
    assert_eq!(agent.call("sod", &json!({})).good().facts["outcome"], "unavailable");
    server.start();
    let asked = Instant::now();
    while server.handoffs().is_empty() || server.active_sessions() == 0 {
        assert!(asked.elapsed() < Duration::from_mins(1), "{:?}", server.handoffs());
        // The requests of this test and of the agent share one rate limit.
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!((server.handoffs(), server.active_sessions()), (vec!["By itself.".to_owned()], 1));
    assert!(waiting(&machine).is_empty());
}

#[test]
fn a_session_with_a_queued_end_gets_no_heartbeats() {
    let api = ScriptedApi::start(|method, path| match (method, path.split('?').next().unwrap_or_default()) {
        ("GET", "/v1/sessions") => (200, json!({"items": [session(AGENT)], "total": 1, "next_cursor": null})),
        ("PATCH", _) => (200, session(AGENT)),
        (_, "/v1/eod") => (503, problem(503, "database_unavailable", "Later.")),
        _ => {
            let now = "2026-11-21T08:00:00.000Z";
            (
                200,
                json!({"session_id": session(AGENT)["id"], "status": "active", "last_heartbeat_at": now,
                "next_heartbeat_at": now, "heartbeat_interval_seconds": 1}),
            )
        }
    });
    let machine = Machine::new();
    let mut command = machine.command(&machine.repository("https://github.com/example-org/alpha.git"));
    command.envs([("DECKWATCH_AGENT", AGENT), ("DECKWATCH_VENTURE", "alpha")]);
    command.envs([("CONTEXT_API_URL", api.url.as_str()), ("CONTEXT_API_KEY", "0123456789abcdef")]);
    let mut agent = Mcp::initialized(command);
    let heartbeat = format!("/v1/sessions/{}/heartbeat", session(AGENT)["id"].as_str().unwrap());
    api.wait_for("POST", &heartbeat);
    assert_eq!(agent.call("handoff", &handoff("Waits.")).good().facts["queued"], true);
    let _ = api.seen.try_iter().count();
    let until = Instant::now() + Duration::from_secs(3);
    let after = std::iter::from_fn(|| api.seen.recv_timeout(until.saturating_duration_since(Instant::now())).ok());
    let beats = after.filter(|(_, path, _)| *path == heartbeat).count();
    assert!(beats <= 1, "at most one heartbeat was already on its way, but {beats} came");
}

#[test]
fn a_note_without_an_api_is_queued_reported_and_saved_once() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("sod", &json!({})).good();
    server.kill();
    let note = json!({"action": "create", "title": "Pricing", "content": "Annual plans sell best."});
    let queued = agent.call("note", &note).good();
    assert_eq!((&queued.facts["queued"], queued.facts.get("note_id")), (&json!(true), None));
    server.start();
    let _ = reached(&mut agent, &json!({}));
    assert!(waiting(&machine).is_empty());
    let found = agent.call("notes", &json!({"q": "annual plans"})).good();
    assert_eq!(found.facts["list"]["total"], 1, "{}", found.text);
    let saved = agent.call("note", &json!({"action": "create", "title": "Next", "content": "Now."})).good();
    assert_eq!((&saved.facts["queued"], saved.facts["note_id"].is_string()), (&json!(false), true));
}

/// The result for a note that is saved, and then changed like this while the API is down.
fn changed_while_away(changes: &[Value], meanwhile: Option<Value>) -> (Answer, Answer) {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("sod", &json!({})).good();
    let note = json!({"action": "create", "title": "Pricing", "content": "Annual plans sell best."});
    let saved = agent.call("note", &note).good();
    let of_note = |change: &Value| overlay(change.clone(), json!({"id": saved.facts["note_id"]}));
    server.kill();
    for change in changes {
        let queued = agent.call("note", &of_note(change)).good();
        assert_eq!(queued.facts["queued"], true, "{}", queued.text);
    }
    // A process that runs on would send the changes as soon as the API is back.
    drop(agent);
    server.start();
    if let Some(change) = meanwhile {
        // Another machine has no queued writes.
        let _ = server.agent(&Machine::new(), "mac2-claude-1").call("note", &of_note(&change)).good();
    }
    let mut agent = server.agent(&machine, AGENT);
    let day = reached(&mut agent, &json!({}));
    assert!(waiting(&machine).is_empty());
    (day, agent.call("notes", &json!({"id": saved.facts["note_id"]})).good())
}

#[test]
fn changes_of_a_note_without_an_api_are_queued_and_applied_in_order() {
    let update = json!({"action": "update", "version": 1, "content": "Monthly plans sell best."});
    let (archive, restore) = (json!({"action": "archive"}), json!({"action": "restore"}));
    let (day, read) = changed_while_away(&[update.clone(), update, archive.clone(), restore, archive], None);
    assert!(!day.text.contains("Outbox:"), "{}", day.text);
    assert!(read.text.contains("Monthly plans sell best."), "{}", read.text);
    // The repeated update was applied once. Each of the other three changes made a version.
    assert_eq!(
        (&read.facts["note"]["version"], &read.facts["note"]["archived"]),
        (&json!(5), &json!(true)),
        "{}",
        read.text
    );
}

#[test]
fn a_queued_change_of_a_note_that_changed_is_set_aside_and_reported() {
    let ours = json!({"action": "update", "version": 1, "content": "Ours."});
    let theirs = json!({"action": "update", "version": 1, "content": "Theirs."});
    let (day, read) = changed_while_away(&[ours], Some(theirs));
    assert!(read.text.contains("Theirs.") && !read.text.contains("Ours."), "{}", read.text);
    assert!(day.text.contains("a queued change of a note") && day.text.contains("(note_changed)"), "{}", day.text);
}
