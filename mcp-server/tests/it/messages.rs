//! Messages through the tools: send, inbox, status.

use serde_json::json;

use crate::harness::Machine;
use crate::server::Server;

#[test]
fn a_message_is_shown_once_and_its_sender_sees_each_step() {
    let (machine, server) = (Machine::new(), Server::started());
    let (mut claude, mut codex) = (server.agent(&machine, "mac1-claude-1"), server.agent(&machine, "mac1-codex-1"));
    for agent in [&mut claude, &mut codex] {
        let _ = agent.call("sod", &json!({})).good();
    }
    let question = json!({"to": ["mac1-codex-1"], "kind": "question", "body": "Which port does the API use?", "ack_required": true});
    let sent = claude.call("send", &question).good();
    println!("{}", sent.text);
    let id = sent.facts["message_id"].clone();
    println!("{}", claude.call("send", &json!({"id": id})).good().text);
    let read = codex.call("inbox", &json!({})).good();
    println!("{}", read.text);
    println!("{}", codex.call("inbox", &json!({})).good().text);
    println!("{}", claude.call("send", &json!({"id": id})).good().text);
    println!("{}", codex.call("inbox", &json!({"acknowledge": [id]})).good().text);
    println!("{}", claude.call("send", &json!({"id": id})).good().text);
    println!("{}", codex.call("send", &json!({"reply_to": id, "body": "8787"})).good().text);
    println!("{}", claude.call("inbox", &json!({})).good().text);
    println!("{}", claude.call("inbox", &json!({"sent": true})).good().text);
    println!("{}", claude.call("send", &json!({"to": ["mac1-codx-1"], "body": "8787"})).trouble());
    println!("{}", claude.call("send", &json!({"to": ["@nobody"], "body": "8787"})).trouble());
    println!("{}", claude.call("send", &json!({"body": "8787"})).trouble());
    println!("{}", claude.call("inbox", &json!({"id": id})).good().text);
}
