//! A wrong or replaced key: its queued writes are sent with the current key after a person decides so.

use serde_json::json;

use crate::harness::Machine;
use crate::outbox::{keep_open, waiting};
use crate::server::{ADMIN_KEY, REMOTE, Server};

const AGENT: &str = "mac1-claude-1";
const WRONG_KEY: &str = "0badc0de0badc0de0badc0de0badc0de";

#[test]
fn a_corrected_key_sends_the_writes_of_the_wrong_key_once_and_in_order() {
    let (machine, mut server) = (Machine::new(), Server::started());
    server.kill();
    let wrong = |command: &mut std::process::Command| {
        command.env("CONTEXT_API_KEY", WRONG_KEY);
    };
    let mut agent = server.agent_with(&machine, AGENT, &machine.repository_once(REMOTE), wrong);
    for summary in ["one", "two"] {
        assert_eq!(agent.call("handoff", &keep_open(summary)).good().facts["queued"], true);
    }
    server.start();
    assert!(agent.call("sod", &json!({})).trouble().contains("Set CONTEXT_API_KEY to a valid key"));
    agent.kill();

    let mut agent = server.agent(&machine, AGENT);
    let day = agent.call("sod", &json!({})).good().text;
    assert!(
        day.contains("2 writes are waiting for this API under another key") && day.contains("\"take_over\""),
        "{day}"
    );
    assert_eq!(server.handoffs(), [""; 0], "no person has said so");
    let day = agent.call("sod", &json!({"held": "take_over"})).good();
    assert!(day.text.contains("2 writes are taken over from another key of this API"), "{}", day.text);
    assert_eq!((server.handoffs(), &day.facts["queued"]), (vec!["one".to_owned(), "two".to_owned()], &json!(0)));
    let day = agent.call("sod", &json!({"held": "take_over"})).good().text;
    assert!(day.contains("no writes wait for this API under another key"), "{day}");
    assert_eq!(server.handoffs().len(), 2);
    assert!(!machine.holds_text(WRONG_KEY));
}

#[test]
fn a_write_whose_answer_was_lost_under_the_old_key_is_not_recorded_again_after_a_take_over() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let old_key = |command: &mut std::process::Command| {
        command.env("CONTEXT_API_KEY", ADMIN_KEY);
    };
    let dir = machine.repository_once(REMOTE);
    let mut agent = server.agent_with(&machine, AGENT, &dir, old_key);
    let _ = agent.call("sod", &json!({})).good();
    server.kill();
    let note = json!({"action": "create", "title": "Plan", "content": "Grow.", "tags": ["prd", "prd", "market"]});
    assert_eq!(agent.call("note", &note).good().facts["queued"], true);
    assert_eq!(agent.call("handoff", &keep_open("Half of it.")).good().facts["queued"], true);
    agent.kill();

    // Both are recorded under the old key, and the answers are lost.
    let files: Vec<_> = waiting(&machine).into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect();
    assert_eq!(files.len(), 2);
    server.start();
    let mut agent = server.agent_with(&machine, AGENT, &dir, old_key);
    while !waiting(&machine).is_empty() {
        let _ = agent.call("sod", &json!({})).good();
    }
    agent.kill();
    for (text, path) in &files {
        std::fs::write(path, text).unwrap();
    }

    // The name of the agent belongs to the owner of the old key. `launcher --as` takes it over too.
    let new_key = |command: &mut std::process::Command| {
        command.env("DECKWATCH_TAKE_OVER", "the key was replaced");
    };
    let day = server.agent_with(&machine, AGENT, &dir, new_key).call("sod", &json!({"held": "take_over"})).good();
    assert!(day.text.contains("2 writes are taken over from another key of this API"), "{}", day.text);
    let mut agent = server.agent(&machine, AGENT);
    while agent.call("sod", &json!({})).good().facts["queued"] != 0 {}
    assert_eq!((server.notes(), server.handoffs()), (vec!["Plan".to_owned()], vec!["Half of it.".to_owned()]));
}
