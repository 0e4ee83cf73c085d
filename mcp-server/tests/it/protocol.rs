//! Both ways to open a conversation, and invalid input.

use deckwatch_tests::tool_names;
use serde_json::{Value, json};

use crate::harness::{Machine, Mcp};
use crate::tools::definitions;

const REMOTE: &str = "https://github.com/example-org/alpha.git";

/// The metadata that a client of 2026-07-28 sends with every request instead of a handshake.
fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "claude-code", "version": "2.1.329"},
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

fn spawn(machine: &Machine) -> Mcp {
    let mut command = machine.command(&machine.repository(REMOTE));
    command.env("DECKWATCH_AGENT", "mac1-claude-1");
    Mcp::spawn(command)
}

#[test]
fn protocol_2025_06_18_opens_with_initialize() {
    let machine = Machine::new();
    let mut agent = spawn(&machine);
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "codex-mcp-client", "version": "0.169.0"}});
    let result = agent.request("initialize", &hello)["result"].clone();
    assert_eq!(result["protocolVersion"], "2025-06-18");
    assert_eq!(result["serverInfo"]["name"], "deckwatch");
    assert_eq!(result["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
    let instructions = result["instructions"].as_str().unwrap();
    assert!(instructions.contains("`sod`") && instructions.ends_with("know you as mac1-claude-1."), "{instructions}");
    agent.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let day = agent.call("sod", &json!({})).good();
    assert!(day.text.contains("mac1-claude-1 (codex on "), "{}", day.text);
}

#[test]
fn protocol_2026_07_28_needs_no_handshake() {
    let machine = Machine::new();
    let mut agent = spawn(&machine);
    let discovered = agent.request("server/discover", &json!({"_meta": meta()}))["result"].clone();
    assert!(discovered.to_string().contains("2026-07-28"), "{discovered}");
    assert!(discovered.to_string().contains("\"deckwatch\""), "{discovered}");
    let tools = agent.request("tools/list", &json!({"_meta": meta()}));
    assert_eq!(tools["result"]["tools"].as_array(), Some(&definitions()), "{tools}");
    let called = agent.request("tools/call", &json!({"_meta": meta(), "name": "sod", "arguments": {}}));
    let report = called["result"]["structuredContent"]["report"].as_str().unwrap_or_default();
    assert!(report.contains("mac1-claude-1 (claude on "), "{called}");
}

#[test]
fn the_error_for_an_unknown_tool_names_the_known_ones() {
    let machine = Machine::new();
    let dir = machine.folder("anywhere");
    let answer = machine.agent("mac1-claude-1", &dir).request("tools/call", &json!({"name": "nope", "arguments": {}}));
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(message.ends_with(&tool_names().join(", ")), "{answer}");
}

#[test]
fn lines_that_are_not_messages_do_not_end_the_conversation() {
    let machine = Machine::new();
    let dir = machine.folder("anywhere");
    let mut agent = machine.agent("mac1-claude-1", &dir);
    for line in ["", "not json", "{\"jsonrpc\": \"2.0\"", "[]", "{}", "\u{feff}null"] {
        agent.send_raw(line);
    }
    agent.send(&json!({"jsonrpc": "2.0", "method": "notifications/unheard-of", "params": {"x": 1}}));
    let list = agent.request("tools/list", &json!({}));
    assert!(list["result"]["tools"].is_array(), "{list}");
}

/// A conversation on each version of the protocol, with the metadata of its requests.
fn on_both_versions(machine: &Machine) -> [(Mcp, Value); 2] {
    let dir = machine.folder("anywhere");
    let mut command = machine.command(&dir);
    command.env("DECKWATCH_AGENT", "mac1-claude-1");
    let newer = Mcp::spawn(command);
    [(machine.agent("mac1-claude-1", &dir), json!({})), (newer, json!({"_meta": meta()}))]
}

#[test]
fn text_with_half_a_character_is_accepted_with_a_replacement_character() {
    let machine = Machine::new();
    for (mut agent, params) in on_both_versions(&machine) {
        let mut params = params;
        let note = json!({"action": "create", "title": "CUT", "content": "whole \u{1f4bb}", "tags": ["reference"]});
        params["name"] = json!("note");
        params["arguments"] = note;
        let line = json!({"method": "tools/call", "params": params, "jsonrpc": "2.0", "id": 4711}).to_string();
        agent.send_raw(&line.replace("CUT", "cut emoji \\ud83d"));
        let answer = agent.answer_to(4711);
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        params["name"] = json!("notes");
        params["arguments"] = json!({});
        let listed = agent.request("tools/call", &params);
        let report = listed["result"]["structuredContent"]["report"].as_str().unwrap_or_default();
        assert!(report.contains("cut emoji \u{fffd}"), "{listed}");
    }
}

#[test]
fn an_invalid_line_gets_an_error_with_its_id() {
    let machine = Machine::new();
    for (mut agent, _) in on_both_versions(&machine) {
        for (id, code, line) in [
            (101, -32700, r#"{"jsonrpc": "2.0", "id": 101, "method": "tools/list", "params": {]}"#),
            (102, -32700, r#"{"method": "tools/list", "params": {"a": "\q"}, "jsonrpc": "2.0", "id": 102}"#),
            (103, -32700, r#"{"jsonrpc": "2.0", "id": 103, "method": "tools/call", "params": {"name": "so"#),
            (104, -32600, r#"{"jsonrpc": "2.1", "id": 104, "method": "tools/list"}"#),
        ] {
            agent.send_raw(line);
            let answer = agent.answer_to(id);
            assert_eq!(answer["error"]["code"], code, "{line}: {answer}");
        }
    }
}

#[test]
fn the_error_for_a_large_message_names_the_limit() {
    let machine = Machine::new();
    let filler = "x".repeat(17 * 1024 * 1024);
    for (mut agent, _) in on_both_versions(&machine) {
        let first =
            format!(r#"{{"jsonrpc": "2.0", "id": 201, "method": "tools/call", "params": {{"x": "{filler}"}}}}"#);
        let last = format!(r#"{{"method": "tools/call", "params": {{"x": "{filler}"}}, "jsonrpc": "2.0", "id": 202}}"#);
        for (id, line) in [(201, first), (202, last)] {
            agent.send_raw(&line);
            let answer = agent.answer_to(id);
            let message = answer["error"]["message"].as_str().unwrap_or_default();
            assert!(message.starts_with("This message is too large: the limit is 16 MiB."), "{answer}");
        }
    }
}

#[test]
fn each_of_many_invalid_lines_gets_an_error() {
    let machine = Machine::new();
    let mut agent = machine.agent("mac1-claude-1", &machine.folder("anywhere"));
    for id in 1_000..2_000 {
        agent.send_raw(&format!(r#"{{"id": {id}, nonsense"#));
    }
    for id in 1_000..2_000 {
        assert_eq!(agent.answer_to(id)["error"]["code"], -32700);
    }
}

#[test]
fn calls_at_the_same_time_start_one_day() {
    let machine = Machine::new();
    let mut agent = machine.agent("mac1-claude-1", &machine.repository(REMOTE));
    let call = json!({"name": "sod", "arguments": {}});
    let asked: Vec<u64> = (0..8).map(|_| agent.ask("tools/call", &call)).collect();
    let mut sessions: Vec<Value> =
        asked.into_iter().map(|id| agent.answer_to(id)["result"]["structuredContent"]["session_id"].clone()).collect();
    sessions.dedup();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
}
