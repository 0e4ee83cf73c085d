//! Sealed messages through the tools: `send` with `sealed`, `inbox`, and a key that is lost.

use serde_json::{Value, json};

use crate::harness::Machine;
use crate::hook_program::{AGENT, Hooked, until};
use crate::server::Server;

const TEXT: &str = "The launch is on Friday";

#[test]
fn a_sealed_message_is_read_by_its_recipient_on_another_machine() {
    let (here, there, server) = (Machine::new(), Machine::new(), Server::started());
    let (mut claude, mut codex) = (server.agent(&here, "mac1-claude-1"), server.agent(&there, "mac2-codex-1"));
    for agent in [&mut claude, &mut codex] {
        let _ = agent.call("sod", &json!({})).good();
    }
    let message = json!({ "to": ["mac2-codex-1"], "body": TEXT, "sealed": true });
    let sent = claude.call("send", &message).good();
    let id = sent.facts["message_id"].clone();
    let read = codex.call("inbox", &json!({})).good().text;
    assert!(
        read.contains(TEXT) && read.contains("It was sealed: only its sender and its recipients can read it."),
        "{read}"
    );
    let again = codex.call("inbox", &json!({ "id": id })).good().text;
    assert!(again.contains(TEXT), "{again}");
    let status = claude.call("send", &json!({ "id": id })).good().text;
    assert!(status.contains("mac2-codex-1: surfaced"), "{status}");
    assert!(!here.holds_text(TEXT), "the sender keeps no text in clear");
    let to_human = claude.call("send", &json!({ "to": ["human"], "body": TEXT, "sealed": true })).trouble();
    assert!(to_human.contains("a sealed message can't go to `human`"), "{to_human}");

    // The private key of the recipient is lost. It makes a new one when it starts again.
    let lost = claude.call("send", &message).good().facts["message_id"].clone();
    codex.kill();
    std::fs::remove_dir_all(there.home().join(".local/state/deckwatch/keys")).unwrap();
    let mut codex = server.agent(&there, "mac2-codex-1");
    let _ = codex.call("sod", &json!({})).good();
    let read = codex.call("inbox", &json!({})).good().text;
    assert!(read.contains("There are no new messages."), "{read}");
    let status = claude.call("send", &json!({ "id": lost })).good().text;
    assert!(status.contains("mac2-codex-1: refused") && status.contains("key_unavailable"), "{status}");
    let read = codex.call("inbox", &json!({ "id": lost })).good().text;
    assert!(read.contains("(The text is sealed, and this machine has no key for it.)"), "{read}");
    let sent = claude.call("send", &message).good().text;
    assert!(sent.contains("The key of mac2-codex-1 has changed from "), "{sent}");
    assert!(codex.call("inbox", &json!({})).good().text.contains(TEXT));
}

#[test]
fn a_hook_shows_a_sealed_message_that_the_server_has_opened() {
    let (here, there, server) = (Machine::new(), Machine::new(), Server::started());
    let hooked = Hooked::new(&here, &server);
    let _mcp = hooked.opened();
    let mut codex = server.agent(&there, "mac2-codex-1");
    let _ = codex.call("sod", &json!({})).good();
    let sent = codex.call("send", &json!({ "to": [AGENT], "body": TEXT, "sealed": true })).good();
    hooked.wait_for_mail(1);
    let text = hooked.text("after-tool", &json!({ "hook_event_name": "PostToolUse", "tool_name": "Bash" }));
    let id = sent.facts["message_id"].as_str().unwrap();
    assert!(text.contains(&format!("note from mac2-codex-1, just now, {id}, sealed:")), "{text}");
    assert!(text.contains(&format!("| {TEXT}")), "{text}");
    until("the report", || {
        let status = codex.call("send", &json!({ "id": id })).good().text;
        status.contains("mac1-claude-1: surfaced")
    });
}

#[test]
fn a_sealed_message_is_not_sent_while_the_api_is_away() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut claude = server.agent(&machine, "mac1-claude-1");
    let _ = claude.call("sod", &json!({})).good();
    server.kill();
    let message = |sealed: bool| json!({ "to": ["mac2-codex-1"], "body": TEXT, "sealed": sealed });
    let refused = claude.call("send", &message(true)).trouble();
    assert!(refused.contains("The message was not sent and not queued"), "{refused}");
    assert!(!machine.holds_text(TEXT));
    let queued = claude.call("send", &message(false)).good();
    assert_eq!(queued.facts["queued"], Value::Bool(true));
    assert!(machine.holds_text(TEXT));
}
