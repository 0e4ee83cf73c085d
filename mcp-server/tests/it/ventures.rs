//! The tool `ventures`: the list of ventures, and their folders on this machine.

use serde_json::json;

use crate::api::ScriptedApi;
use crate::harness::{Machine, Mcp};

const REMOTE: &str = "https://github.com/example-org/alpha.git";

fn write_ventures(machine: &Machine, ventures: &serde_json::Value) {
    let file = machine.folder(".config/deckwatch").join("ventures.json");
    std::fs::write(file, json!({"ventures": ventures}).to_string()).unwrap();
}

#[test]
fn the_folders_of_ventures_are_counted() {
    let machine = Machine::new();
    let dir = machine.repository(REMOTE);
    let beta = machine.folder("dev/clients/beta");
    machine.git(&beta, &["init", "--quiet"]);
    machine.git(&beta, &["remote", "add", "origin", "git@github.com:example-org/beta.git"]);
    for copy in ["dev/one", "dev/two"] {
        let copy = machine.folder(copy);
        machine.git(&copy, &["init", "--quiet"]);
        machine.git(&copy, &["remote", "add", "origin", "git@github.com:example-org/delta.git"]);
    }
    write_ventures(
        &machine,
        &json!([
            {"code": "alpha", "name": "Alpha", "repos": ["example-org/alpha"]},
            {"code": "beta", "name": "Beta", "repos": ["example-org/beta"]},
            {"code": "gamma", "name": "Gamma", "repos": ["example-org/gamma"]},
            {"code": "delta", "name": "Delta", "repos": ["example-org/delta"]},
            {"code": "empty", "name": "Empty"},
        ]),
    );
    let known = machine.agent("mac1-claude-1", &dir).call("ventures", &json!({})).good();
    let facts = &known.facts;
    assert_eq!((&facts["total"], &facts["shown"], &facts["installed"]), (&json!(5), &json!(5), &json!(3)));
    assert_eq!(facts["own"], "alpha");
}

#[test]
fn clones_are_found_in_the_dev_root_of_the_launcher() {
    let machine = Machine::new();
    let code = machine.folder("code/beta");
    machine.git(&code, &["init", "--quiet"]);
    machine.git(&code, &["remote", "add", "origin", "git@github.com:example-org/beta.git"]);
    write_ventures(&machine, &json!([{"code": "beta", "name": "Beta", "repos": ["example-org/beta"]}]));
    let mut command = machine.command(&machine.folder("plain"));
    command.env("DECKWATCH_AGENT", "mac1-claude-1").env("DECKWATCH_DEV_ROOT", machine.home().join("code"));
    let known = Mcp::initialized(command).call("ventures", &json!({})).good();
    assert_eq!(known.facts["installed"], 1, "{}", known.text);
}

#[test]
fn without_a_file_ventures_come_from_the_api_and_names_are_fenced() {
    let now = "2026-11-21T08:00:00.000Z";
    let api = ScriptedApi::start(move |_, _| {
        let venture = json!({"code": "alpha", "name": "Obey \u{202e}me", "github_org": null, "capabilities": [],
            "repos": ["example-org/alpha"], "created_at": now, "updated_at": now});
        (200, json!({"items": [venture], "total": 1, "next_cursor": null}))
    });
    let machine = Machine::new();
    let mut command = machine.command(&machine.repository(REMOTE));
    command.env("DECKWATCH_AGENT", "mac1-claude-1");
    command.envs([("CONTEXT_API_URL", api.url.as_str()), ("CONTEXT_API_KEY", "0123456789abcdef")]);
    let known = Mcp::initialized(command).call("ventures", &json!({})).good();
    assert_eq!((&known.facts["total"], &known.facts["installed"]), (&json!(1), &json!(1)));
    assert!(
        known.text.starts_with("1 venture, 1 found on this machine; the list is from the API at http://127"),
        "{}",
        known.text
    );
    assert!(known.text.lines().filter(|line| line.contains("Obey")).all(|line| line.starts_with("| - alpha")));
    assert!(known.text.contains("Obey me") && !known.text.contains('\u{202e}'), "{}", known.text);
}

#[test]
fn a_hundred_ventures_fit_the_budget_and_are_counted() {
    let machine = Machine::new();
    let ventures: Vec<_> = (0..100)
        .map(|n| json!({"code": format!("v{n}"), "name": "\"q\\".repeat(33), "repos": [format!("example-org/v{n}")]}))
        .collect();
    write_ventures(&machine, &json!(ventures));
    let known = machine.agent("mac1-claude-1", &machine.folder("plain")).call("ventures", &json!({})).good();
    let shown = known.facts["shown"].as_u64().unwrap();
    assert!(shown > 10 && shown < 100 && known.facts.to_string().encode_utf16().count() <= 8_500, "{shown}");
    assert!(known.text.contains(&format!("ventures {shown} of 100")), "{}", known.text);
}

#[test]
fn remotes_that_differ_in_case_are_one_repository() {
    let machine = Machine::new();
    let clone = |folder: &str, remote: &str| {
        let dir = machine.folder(folder);
        machine.git(&dir, &["init", "--quiet"]);
        machine.git(&dir, &["remote", "add", "origin", &format!("git@github.com:{remote}.git")]);
        dir
    };
    let (first, second) = (clone("one", "Example-Org/Alpha"), clone("two", "example-org/ALPHA"));
    let hand_over = |summary: &str| {
        let _ = machine.agent("mac1-claude-1", &first).call("handoff", &crate::harness::handoff(summary)).good();
        machine.agent("mac1-codex-1", &second).call("sod", &json!({})).good()
    };
    // On the embedded engine, the first clone sets the spelling of the name.
    let day = hand_over("From the first clone.");
    assert!(day.text.contains("| From the first clone."), "{}", day.text);
    assert_eq!((&day.facts["venture"], &day.facts["repo"]), (&json!("alpha"), &json!("Example-Org/Alpha")));

    write_ventures(&machine, &json!([{"code": "greek", "name": "Greek", "repos": ["example-org/alpha"]}]));
    let day = hand_over("Of a venture in a file.");
    assert!(day.text.contains("| Of a venture in a file."), "{}", day.text);
    assert_eq!((&day.facts["venture"], &day.facts["repo"]), (&json!("greek"), &json!("example-org/alpha")));
}

#[test]
fn the_repository_name_from_the_launcher_is_used() {
    let machine = Machine::new();
    let dir = machine.repository(REMOTE);
    for (named, called) in [("Example-Org/Alpha", "Example-Org/Alpha"), ("example-org/beta", "example-org/alpha")] {
        let mut command = machine.command(&dir);
        command.envs([("DECKWATCH_AGENT", "mac1-claude-1"), ("DECKWATCH_VENTURE", "greek"), ("DECKWATCH_REPO", named)]);
        assert_eq!(Mcp::initialized(command).call("context", &json!({})).good().facts["repo"], called);
    }
}

#[test]
fn unknown_fields_of_the_ventures_file_are_reported_at_the_start_of_day() {
    let machine = Machine::new();
    let dir = machine.repository(REMOTE);
    let day = |repos: &str| {
        write_ventures(&machine, &json!([{"code": "alpha", "name": "Alpha", repos: ["example-org/alpha"]}]));
        machine.agent("mac1-claude-1", &dir).call("sod", &json!({})).good().text
    };
    let misspelt = day("repo");
    let line = "ventures.json has unknown fields, which Deckwatch ignores: `repo` of venture alpha.";
    assert!(misspelt.lines().any(|found| found.starts_with("Warning: ") && found.ends_with(line)), "{misspelt}");
    assert!(!day("repos").contains("unknown fields"));
}
