//! A wrong or replaced key: its queued writes are sent with the current key after a person decides so.

use serde_json::json;

use crate::harness::Machine;
use crate::outbox::keep_open;
use crate::server::{REMOTE, Server};

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
