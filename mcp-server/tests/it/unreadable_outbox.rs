//! Writes in the outbox that can't be read: every answer that would show them says so, and shows the rest.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Machine, Mcp};
use crate::outbox::keep_open;
use crate::server::Server;

const AGENT: &str = "mac1-claude-1";

/// What is wrong with the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    /// A file is in the place of the queue's folder.
    Folder,
    /// The files of the entries can't be read.
    Entries,
    /// The files of the entries contain something else.
    Contents,
}

const ALL: [Damage; 3] = [Damage::Folder, Damage::Entries, Damage::Contents];

impl Damage {
    fn apply(self, queue: &Path) {
        match self {
            Self::Folder => {
                std::fs::remove_dir_all(queue).unwrap();
                std::fs::write(queue, "").unwrap();
            }
            Self::Entries => entries(queue).iter().for_each(|entry| {
                std::fs::remove_file(entry).unwrap();
                // A folder can't be read as a file, even by root.
                std::fs::create_dir(entry).unwrap();
            }),
            Self::Contents => entries(queue).iter().for_each(|entry| std::fs::write(entry, "{\"vers").unwrap()),
        }
    }

    /// What an answer says: what is missing, why, and what to do.
    fn texts(self) -> [&'static str; 3] {
        let missing = "Outbox: writes that wait on this machine may be missing: ";
        match self {
            Self::Folder => [missing, "can't be used: Not a directory", "Check that the disk works"],
            Self::Entries => [missing, "Is a directory", "Keep such a file"],
            Self::Contents => [missing, "can't read", "Keep such a file"],
        }
    }
}

fn queue(machine: &Machine) -> PathBuf {
    let mut queues = std::fs::read_dir(machine.home().join(".local/share/deckwatch/outbox")).unwrap();
    queues.next().unwrap().unwrap().path()
}

fn entries(queue: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(queue).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect()
}

/// An agent that recorded a handoff and a note. Then the API went down, and the agent queued another of each. Then the
/// outbox was damaged.
fn damaged(damage: Damage) -> (Machine, Server, Mcp) {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("handoff", &keep_open("Recorded before.")).good();
    let note = |title: &str| json!({"action": "create", "title": title, "content": "c", "tags": ["executive-summary"]});
    let _ = agent.call("note", &note("Saved before")).good();
    let _ = agent.call("sod", &json!({})).good();
    server.kill();
    assert_eq!(agent.call("handoff", &keep_open("Queued.")).good().facts["queued"], true);
    assert_eq!(agent.call("note", &note("Queued note")).good().facts["queued"], true);
    agent.kill();
    damage.apply(&queue(&machine));
    let agent = server.agent(&machine, AGENT);
    (machine, server, agent)
}

fn latest(agent: &mut Mcp) -> Value {
    agent.request("resources/read", &json!({"uri": "deckwatch://handoffs/latest"}))
}

#[test]
fn every_answer_names_an_unreadable_outbox_and_shows_the_rest() {
    for damage in ALL {
        let (_machine, mut server, mut agent) = damaged(damage);
        for is_up in [false, true] {
            if is_up {
                server.start();
            }
            for (tool, rest) in [("notes", "Saved before"), ("handoffs", "Recorded before."), ("context", "agent    ")]
            {
                let answer = agent.call(tool, &json!({})).good();
                if tool == "context" {
                    assert!(answer.text.contains("Outbox: "), "{damage:?}: {}", answer.text);
                } else {
                    let texts = damage.texts();
                    assert!(texts.iter().all(|text| answer.text.contains(text)), "{damage:?}: {}", answer.text);
                }
                assert!(answer.text.contains(rest), "{damage:?}, {tool}: {}", answer.text);
                assert_eq!(answer.facts.get("unsent"), None, "{damage:?}, {tool}: the number is not known");
            }
        }
        let resource = latest(&mut agent)["result"]["contents"][0]["text"].as_str().unwrap().to_owned();
        assert!(damage.texts().iter().all(|text| resource.contains(text)), "{damage:?}: {resource}");
        assert!(resource.contains("Recorded before."), "{damage:?}: {resource}");
    }
}

#[test]
fn without_any_record_the_answer_does_not_say_that_there_is_none() {
    let (machine, server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let _ = agent.call("sod", &json!({})).good();
    let outbox = machine.home().join(".local/share/deckwatch/outbox");
    std::fs::remove_dir_all(&outbox).unwrap();
    std::fs::write(&outbox, "").unwrap();
    let day = agent.call("sod", &json!({})).good();
    assert!(day.text.contains(Damage::Folder.texts()[0]), "{}", day.text);
    assert_eq!(day.facts.get("queued"), None, "{}", day.facts);
    let list = agent.call("handoffs", &json!({})).good();
    assert!(list.text.starts_with("The API has no such handoffs yet.\nOutbox: "), "{}", list.text);
    let resource = latest(&mut agent)["result"]["contents"][0]["text"].as_str().unwrap().to_owned();
    assert!(resource.contains("The API has no handoff of this repository."), "{resource}");
}
