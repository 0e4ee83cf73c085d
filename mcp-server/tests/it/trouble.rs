//! The errors that an agent gets.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{ScriptedApi, problem};
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
    let expected =
        ["server", "git", "repository", "agent", "api", "clock", "key", "versions", "venture", "session", "github"];
    assert_eq!(names.collect::<Vec<_>>(), expected);
}

#[test]
fn preflight_warns_about_a_wrong_clock() {
    let yesterday = |_: &str, path: &str| match path {
        "/health" => (200, json!({"status": "ok", "engine": "worker", "time": "2026-01-01T00:00:00.000Z"})),
        _ => (404, problem(404, "unknown_route", "There is nothing.")),
    };
    let (machine, api) = (Machine::new(), ScriptedApi::start(yesterday));
    let preflight = with_api(&machine, &api.url).call("preflight", &json!({})).good();
    assert!(preflight.text.contains("WARN clock:") && preflight.text.contains("(NTP)"), "{}", preflight.text);
    assert!(preflight.text.contains("engine: worker"), "{}", preflight.text);
}

/// An API of this version that works, except that it gives this answer to every request with a key.
fn well_but_for(answer: (u16, Value), version: &'static str) -> ScriptedApi {
    let now = deckwatch_machine::clock::now();
    ScriptedApi::start(move |_, path| match path {
        "/health" => (200, json!({"status": "ok", "engine": "worker", "time": now})),
        "/version" => {
            (200, json!({"version": version, "commit": "abc", "engine": "worker", "migrations": ["0001_init"]}))
        }
        _ => answer.clone(),
    })
}

/// The result of this check, and its fix.
#[track_caller]
fn checked(machine: &Machine, url: &str, name: &str) -> (String, String) {
    let preflight = with_api(machine, url).call("preflight", &json!({})).good();
    let mut checks = preflight.facts["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["name"] == name).expect("the check");
    let text = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
    assert!(preflight.text.contains(&text("fix")), "{}", preflight.text);
    (format!("{} {}", text("status"), text("detail")), text("fix"))
}

#[test]
fn preflight_has_a_fix_for_each_refusal_of_a_key() {
    for (status, code, what, remedy) in [
        (401, "unauthorized", "fail the Context API refused (unauthorized): No.", "a valid key, set CONTEXT_API_KEY"),
        (403, "forbidden", "fail the Context API refused (forbidden): No.", "a key with the scope context"),
        (429, "rate_limited", "fail the Context API refused (rate_limited): No.", "wait a minute; agents that share"),
        (400, "invalid_request", "fail the Context API refused (invalid_request)", "correct what the error names"),
        (500, "internal_error", "fail the Context API failed: No.", "ask the API's operator"),
    ] {
        let api = well_but_for((status, problem(status, code, "No.")), "0.1.0");
        let machine = Machine::new();
        let (found, fix) = checked(&machine, &api.url, "key");
        assert!(found.starts_with(what) && fix.contains(remedy), "{found}: {fix}");
    }
}

#[test]
fn preflight_distinguishes_no_answer_from_an_answer_of_another_server() {
    let machine = Machine::new();
    let (found, fix) = checked(&machine, &closed_port(), "api");
    assert!(found.starts_with("fail can't be reached at http://127.0.0.1:"), "{found}");
    assert!(fix.starts_with("check the network, and check that CONTEXT_API_URL"), "{fix}");
    for (status, answer) in [(200, json!({"hello": "world"})), (200, json!("<html>")), (404, json!("<html>"))] {
        let other = ScriptedApi::start(move |_, _| (status, answer.clone()));
        let (found, fix) = checked(&Machine::new(), &other.url, "api");
        assert!(found.starts_with("fail a proxy or another service answered instead of the Context API"), "{found}");
        assert!(fix.starts_with("the server at that address is not the Context API: set CONTEXT_API_URL"), "{fix}");
    }
    let proxy = ScriptedApi::start(|_, _| (502, json!("Bad Gateway")));
    let (_, fix) = checked(&Machine::new(), &proxy.url, "api");
    assert!(fix.starts_with("the proxy in front of the API says that the API is down"), "{fix}");
}

#[test]
fn preflight_says_which_side_to_update() {
    let ventures = || (200, json!({"items": [], "total": 0, "next_cursor": null}));
    for (version, status, remedy) in [
        (env!("CARGO_PKG_VERSION"), "ok", ""),
        ("0.0.9", "warn", "deploy the API again"),
        ("99.0.0", "warn", "update its checkout and run ./scripts/start --install-only"),
    ] {
        let api = well_but_for(ventures(), version);
        let (found, fix) = checked(&Machine::new(), &api.url, "versions");
        assert!(found.starts_with(status) && fix.contains(remedy), "{version}: {found}: {fix}");
    }
}

#[test]
fn preflight_has_a_fix_for_each_malformed_api_setting() {
    for (url, key, remedy) in [
        ("https://api.example.com", "", "set CONTEXT_API_KEY, or unset CONTEXT_API_URL to work"),
        ("https://api.example.com", "two words", "set CONTEXT_API_KEY to the exact key"),
        ("notaurl", "0123456789abcdef", "set CONTEXT_API_URL to the API's address, such as https://"),
    ] {
        let machine = Machine::new();
        let mut command = machine.command(&machine.repository(REMOTE));
        command.env("DECKWATCH_AGENT", "mac1-claude-1");
        command.envs([("CONTEXT_API_URL", url), ("CONTEXT_API_KEY", key)]);
        let preflight = Mcp::initialized(command).call("preflight", &json!({})).good();
        assert!(preflight.text.contains("FAIL api: "), "{}", preflight.text);
        assert!(preflight.text.contains(&format!("fix: {remedy}")), "{}", preflight.text);
        assert!(!preflight.text.contains("two words"), "{}", preflight.text);
    }
}

#[test]
fn preflight_has_a_fix_for_an_unusable_local_database() {
    let machine = Machine::new();
    machine.folder(".local/share/deckwatch/context.db");
    let preflight = machine.agent("mac1-claude-1", &machine.repository(REMOTE)).call("preflight", &json!({})).good();
    assert!(preflight.text.contains("FAIL api: the Context API failed: "), "{}", preflight.text);
    assert!(preflight.text.contains("fix: check the disk and that you can write to /"), "{}", preflight.text);
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
