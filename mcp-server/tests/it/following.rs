//! A repository keeps its history when its name or venture changes. Repositories with the same name share no history.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::{Answer, Machine, Mcp, handoff};
use crate::server::Server;

const AGENT: &str = "mac1-claude-1";

/// A repository without a remote, with one commit.
fn repository(machine: &Machine, folder: &str) -> PathBuf {
    let dir = machine.folder(folder);
    machine.git(&dir, &["init", "--quiet", "--initial-branch=main"]);
    machine.git(&dir, &["commit", "--quiet", "--allow-empty", "--message=first"]);
    dir
}

fn day(machine: &Machine, dir: &Path) -> Answer {
    machine.agent(AGENT, dir).call("sod", &json!({})).good()
}

fn work(machine: &Machine, dir: &Path, summary: &str) {
    let mut agent = machine.agent(AGENT, dir);
    let _ = agent.call("sod", &json!({})).good();
    let _ = agent.call("handoff", &handoff(summary)).good();
}

#[track_caller]
fn goes_on(day: &Answer, venture: &str, repo: &str, last: &str) {
    assert_eq!((&day.facts["venture"], &day.facts["repo"]), (&json!(venture), &json!(repo)), "{}", day.text);
    assert!(day.text.contains(&format!("| {last}")), "{last} in\n{}", day.text);
}

#[test]
fn history_follows_a_remote_that_is_added_changed_and_removed() {
    let machine = Machine::new();
    let dir = repository(&machine, "alpha");
    work(&machine, &dir, "Before the remote.");
    let url = |name: &str| format!("https://github.com/example-org/{name}.git");
    machine.git(&dir, &["remote", "add", "origin", &url("alpha")]);
    let first = day(&machine, &dir);
    goes_on(&first, "alpha", "example-org/alpha", "Before the remote.");
    let line = "Note: the sessions and handoffs of local/alpha in venture alpha now belong to example-org/alpha in \
                venture alpha.";
    assert!(first.text.contains(line), "{}", first.text);
    assert!(!day(&machine, &dir).text.contains("now belong to"));

    machine.git(&dir, &["remote", "set-url", "origin", &url("beta")]);
    goes_on(&day(&machine, &dir), "alpha", "example-org/beta", "Before the remote.");
    machine.git(&dir, &["remote", "set-url", "origin", &url("alpha")]);
    goes_on(&day(&machine, &dir), "alpha", "example-org/alpha", "Before the remote.");
    machine.git(&dir, &["remote", "remove", "origin"]);
    goes_on(&day(&machine, &dir), "alpha", "local/alpha", "Before the remote.");
}

#[test]
fn history_follows_a_venture_that_is_added_and_renamed() {
    let machine = Machine::new();
    let dir = machine.repository("https://github.com/example-org/alpha.git");
    work(&machine, &dir, "Before the venture.");
    let config = machine.folder(".config/deckwatch");
    for code in ["acme", "acme-two", "acme"] {
        let ventures = json!({"ventures": [{"code": code, "name": "Acme", "repos": ["example-org/alpha"]}]});
        std::fs::write(config.join("ventures.json"), ventures.to_string()).unwrap();
        let day = day(&machine, &dir);
        goes_on(&day, code, "example-org/alpha", "Before the venture.");
        assert!(day.text.contains("stay there."), "{}", day.text);
    }
    std::fs::remove_file(config.join("ventures.json")).unwrap();
    assert!(day(&machine, &dir).text.contains("Before the venture."));
}

#[test]
fn history_follows_a_moved_folder_also_with_several_servers_at_once() {
    let machine = Machine::new();
    let dir = repository(&machine, "alpha");
    work(&machine, &dir, "Before the move.");
    let moved = machine.home().join("elsewhere");
    std::fs::rename(&dir, &moved).unwrap();
    goes_on(&day(&machine, &moved), "alpha", "local/alpha", "Before the move.");

    machine.git(&moved, &["remote", "add", "origin", "https://github.com/example-org/gamma"]);
    let mut agents: Vec<Mcp> = (1..=4).map(|n| machine.agent(&format!("mac1-codex-{n}"), &moved)).collect();
    let asked: Vec<u64> =
        agents.iter_mut().map(|agent| agent.ask("tools/call", &json!({"name": "sod", "arguments": {}}))).collect();
    for (agent, id) in agents.iter_mut().zip(asked) {
        let answer = agent.answer_to(id);
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("| Before the move."), "{text}");
    }
}

#[test]
fn repositories_with_the_same_folder_name_and_copies_share_nothing() {
    let machine = Machine::new();
    let (one, two) = (repository(&machine, "a/alpha"), repository(&machine, "b/alpha"));
    work(&machine, &one, "Private to one.");
    let second = day(&machine, &two);
    assert!(
        second.text.contains("## Last handoff: none for this repository") && !second.text.contains("Private"),
        "{}",
        second.text
    );
    assert_ne!(second.facts["venture"], "alpha");

    let copy = machine.folder("c");
    let copied = std::process::Command::new("cp").arg("-a").args([&one, &copy]).status().unwrap();
    assert!(copied.success());
    assert!(!day(&machine, &copy.join("alpha")).text.contains("Private"));
    goes_on(&day(&machine, &one), "alpha", "local/alpha", "Private to one.");
}

#[test]
fn a_submodule_has_its_own_history_although_it_lies_in_another_repository() {
    let machine = Machine::new();
    let (outer, library) = (repository(&machine, "outer"), repository(&machine, "library"));
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library.to_str().unwrap(), "lib"];
    machine.git(&outer, &add);
    let inner = outer.join("lib");
    let url = |name: &str| format!("https://github.com/example-org/{name}.git");
    machine.git(&outer, &["remote", "add", "origin", &url("outer")]);
    machine.git(&inner, &["remote", "set-url", "origin", &url("inner")]);
    work(&machine, &outer, "Of the outer one.");
    let first = day(&machine, &inner);
    assert_eq!(first.facts["repo"], "example-org/inner", "{}", first.text);
    assert!(!first.text.contains("Of the outer one."), "{}", first.text);
    work(&machine, &inner, "Of the inner one.");
    goes_on(&day(&machine, &outer), "outer", "example-org/outer", "Of the outer one.");

    // A change of one remote moves the records of that repository only.
    machine.git(&inner, &["remote", "set-url", "origin", &url("core")]);
    goes_on(&day(&machine, &inner), "inner", "example-org/core", "Of the inner one.");
    goes_on(&day(&machine, &outer), "outer", "example-org/outer", "Of the outer one.");
    machine.git(&inner, &["remote", "remove", "origin"]);
    goes_on(&day(&machine, &inner), "inner", "local/lib", "Of the inner one.");
    machine.git(&outer, &["remote", "remove", "origin"]);
    goes_on(&day(&machine, &outer), "outer", "local/outer", "Of the outer one.");
    goes_on(&day(&machine, &inner), "inner", "local/lib", "Of the inner one.");
}

#[test]
fn folder_names_in_any_script_work() {
    let machine = Machine::new();
    let long = "x".repeat(250);
    for name in ["日本語", "中国語", "مشروع", "🚀", "a b", "---", &long] {
        let dir = repository(&machine, name);
        work(&machine, &dir, name);
        let day = day(&machine, &dir);
        assert!(day.text.contains(&format!("| {name}")), "{name} in\n{}", day.text);
    }
}

#[test]
fn after_joining_a_team_the_report_names_handoffs_in_the_local_database() {
    let (machine, server) = (Machine::new(), Server::started());
    let dir = machine.repository_once("https://github.com/example-org/alpha.git");
    work(&machine, &dir, "Mine alone.");
    let day = server.agent(&machine, AGENT).call("sod", &json!({})).good();
    assert!(day.text.contains("Note: this machine's own database has 1 handoff of this repository."), "{}", day.text);
    assert!(!day.text.contains("Mine alone."), "{}", day.text);
    assert!(server.handoffs().is_empty());
}
