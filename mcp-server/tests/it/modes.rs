//! How an agent wants to be reached, and when it wants no disturbance, decide what its turn gets.

use deckwatch_machine::clock::now;
use deckwatch_protocol::{UpdateSession, Violations};
use serde_json::{Value, json};

use crate::harness::Machine;
use crate::hook_program::{AGENT, Hooked, Sender, until};
use crate::server::{Server, wait};

const NOTHING: Value = Value::Null;

#[test]
fn the_mode_of_the_session_decides_what_a_turn_gets() {
    let (machine, server) = (Machine::new(), Server::started());
    let hooked = Hooked::new(&machine, &server);
    let _mcp = hooked.opened();
    let sender = Sender::new(&server, "mac2-codex-1");
    let mode = |mode: &str| update(&hooked, json!({ "mode": mode }));
    mode("inbox");
    sender.send(AGENT, "note", "Not as text.");
    until("the count", || hooked.folder().waiting().unwrap().count == 1);
    let text = hooked.text("prompt", &json!({}));
    assert_eq!(text, "Deckwatch: 1 message waits for you. Read them with the tool `inbox`.");
    assert_eq!(hooked.answer("prompt", &json!({})), NOTHING, "nothing is new");
    assert_eq!(hooked.answer("turn-end", &json!({})), NOTHING, "a count continues no turn");
    // The server learns the mode when it reports what the agent does.
    mode("off");
    hooked.answer("prompt", &json!({}));
    until("no count", || hooked.folder().waiting().unwrap().count == 0);
    assert_eq!(hooked.answer("prompt", &json!({})), NOTHING);
    mode("push");
    assert_eq!(hooked.answer("turn-end", &json!({})), NOTHING);
    hooked.wait_for_mail(1);
    assert!(hooked.text("prompt", &json!({})).contains("| Not as text."));
}

#[test]
fn mail_comes_when_a_time_without_disturbance_is_over() {
    let (machine, server) = (Machine::new(), Server::started());
    let hooked = Hooked::new(&machine, &server);
    let _mcp = hooked.opened();
    let sender = Sender::new(&server, "mac2-codex-1");
    update(&hooked, json!({ "dnd_until": now().plus_seconds(8) }));
    sender.send(AGENT, "note", "Later.");
    // The server learns of it when it reports what the agent does.
    hooked.answer("prompt", &json!({}));
    until("the state", || hooked.session()["presence"]["state"] == "working");
    assert_eq!(hooked.answer("turn-end", &json!({})), NOTHING);
    hooked.wait_for_mail(1);
    assert!(hooked.text("prompt", &json!({})).contains("| Later."));
}

fn update(hooked: &Hooked, fields: Value) {
    let update = deserr::deserialize::<UpdateSession, _, Violations>(fields).unwrap();
    let id = hooked.session()["id"].as_str().unwrap().parse().unwrap();
    wait(async { hooked.server.api().update_session(&id, &update).await }).unwrap();
}
