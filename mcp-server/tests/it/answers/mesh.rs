//! The answers about messages, claims and shared values.

use serde_json::{Value, json};

use super::Transcript;
use crate::harness::{Machine, Mcp};
use crate::server::Server;

const CLAUDE: &str = "mac1-claude-1";
const CODEX: &str = "mac1-codex-1";

fn pair(machine: &Machine, server: &Server) -> [Mcp; 2] {
    [CLAUDE, CODEX].map(|name| {
        let mut agent = server.agent(machine, name);
        let _ = agent.call("sod", &json!({})).good();
        agent
    })
}

/// Waits until the sender sees this status.
fn wait_until(agent: &mut Mcp, id: &Value, status: &str) {
    let is_there = |agent: &mut Mcp| agent.call("send", &json!({"id": id})).good().text.contains(status);
    let there = (0..200).any(|_| {
        is_there(agent) || {
            std::thread::sleep(std::time::Duration::from_millis(50));
            false
        }
    });
    assert!(there, "{status}");
}

#[test]
fn messages_are_in_step() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut early = server.agent(&machine, "mac1-gemini-1");
    let mut transcript = Transcript::on(&machine);
    transcript.fails("before the day has begun", &mut early, "inbox", &json!({}));
    let [mut claude, mut codex] = pair(&machine, &server);
    transcript.call("no messages", &mut codex, "inbox", &json!({}));
    transcript.call("no sent messages", &mut claude, "inbox", &json!({"sent": true}));
    let question = json!({"to": [CODEX], "kind": "question", "body": "Which port does the API use?\n\nI see two.", "ack_required": true});
    let id = transcript.call("a question", &mut claude, "send", &question)["message_id"].clone();
    transcript.call("its status", &mut claude, "send", &json!({"id": id}));
    transcript.call(
        "a note to all",
        &mut claude,
        "send",
        &json!({"to": ["@all"], "body": "The tests are red.", "priority": "now"}),
    );
    transcript.call("two messages", &mut codex, "inbox", &json!({}));
    wait_until(&mut claude, &id, "surfaced");
    transcript.call("the status of a message that was shown", &mut claude, "send", &json!({"id": id}));
    transcript.call("an acknowledgement", &mut codex, "inbox", &json!({"acknowledge": [id]}));
    transcript.call("an answer", &mut codex, "send", &json!({"reply_to": id, "body": "8787, always."}));
    transcript.call("the answer", &mut claude, "inbox", &json!({}));
    transcript.call("sent messages", &mut claude, "inbox", &json!({"sent": true}));
    transcript.call("one message", &mut codex, "inbox", &json!({"id": id}));
    transcript.fails("an unknown agent", &mut claude, "send", &json!({"to": ["mac1-codx-1"], "body": "x"}));
    transcript.fails("an empty group", &mut claude, "send", &json!({"to": ["@frontend"], "body": "x"}));
    transcript.fails("an unknown message", &mut claude, "send", &json!({"id": "msg_01JDZK3V8Q6T5W2Y4A7B9C0DEF"}));
    server.kill();
    transcript.call("while the API is down", &mut claude, "send", &json!({"to": [CODEX], "body": "Later."}));
    transcript.fails("while the API is down", &mut claude, "inbox", &json!({}));
    transcript.is_in_step("messages");
}

#[test]
fn claims_are_in_step() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let [mut claude, mut codex] = pair(&machine, &server);
    let mut transcript = Transcript::on(&machine);
    transcript.call("no claims", &mut claude, "claim", &json!({"action": "list"}));
    let take = json!({"action": "take", "subjects": ["87", "src/api/**"]});
    transcript.call("an issue and paths", &mut claude, "claim", &take);
    transcript.call("the claims of another agent", &mut codex, "claim", &json!({"action": "list"}));
    transcript.fails(
        "paths of another agent",
        &mut codex,
        "claim",
        &json!({"action": "take", "subjects": ["src/api/day.rs"]}),
    );
    transcript.call("a release", &mut claude, "claim", &json!({"action": "release", "subjects": ["87", "docs/"]}));
    transcript.fails("too wide", &mut claude, "claim", &json!({"action": "take", "subjects": ["**"]}));
    server.kill();
    transcript.fails("while the API is down", &mut claude, "claim", &take);
    transcript.is_in_step("claim");
}

#[test]
fn shared_values_are_in_step() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let [mut claude, mut codex] = pair(&machine, &server);
    let mut transcript = Transcript::on(&machine);
    let set = |value: &str, version: Option<u32>| json!({"action": "set", "key": "deploy", "value": value, "version": version});
    transcript.call("no values", &mut claude, "state", &json!({"action": "list"}));
    transcript.call("a new key", &mut claude, "state", &set("{\"port\": 8787}", None));
    transcript.fails("a key that exists", &mut codex, "state", &set("1", None));
    transcript.call("a change", &mut codex, "state", &set("{\"port\": 8788}", Some(1)));
    transcript.fails("a change of an old version", &mut claude, "state", &set("2", Some(1)));
    transcript.call("one value", &mut claude, "state", &json!({"action": "get", "key": "deploy"}));
    transcript.call("all keys", &mut claude, "state", &json!({"action": "list"}));
    transcript.call("a deletion", &mut claude, "state", &json!({"action": "delete", "key": "deploy", "version": 2}));
    transcript.fails("a key that does not exist", &mut claude, "state", &json!({"action": "get", "key": "deploy"}));
    server.kill();
    transcript.fails("while the API is down", &mut claude, "state", &json!({"action": "list"}));
    transcript.is_in_step("state");
}

#[test]
fn memories_are_in_step() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let [mut claude, mut codex] = pair(&machine, &server);
    let mut transcript = Transcript::on(&machine);
    transcript.call("nothing", &mut claude, "memory", &json!({"action": "recall"}));
    let build =
        json!({"action": "remember", "content": "The build needs node 20.\n\nWith 18, the tests of the page fail."});
    let id = transcript.call("a memory", &mut claude, "memory", &build)["memory_id"].clone();
    transcript.call("all memories", &mut codex, "memory", &json!({"action": "recall"}));
    transcript.call("a search", &mut codex, "memory", &json!({"action": "recall", "q": "node"}));
    transcript.call("a search without a result", &mut codex, "memory", &json!({"action": "recall", "q": "elephants"}));
    transcript.call("one memory", &mut codex, "memory", &json!({"action": "recall", "id": id}));
    transcript.call("notes do not show it", &mut codex, "notes", &json!({}));
    transcript.fails(
        "a note is no memory",
        &mut codex,
        "memory",
        &json!({"action": "forget", "id": "note_01JDZK3V8Q6T5W2Y4A7B9C0DEF"}),
    );
    transcript.call("forgotten", &mut codex, "memory", &json!({"action": "forget", "id": id}));
    transcript.call("one that was forgotten", &mut codex, "memory", &json!({"action": "recall", "id": id}));
    server.kill();
    transcript.call("while the API is down", &mut claude, "memory", &build);
    transcript.fails("while the API is down", &mut claude, "memory", &json!({"action": "recall"}));
    transcript.is_in_step("memory");
}

#[test]
fn messages_that_wait_are_in_step() {
    let (machine, server) = (Machine::new(), Server::started());
    let [mut claude, mut codex] = pair(&machine, &server);
    let mut transcript = Transcript::on(&machine);
    let _ = claude.call("send", &json!({"to": [CODEX], "body": "One."})).good();
    transcript.call("the day", &mut codex, "sod", &json!({}));
    let _ = claude.call("send", &json!({"to": [CODEX], "body": "Two."})).good();
    transcript.call("where am I", &mut codex, "context", &json!({}));
    transcript.is_in_step("messages-wait");
}
