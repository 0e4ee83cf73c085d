//! The answers while the API is down: the data on this machine, marked as old or as not sent.

use serde_json::{Value, json};

use crate::harness::{Machine, Mcp, handoff};
use crate::server::Server;

const AGENT: &str = "mac1-claude-1";

/// A machine whose agent started a day and recorded a handoff before the API went down.
fn after_an_outage() -> (Machine, Server, Mcp) {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut before = server.agent(&machine, AGENT);
    let _ = before.call("handoff", &handoff("Recorded before.")).good();
    let _ = before.call("sod", &json!({})).good();
    server.kill();
    let mut newest = handoff("Written during the outage.");
    newest["next_steps"] = json!(["Go on from here"]);
    assert_eq!(before.call("handoff", &newest).good().facts["queued"], true);
    before.kill();
    let agent = server.agent(&machine, AGENT);
    (machine, server, agent)
}

/// Writes a copy like `launcher docs cache`.
fn copy_of_a_document(machine: &Machine, scope: &str, name: &str, content: &str) {
    std::fs::write(machine.folder(&format!(".cache/deckwatch/docs/{scope}")).join(name), content).unwrap();
}

#[test]
fn a_queued_handoff_is_shown_first_by_every_tool() {
    let (_machine, mut server, mut agent) = after_an_outage();
    for tool in ["sod", "context", "handoffs"] {
        let shown = agent.call(tool, &json!({})).good();
        let (unsent, rest) = shown.text.split_once("## Handoffs on this machine that are NOT SENT YET: 1\n").unwrap();
        assert!(!unsent.contains("Recorded before."), "{tool}: {}", shown.text);
        for line in ["\n|   Written during the outage.\n", "\n|   - Go on from here\n", "The API does not have them"] {
            assert!(rest.contains(line), "{tool}: {line} in\n{}", shown.text);
        }
        assert!(tool == "context" || rest.contains("Recorded before."), "{tool}: {}", shown.text);
        assert!(shown.text.contains("STALE: "), "{tool}: {}", shown.text);
    }
    server.start();
    let mut days = (0..100).map(|_| agent.call("sod", &json!({})).good());
    let day = days.find(|day| day.facts["outcome"] != "unavailable").unwrap();
    assert!(!day.text.contains("NOT SENT YET") && day.text.contains("| Written during the outage."), "{}", day.text);
}

#[test]
fn the_handoff_of_the_last_answer_can_be_read_whole() {
    let (_machine, _server, mut agent) = after_an_outage();
    let day = agent.call("sod", &json!({})).good();
    let id = &day.facts["last_handoff_id"];
    let read = agent.call("handoffs", &json!({"id": id})).good();
    assert!(read.text.starts_with("STALE: this is from the API's last answer"), "{}", read.text);
    assert!(read.text.contains("| Recorded before."), "{}", read.text);
    let other = agent.call("handoffs", &json!({"id": "ho_01JD0000000000000000000001"})).trouble();
    assert!(other.contains("can't reach the Context API"), "{other}");
}

#[test]
fn context_does_not_count_the_agents_of_an_old_answer_as_all() {
    let (_machine, _server, mut agent) = after_an_outage();
    let context = agent.call("context", &json!({})).good();
    assert_eq!((context.facts.get("engine"), &context.facts["others_total_is_minimum"]), (None, &json!(true)));
}

#[test]
fn documents_are_read_and_listed_from_copies_with_their_age() {
    let (machine, _server, mut agent) = after_an_outage();
    copy_of_a_document(&machine, "alpha", "deploy.md", "# Deploy\n\nFrom the copy.");
    copy_of_a_document(&machine, "global", "style.md", "Be brief.");
    let read = agent.call("doc", &json!({"name": "deploy.md"})).good();
    assert_eq!((&read.facts["found"], read.facts["document"].get("version")), (&json!(true), None));
    assert!(agent.call("doc", &json!({"name": "style.md"})).good().text.contains("| Be brief."));

    let listed = agent.request("resources/list", &json!({}));
    let uris: Vec<&Value> = listed["result"]["resources"].as_array().unwrap().iter().map(|one| &one["uri"]).collect();
    assert_eq!(uris[..2], [&json!("deckwatch://docs/alpha/deploy.md"), &json!("deckwatch://docs/global/style.md")]);
    let resource = agent.request("resources/read", &json!({"uri": "deckwatch://docs/alpha/deploy.md"})).to_string();
    assert!(resource.contains("STALE: this is the copy") && resource.contains("| From the copy."), "{resource}");
}

#[test]
fn a_queued_note_is_listed_as_not_saved() {
    let (_machine, mut server, mut agent) = after_an_outage();
    let note = json!({"action": "create", "title": "Valve", "content": "The valve turns left.", "tags": ["process"]});
    assert_eq!(agent.call("note", &note).good().facts["queued"], true);
    let offline = agent.call("notes", &json!({"q": "valve"})).good();
    for part in [
        "The API did not send its notes. Can't reach",
        "## New and changed notes on this machine that are NOT SAVED YET: 1\n",
        "| - Valve (new, written just now, tags: process)\n|   The valve turns left.\n",
    ] {
        assert!(offline.text.contains(part), "{part} in\n{}", offline.text);
    }
    server.start();
    let mut lists = (0..200).map(|_| {
        let _ = agent.call("sod", &json!({})).good();
        agent.call("notes", &json!({"q": "valve"})).good()
    });
    let saved = lists.find(|list| list.facts["list"]["total"] == 1).unwrap();
    assert!(!saved.text.contains("NOT SAVED YET"), "{}", saved.text);
}

#[test]
fn queued_changes_of_notes_and_kept_summaries_are_shown() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let mut saved = |title: &str, tags: Value| {
        let note = json!({"action": "create", "title": title, "content": "As it was.", "tags": tags});
        agent.call("note", &note).good().facts["note_id"].as_str().unwrap().to_owned()
    };
    let (strategy, plain) = (saved("Strategy", json!(["executive-summary"])), saved("Plain", json!([])));
    let _ = agent.call("sod", &json!({})).good();
    server.kill();
    let update = json!({"action": "update", "id": strategy, "version": 1, "title": "Strategy 2", "content": "As it is now.",
        "tags": ["executive-summary", "market"], "scope": "global"});
    for change in [update, json!({"action": "archive", "id": plain}), json!({"action": "restore", "id": plain})] {
        assert_eq!(agent.call("note", &change).good().facts["queued"], true, "{change}");
    }

    let list = agent.call("notes", &json!({})).good();
    for part in [
        "The API did not send its notes. Can't reach",
        "## New and changed notes on this machine that are NOT SAVED YET: 3\n",
        &format!("| - {plain}: restored (written just now)\n| - {plain}: archived (written just now)\n"),
        &format!("| - {strategy}: changed (written just now)\n|   new title: Strategy 2\n|   new scope: global\n"),
        "|   new tags: executive-summary, market\n|   new text: As it is now.\n",
        "STALE: the executive summaries below are from the API's last answer, just now (",
        "| Strategy (alpha, by key ",
        "| As it was.\n",
    ] {
        assert!(list.text.contains(part), "{part} in\n{}", list.text);
    }
    let one = agent.call("notes", &json!({"id": strategy})).good();
    assert!(one.text.contains("NOT SAVED YET: 1\n") && one.text.contains("| As it was.\n"), "{}", one.text);
    let queued_only = agent.call("notes", &json!({"id": plain})).good();
    assert!(queued_only.text.contains("NOT SAVED YET: 2\n"), "{}", queued_only.text);
    let unknown = agent.call("notes", &json!({"id": "note_01JD0000000000000000000001"})).trouble();
    assert!(unknown.contains("can't reach the Context API"), "{unknown}");

    let day = agent.call("sod", &json!({})).good();
    let line = "Outbox: 3 changes of notes on this machine, NOT SAVED YET and not in the notes below. Call `notes`";
    assert!(day.text.contains(line), "{}", day.text);
}
