//! A repository keeps its history when its name or venture changes. Repositories with the same name share no history.

use std::path::{Path, PathBuf};

use deckwatch_client::{Api, ApiConfig};
use deckwatch_protocol::{DocName, DocScope, DocType, PutDoc};
use serde_json::{Value, json};

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

fn plan_of_the_year() -> Value {
    json!({"action": "create", "title": "The plan of the year", "content": "Grow.", "tags": ["executive-summary"]})
}

/// Stores a document in the machine's own database.
fn put_doc(machine: &Machine, venture: &str, name: &str) {
    let database = machine.home().join(".local/share/deckwatch/context.db");
    let api = Api::connect(ApiConfig::embedded(database, &"test-claude-1".parse().unwrap()).unwrap());
    let doc = PutDoc {
        content: "# A guide".parse().unwrap(),
        doc_type: DocType::Markdown,
        title: None,
        source_repo: None,
        source_path: None,
    };
    let (scope, name): (DocScope, DocName) = (venture.parse().unwrap(), name.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(api.put_doc(&scope, &name, &doc)).unwrap();
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
    let _ = machine.agent(AGENT, &dir).call("note", &plan_of_the_year()).good();
    put_doc(&machine, "alpha", "guide.md");
    let config = machine.folder(".config/deckwatch");
    for code in ["acme", "acme-two", "acme"] {
        let ventures = json!({"ventures": [{"code": code, "name": "Acme", "repos": ["example-org/alpha"]}]});
        std::fs::write(config.join("ventures.json"), ventures.to_string()).unwrap();
        let day = day(&machine, &dir);
        goes_on(&day, code, "example-org/alpha", "Before the venture.");
        let line = format!(
            "and the notes, documents and requirements of that venture, now belong to example-org/alpha in venture {code}."
        );
        assert!(day.text.contains(&line), "{}", day.text);
        assert!(day.text.contains("The plan of the year") && day.text.contains("guide.md"), "{}", day.text);
    }
    std::fs::remove_file(config.join("ventures.json")).unwrap();
    assert!(day(&machine, &dir).text.contains("Before the venture."));
}

#[test]
fn notes_and_documents_stay_while_another_repository_uses_their_venture() {
    let machine = Machine::new();
    let (one, two) = ("example-org/alpha", "example-org/beta");
    let [alpha, beta] = [one, two].map(|repo| machine.repository(&format!("https://github.com/{repo}")));
    let file = machine.folder(".config/deckwatch").join("ventures.json");
    let write = |ventures: &Value| std::fs::write(&file, json!({ "ventures": ventures }).to_string()).unwrap();
    write(&json!([{"code": "acme", "name": "Acme", "repos": [one, two]}]));
    for dir in [&alpha, &beta] {
        work(&machine, dir, "Before the split.");
    }
    let _ = machine.agent(AGENT, &alpha).call("note", &plan_of_the_year()).good();
    put_doc(&machine, "acme", "guide.md");

    write(&json!([{"code": "acme", "name": "Acme", "repos": [two]}, {"code": "gamma", "name": "G", "repos": [one]}]));
    let split = day(&machine, &alpha);
    goes_on(&split, "gamma", one, "Before the split.");
    let line = "The notes and documents of venture acme stay there, because another repository uses it.";
    assert!(split.text.contains(line), "{}", split.text);
    let other = day(&machine, &beta);
    assert!(other.text.contains("The plan of the year") && other.text.contains("guide.md"), "{}", other.text);

    // The new venture gets a document of the same name, and then the last repository.
    put_doc(&machine, "gamma", "guide.md");
    write(&json!([{"code": "gamma", "name": "G", "repos": [one, two]}]));
    let last = day(&machine, &beta);
    goes_on(&last, "gamma", two, "Before the split.");
    assert!(last.text.contains("A document whose name was taken is now named `acme.<name>`."), "{}", last.text);
    assert!(last.text.contains("acme.guide.md") && last.text.contains("The plan of the year"), "{}", last.text);
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
    let long = "x".repeat(250);
    for name in ["日本語", "中国語", "مشروع", "🚀", "a b", "---", &long] {
        // All of them on one machine would exceed its requests per minute.
        let machine = Machine::new();
        let dir = repository(&machine, name);
        work(&machine, &dir, name);
        let day = day(&machine, &dir);
        assert!(day.text.contains(&format!("| {name}")), "{name} in\n{}", day.text);
    }
}

/// The line about a handoff that the API does not have.
const OWN: &str = "It was recorded on this machine, not in the API in use, so agents on other machines don't see it.";

#[test]
fn after_joining_a_team_the_machines_earlier_handoffs_are_shown_and_not_sent() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let dir = machine.repository_once("https://github.com/example-org/alpha.git");
    for summary in ["Mine, older.", "Mine alone."] {
        work(&machine, &dir, summary);
    }
    for _ in 0..2 {
        let day = server.agent(&machine, AGENT).call("sod", &json!({})).good();
        assert!(day.text.contains("## Last handoff: none for this repository"), "{}", day.text);
        assert_eq!(day.text.matches("## Last handoff in this machine's own database: ").count(), 1, "{}", day.text);
        assert_eq!(day.text.matches("| Mine alone.").count(), 1, "{}", day.text);
        assert!(day.text.contains(&format!("{OWN} That database has 2 handoffs of this repository")), "{}", day.text);
    }
    let mut agent = server.agent(&machine, AGENT);
    let list = agent.call("handoffs", &json!({})).good();
    assert!(list.text.contains("## Handoffs of this repository in this machine's own database: 2"), "{}", list.text);
    assert!(list.text.contains("They were recorded on this machine, not in the API in use"), "{}", list.text);
    assert!(list.text.contains("Mine, older.") && list.text.contains("Mine alone."), "{}", list.text);
    assert_eq!((&list.facts["in_own_database"], &list.facts["list"]["total"]), (&json!(2), &json!(0)));
    let older = list.text.lines().find(|line| line.contains("ho_")).unwrap();
    let id = older.split([' ', ',']).find(|word| word.starts_with("ho_")).unwrap();
    let one = agent.call("handoffs", &json!({ "id": id })).good();
    assert!(one.text.contains(OWN) && one.text.contains("Mine alone."), "{}", one.text);

    server.kill();
    let offline = agent.call("handoffs", &json!({})).good();
    assert!(offline.text.contains("Mine alone.") && offline.text.contains("STALE"), "{}", offline.text);
    let offline = agent.call("sod", &json!({})).good();
    assert!(offline.text.contains("| Mine alone.") && offline.text.contains(OWN), "{}", offline.text);
    server.start();
    assert!(server.handoffs().is_empty(), "the handoffs of this machine are not sent to the API");
}

#[test]
fn a_newer_handoff_of_the_team_takes_the_place_of_the_machines_own() {
    let (machine, server) = (Machine::new(), Server::started());
    let dir = machine.repository_once("https://github.com/example-org/alpha.git");
    work(&machine, &dir, "Mine alone.");
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("sod", &json!({})).good();
    let _ = agent.call("handoff", &handoff("Of the team.")).good();
    let day = server.agent(&machine, AGENT).call("sod", &json!({})).good();
    assert!(day.text.contains("| Of the team.") && !day.text.contains("Mine alone."), "{}", day.text);
    let list = server.agent(&machine, AGENT).call("handoffs", &json!({})).good();
    assert!(list.text.contains("Mine alone.") && list.text.contains("Of the team."), "{}", list.text);
    // A later handoff on this machine is newer than the team's.
    work(&machine, &dir, "Mine, later.");
    let day = server.agent(&machine, AGENT).call("sod", &json!({})).good();
    assert!(day.text.contains("| Of the team.") && day.text.contains("| Mine, later."), "{}", day.text);
}

#[test]
fn a_database_that_cannot_be_read_is_reported() {
    let (machine, server) = (Machine::new(), Server::started());
    let data = machine.folder(".local/share/deckwatch");
    std::fs::write(data.join("context.db"), "this is not a database".repeat(100)).unwrap();
    let day = server.agent(&machine, AGENT).call("sod", &json!({})).good();
    assert!(
        day.text.contains("Warning: earlier handoffs in this machine's own database are not shown"),
        "{}",
        day.text
    );
    let list = server.agent(&machine, AGENT).call("handoffs", &json!({})).good();
    assert!(list.text.contains("Warning: earlier handoffs in this machine's own database"), "{}", list.text);
}
