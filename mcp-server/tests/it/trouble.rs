//! The errors that an agent gets.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{ScriptedApi, problem};
use crate::github::{GitHub, TOKEN};
use crate::harness::{Machine, Mcp, handoff};

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
    let text = agent.call("sod", &json!({})).trouble();
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    assert!(text.contains("can't reach the Context API") && text.contains(&url), "{text}");

    let queued = agent.call("handoff", &handoff("x")).good();
    assert!(queued.text.contains("QUEUED on this machine and not recorded yet"), "{}", queued.text);
    let context = agent.call("context", &json!({})).good();
    for part in ["The API did not answer", "|   x", "NOT SENT YET: 1", "Other active agents: unknown"] {
        assert!(context.text.contains(part), "{part} in\n{}", context.text);
    }

    let preflight = agent.call("preflight", &json!({})).good();
    assert_eq!(preflight.facts["ok"], false);
    assert!(preflight.text.contains("FAIL api:"), "{}", preflight.text);
    assert!(preflight.text.contains("ok   repository: example-org/alpha on branch main"), "{}", preflight.text);
}

#[test]
fn a_refusal_has_its_code_and_correlation_id() {
    let refusing = |_: &str, _: &str| (401, problem(401, "unauthorized", "This key is not known."));
    let (machine, api) = (Machine::new(), ScriptedApi::start(refusing));
    let text = with_api(&machine, &api.url).call("sod", &json!({})).trouble();
    for part in ["refused", "unauthorized", "This key is not known.", "corr_0a0b0c0d-0000-4000-8000-000000000001"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("0123456789abcdef"), "{text}");
}

#[test]
fn a_failure_is_reported_as_a_failure() {
    let failing = |_: &str, _: &str| (500, problem(500, "internal_error", "Something failed on our side."));
    let (machine, api) = (Machine::new(), ScriptedApi::start(failing));
    let text = with_api(&machine, &api.url).call("sod", &json!({})).trouble();
    assert!(text.contains("the Context API failed") && text.contains("Something failed on our side."), "{text}");
}

#[test]
fn no_venture_is_invented_for_an_unknown_repository() {
    let empty = |_: &str, _: &str| (200, json!({"items": [], "total": 0, "next_cursor": null}));
    let (machine, api) = (Machine::new(), ScriptedApi::start(empty));
    let mut command = machine.command(&machine.repository(REMOTE));
    command.env("DECKWATCH_AGENT", "mac1-claude-1");
    command.envs([("CONTEXT_API_URL", api.url.as_str()), ("CONTEXT_API_KEY", "0123456789abcdef")]);
    let text = Mcp::initialized(command).call("sod", &json!({})).trouble();
    assert!(text.contains("example-org/alpha does not belong to any venture"), "{text}");
    assert!(text.contains("launcher <venture>"), "{text}");
}

#[test]
fn every_invalid_argument_is_named() {
    let machine = Machine::new();
    let mut agent = machine.agent("mac1-claude-1", &machine.repository(REMOTE));
    let bad = json!({"status": "finished", "links": ["javascript:x"], "accomplished": 3, "colour": "red"});
    let text = agent.call("handoff", &bad).trouble();
    for field in ["/status", "/links/0", "/accomplished", "/colour", "/summary"] {
        assert!(text.contains(field), "{field} in {text}");
    }
    for (tool, arguments) in [
        ("sod", json!({"track": -1})),
        ("sod", json!({"issue_number": 0})),
        ("sod", json!({"issue_number": "#87"})),
        ("sod", json!({"detail": "everything"})),
        ("context", json!({"x": 1})),
        ("handoff", json!({"summary": "", "status": "done"})),
        ("handoff", json!({"summary": "x".repeat(4_001), "status": "done"})),
        ("handoff", json!({"summary": "nul \u{0}", "status": "done"})),
    ] {
        let text = agent.call(tool, &arguments).trouble();
        assert!(text.contains("the arguments are not valid: /"), "{arguments}: {text}");
    }
    let context = agent.call("context", &json!({})).good();
    assert!(context.text.contains("session  none"), "nothing was started: {}", context.text);
}

#[test]
fn a_malformed_variable_is_reported_with_a_fix() {
    let machine = Machine::new();
    let dir = machine.repository(REMOTE);
    for (name, value) in [("DECKWATCH_AGENT", "a b"), ("DECKWATCH_TRACK", "x"), ("DECKWATCH_VENTURE", "Alpha!")] {
        let mut command = machine.command(&dir);
        command.env("DECKWATCH_AGENT", "mac1-claude-1").env(name, value);
        let text = Mcp::initialized(command).call("sod", &json!({})).trouble();
        assert!(text.contains(name) && text.contains("correct it or unset it"), "{text}");
    }
    let mut command = machine.command(&dir);
    command.env("DECKWATCH_AGENT", "mac1-claude-1").env("CONTEXT_API_URL", "https://api.example.com");
    let text = Mcp::initialized(command).call("sod", &json!({})).trouble();
    assert!(text.contains("CONTEXT_API_KEY"), "{text}");
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
    assert!(preflight.text.contains("context.db"), "{}", preflight.text);
    assert!(preflight.text.contains("WARN github: no issues can be shown"), "{}", preflight.text);
    assert!(preflight.text.contains("`gh auth login`"), "{}", preflight.text);
}

#[test]
fn preflight_names_the_account_of_the_github_token() {
    let (machine, github) = (Machine::new(), GitHub::with(&[], &[]));
    for (token, expected) in [
        (TOKEN, "ok   github: answers; the token from GITHUB_TOKEN belongs to ann"),
        ("ghp_wrong", "fix: GitHub does not accept the token from GITHUB_TOKEN"),
    ] {
        let mut command = machine.command(&machine.folder("plain"));
        command.envs([("DECKWATCH_AGENT", "mac1-claude-1"), ("GITHUB_API_URL", &github.url), ("GITHUB_TOKEN", token)]);
        let preflight = Mcp::initialized(command).call("preflight", &json!({})).good();
        assert_eq!(preflight.facts["ok"], true);
        assert!(preflight.text.contains(expected) && !preflight.text.contains(token), "{}", preflight.text);
    }
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
fn preflight_has_a_fix_for_missing_parts() {
    let machine = Machine::new();
    let dir = machine.folder("plain");
    let preflight = machine.agent("mac1-claude-1", &dir).call("preflight", &json!({})).good();
    assert!(preflight.text.contains("WARN repository:") && preflight.text.contains("git init"), "{}", preflight.text);

    let mut no_git = machine.command(&dir);
    no_git.env("DECKWATCH_AGENT", "mac1-claude-1").env("PATH", machine.folder("empty"));
    let preflight = Mcp::initialized(no_git).call("preflight", &json!({})).good();
    assert_eq!(preflight.facts["ok"], false);
    assert!(preflight.text.contains("git is not installed"), "{}", preflight.text);
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
