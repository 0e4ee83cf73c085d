//! The errors that an agent gets.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::api::ScriptedApi;
use crate::harness::{Machine, Mcp};

const REMOTE: &str = "https://github.com/example-org/alpha.git";

/// A server whose API is at `url`.
fn with_api(machine: &Machine, url: &str) -> Mcp {
    let mut command = machine.command(&machine.repository(REMOTE));
    command.envs([("DECKWATCH_AGENT", "mac1-claude-1"), ("DECKWATCH_VENTURE", "alpha")]);
    command.envs([("CONTEXT_API_URL", url), ("CONTEXT_API_KEY", "0123456789abcdef0123456789abcdef")]);
    Mcp::initialized(command)
}

/// The URL of a closed port.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn an_unreachable_api_is_reported_quickly() {
    let (machine, url) = (Machine::new(), closed_port());
    let mut agent = with_api(&machine, &url);
    let asked = Instant::now();
    let _ = agent.call("sod", &json!({})).trouble();
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
}

#[test]
fn a_handoff_with_invalid_arguments_starts_no_session() {
    let machine = Machine::new();
    let mut agent = machine.agent("mac1-claude-1", &machine.repository(REMOTE));
    let _ = agent.call("handoff", &json!({"summary": "", "status": "done"})).trouble();
    assert_eq!(agent.call("context", &json!({})).good().facts.get("session_id"), None);
}

#[test]
fn preflight_on_a_new_machine_finds_no_failure() {
    let machine = Machine::new();
    let mut agent = machine.agent("mac1-claude-1", &machine.repository(REMOTE));
    let preflight = agent.call("preflight", &json!({})).good();
    assert_eq!(preflight.facts["ok"], true, "{}", preflight.text);
    let names = preflight.facts["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap());
    let expected = "server git repository agent api clock key versions venture session token messages github";
    assert_eq!(names.collect::<Vec<_>>().join(" "), expected);
}

#[test]
fn a_proxy_with_a_rate_limit_is_not_reported_as_a_login_page() {
    let (machine, api) = (Machine::new(), ScriptedApi::start(|_, _| (429, json!({"error": "slow down"}))));
    let mut command = machine.command(&machine.repository(REMOTE));
    command.envs([("DECKWATCH_AGENT", "mac1-claude-1"), ("DECKWATCH_VENTURE", "alpha")]);
    command.envs([("CONTEXT_API_URL", api.url.as_str()), ("CONTEXT_API_KEY", "0123456789abcdef")]);
    let mut agent = Mcp::initialized(command);
    let text = agent.call("sod", &json!({})).trouble();
    assert!(text.contains("status 429: it accepts no more requests for now. Try again in a minute"), "{text}");
    let text = agent.call("handoff", &crate::harness::handoff("x")).good().text;
    assert!(
        text.contains("QUEUED on this machine and not recorded yet") && text.contains("with status 429."),
        "{text}"
    );
    assert!(!text.contains("login page") && !text.contains("Try again"), "{text}");
    let text = agent.call("preflight", &json!({})).good().text;
    assert!(text.contains("refuses more requests: wait a minute"), "{text}");
}

#[test]
fn preflight_reports_an_api_that_accepts_connections_and_does_not_answer() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let text = with_api(&Machine::new(), &url).call("preflight", &json!({})).good().text;
    assert!(text.contains("FAIL api: accepts connections at http://127.0.0.1:"), "{text}");
    assert!(text.contains(", but did not answer: ") && text.contains("fix: wait a minute and try again;"), "{text}");
}

#[test]
fn the_third_equal_failure_reminds_of_the_escalation_once() {
    let (machine, url) = (Machine::new(), closed_port());
    let mut agent = with_api(&machine, &url);
    let mut reminded = |arguments: &serde_json::Value| {
        let text = agent.call("notes", arguments).trouble();
        text.contains("failed 3 times in a row with the same error. Stop repeating it: escalate")
            && text.contains("status `blocked` and `escalation` `same_error`")
    };
    let (search, wrong) = (json!({ "id": "note_01JD0000000000000000000000" }), json!({ "limit": "many" }));
    assert_eq!([&search, &search, &wrong, &search].map(&mut reminded), [false; 4]);
    assert_eq!([&search, &search, &search].map(&mut reminded), [false, true, false]);
}
