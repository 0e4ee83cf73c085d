//! The problems that `preflight` finds, each with its fix.

use std::process::Command;

use serde_json::{Value, json};

use super::Transcript;
use crate::api::{ScriptedApi, problem};
use crate::harness::{Machine, Mcp};
use crate::server::REMOTE;

const KEY: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";

/// Adds the problems that a server finds whose command is changed like this.
fn found(all: &mut Transcript, about: &str, change: impl FnOnce(&Machine, &mut Command)) {
    let machine = Machine::new();
    let mut command = machine.command(&machine.repository_once(REMOTE));
    command.envs([("DECKWATCH_AGENT", "mac1-claude-1"), ("DECKWATCH_VENTURE", "alpha")]);
    change(&machine, &mut command);
    let answer = Mcp::initialized(command).call("preflight", &json!({})).good();
    // The tests have no GitHub, and another file shows the checks that are well.
    let lines = answer.text.lines().filter(|line| !line.starts_with("ok "));
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with("WARN github")).collect();
    let mut one = Transcript::on(&machine);
    one.write(about, "preflight {}", &lines.join("\n"));
    all.append(&one);
}

fn at(all: &mut Transcript, about: &str, url: &str, key: &str) {
    found(all, about, |_, command| {
        command.envs([("CONTEXT_API_URL", url), ("CONTEXT_API_KEY", key)]);
    });
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

#[test]
fn problems_of_the_checks_are_in_step() {
    let mut all = Transcript::on(&Machine::new());
    for (about, status, code) in [
        ("the key is not known", 401, "unauthorized"),
        ("the key has too few rights", 403, "forbidden"),
        ("too many requests", 429, "rate_limited"),
        ("the request is refused", 400, "invalid_request"),
        ("the API fails", 500, "internal_error"),
    ] {
        let api = well_but_for((status, problem(status, code, "No.")), env!("CARGO_PKG_VERSION"));
        at(&mut all, about, &api.url, KEY);
    }
    let ventures = || (200, json!({"items": [], "total": 0, "next_cursor": null}));
    at(&mut all, "the API is older", &well_but_for(ventures(), "0.0.9").url, KEY);
    at(&mut all, "the API is newer", &well_but_for(ventures(), "99.0.0").url, KEY);
    for (about, status, answer) in [
        ("another service answers", 200, json!({"hello": "world"})),
        ("a login page answers", 200, json!("<html>")),
        ("a page is not found", 404, json!("<html>")),
        ("a proxy says that the API is down", 502, json!("Bad Gateway")),
        ("a proxy limits the requests", 429, json!({"error": "slow down"})),
    ] {
        let other = ScriptedApi::start(move |_, _| (status, answer.clone()));
        at(&mut all, about, &other.url, KEY);
    }
    at(&mut all, "there is no key", "https://api.example.com", "");
    at(&mut all, "the key is malformed", "https://api.example.com", "two words");
    at(&mut all, "the URL is malformed", "notaurl", KEY);
    found(&mut all, "the local database can't be opened", |machine, _| {
        machine.folder(".local/share/deckwatch/context.db");
    });
    all.is_in_step("preflight-problems");
}

#[test]
fn a_wrong_clock_is_a_warning() {
    let machine = Machine::new();
    let of_january = |_: &str, path: &str| match path {
        "/health" => (200, json!({"status": "ok", "engine": "worker", "time": "2026-01-01T00:00:00.000Z"})),
        _ => (404, problem(404, "unknown_route", "There is nothing.")),
    };
    let api = ScriptedApi::start(of_january);
    let mut command = machine.command(&machine.repository_once(REMOTE));
    command.envs([("DECKWATCH_AGENT", "mac1-claude-1"), ("CONTEXT_API_URL", &api.url), ("CONTEXT_API_KEY", KEY)]);
    let preflight = Mcp::initialized(command).call("preflight", &json!({})).good();
    assert!(preflight.text.contains("WARN clock:") && preflight.text.contains("(NTP)"), "{}", preflight.text);
}
