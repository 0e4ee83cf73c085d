//! An agent that is killed, or that has lost its server, loses no message and sees none twice.

use std::time::Duration;

use deckwatch_tests::fresh;
use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use serde_json::json;

use crate::agent_cli::AgentCli;
use crate::machine::Machine;
use crate::office::{Desk, FINAL_TEXT, OWN_SESSION, Office, files_named, prepared, until_told};
use crate::pane::Pane;

crate::with_every_agent![
    a_message_that_was_taken_before_the_agent_was_killed_is_shown_once,
    the_end_of_the_server_is_one_line,
];

/// The line about messages that can't be shown.
const SERVER_HAS_ENDED: &str = "1 message waits for you, but the Deckwatch server of this session has ended.";

async fn a_message_that_was_taken_before_the_agent_was_killed_is_shown_once(machine: Machine) {
    if !Pane::has_tmux() {
        return;
    }
    let office = Office::open().await;
    let desk = office.seat(machine).await;
    let (text, id) = takes_a_message_at_work(&office, &desk).await;
    let (agent, url) = (desk.agent.clone(), desk.model.url().to_owned());
    let first = desk.model.count(&text);
    let (machine, model) = desk.kill().await;
    assert_eq!(first, 0, "the message was shown before the agent was killed");
    machine.write("go-work", "");

    let desk = office.seat_with(machine, model, &[], "deckwatch-alpha-again").await;
    assert_eq!((&desk.agent, desk.model.url()), (&agent, url.as_str()));
    desk.until("the message is shown", || desk.model.count(&text) > 0).await;
    desk.until("the server reports that it was shown", || desk.has_reported()).await;
    let ledger = office.delivered(&id, "surfaced").await;
    assert_eq!(ledger["deliveries"][0]["redelivered"], false, "{ledger:#}");
    desk.does(Script::default().shell("true").shell("true")).await;
    let _ = desk.result_after(2).await;
    desk.until("the agent is idle", || desk.is_idle()).await;
    assert_eq!(desk.model.count(&text), 1, "the message was shown more than once");
    desk.ends().await;
}

#[tokio::test]
async fn a_message_follows_an_agent_that_moves_to_another_machine_and_is_marked() {
    let (Some(first), Some(second)) = (Machine::with(AgentCli::Claude), Machine::with(AgentCli::Claude)) else {
        return;
    };
    if !Pane::has_tmux() {
        return;
    }
    let (first, second) =
        if Machine::can_have_host_names() { (first.on_host("mac1"), second.on_host("mac2")) } else { (first, second) };
    let office = Office::open().await;
    let desk = office.seat(first).await;
    let (text, id) = takes_a_message_at_work(&office, &desk).await;
    let agent = desk.agent.clone();
    let (_old_home, _) = desk.kill().await;

    let model = prepared(&second).await;
    let desk = office.seat_with(second, model, &["--as", &agent], OWN_SESSION).await;
    assert_eq!(desk.agent, agent);
    desk.until("the message is shown", || desk.model.count(&text) > 0).await;
    let ledger = office.delivered(&id, "surfaced").await;
    assert_eq!(ledger["deliveries"][0]["redelivered"], true, "{ledger:#}");
    desk.until("the agent is idle", || desk.is_idle()).await;
    assert_eq!(desk.model.count(&text), 1, "the message was shown more than once");
    let heard = desk.model.heard().into_iter().find(|heard| heard.text.contains(&text)).unwrap();
    let heading = heard.text.lines().find(|line| line.contains(&id)).unwrap();
    assert!(heading.ends_with("you may have seen it before:"), "{heading}");
    desk.ends().await;
}

async fn the_end_of_the_server_is_one_line(machine: Machine) {
    if !Pane::has_tmux() {
        return;
    }
    let office = Office::open().await;
    let desk = office.seat(machine).await;
    let (text, id) = takes_a_message_at_work(&office, &desk).await;
    for server in desk.servers() {
        assert!(std::process::Command::new("kill").args(["-KILL", &server]).status().unwrap().success());
    }
    desk.until("the end of the server", || desk.servers().is_empty()).await;
    // The server took the message long ago.
    for (path, item) in files_named(&desk.machine.path(".local/state/deckwatch/mail"), ".json") {
        let item: serde_json::Value = serde_json::from_str(&item).unwrap();
        if path.contains("/mail/") && item["message"]["id"] == id {
            std::fs::write(&path, aged(item).to_string()).unwrap();
        }
    }
    desk.model.continue_with(Script::default().shell("true").shell("true"));
    desk.finishes("work");
    let _ = desk.result_after(2).await;
    desk.until("the agent is idle", || desk.is_idle()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((desk.model.count(&text), desk.model.count(SERVER_HAS_ENDED)), (0, 1));
    desk.ends().await;
}

/// The item as if it had been taken a year ago.
fn aged(mut item: serde_json::Value) -> serde_json::Value {
    let taken_at = item["taken_at"].as_str().unwrap();
    let year: u32 = taken_at[..4].parse().unwrap();
    item["taken_at"] = json!(format!("{}{}", year - 1, &taken_at[4..]));
    item
}

/// The agent works, and its server takes a message. Returns the text and the id of the message.
async fn takes_a_message_at_work(office: &Office, desk: &Desk) -> (String, String) {
    desk.works("work").await;
    let text = fresh("a-message");
    let sent = office.sender().await.sent(&[&desk.agent], json!({ "body": text })).await;
    let id = sent.id.to_string();
    let _ = office.delivered(&id, "offered").await;
    desk.until("the server has taken the message", || desk.keeps(&text)).await;
    (text, id)
}

#[tokio::test]
async fn two_windows_on_one_repository_get_their_own_messages() {
    let Some(machine) = Machine::with(AgentCli::Claude).filter(|_| Pane::has_tmux()) else { return };
    let office = Office::open().await;
    let model = prepared(&machine).await;
    let other_model = ScriptedModel::start(Script::default()).await;
    let other = office.launch(&machine, &other_model, &[], "deckwatch-alpha-other");
    other.shows(FINAL_TEXT).await;
    let other_agent = office.only_agent("-claude-").await;
    let one = office.seat_with(machine, model, &[], OWN_SESSION).await;
    let sender = office.sender().await;
    let (for_one, for_other) = (fresh("for-the-one"), fresh("for-the-other"));
    let _ = sender.sent(&[&one.agent], json!({ "body": for_one })).await;
    let _ = sender.sent(&[&other_agent], json!({ "body": for_other })).await;
    one.until("each gets its own", || one.model.count(&for_one) == 1 && other_model.count(&for_other) == 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((one.model.count(&for_other), other_model.count(&for_one)), (0, 0));
    assert_eq!((one.model.count(&for_one), other_model.count(&for_other)), (1, 1));
    other.types(AgentCli::Claude.exit_command()).await;
    other.ends().await;
    one.ends().await;
}

#[tokio::test]
async fn the_turn_of_a_sub_agent_gets_nothing() {
    const TASK: &str = "Look around in the repository.";
    let Some(machine) = Machine::with(AgentCli::Claude).filter(|_| Pane::has_tmux()) else { return };
    let office = Office::open().await;
    let model = prepared(&machine).await;
    model.set_sub_agent(TASK, Script::default().shell(&until_told("sub")).shell("true"));
    let desk = office.seat_with(machine, model, &[], OWN_SESSION).await;
    let task = json!({ "description": "look around", "prompt": TASK, "subagent_type": "general-purpose" });
    let tools: Vec<String> = desk.model.heard().into_iter().flat_map(|heard| heard.tools).collect();
    let tool = ["Task", "Agent"].into_iter().find(|tool| tools.iter().any(|name| name == tool)).unwrap();
    desk.does(Script::default().own(tool, task).shell(&until_told("main"))).await;
    desk.until("the sub-agent works", || desk.machine.path("running-sub").exists()).await;
    // Claude Code may run a sub-agent beside the agent. Then the agent is busy too when the message arrives.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let text = fresh("a-message");
    let sent = office.sender().await.sent(&[&desk.agent], json!({ "body": text })).await;
    let _ = office.delivered(sent.id.as_ref(), "offered").await;
    desk.until("the server has taken the message", || desk.keeps(&text)).await;
    let of_sub_agent = || desk.model.heard().into_iter().filter(|heard| heard.opening.contains(TASK));
    desk.finishes("sub");
    desk.until("the sub-agent makes two calls", || of_sub_agent().any(|heard| heard.results.len() == 2)).await;
    desk.finishes("main");
    desk.until("the agent is shown the message", || desk.model.count(&text) > 0).await;
    let _ = desk.result_after(1).await;
    desk.until("the agent is idle", || desk.is_idle()).await;
    assert!(of_sub_agent().all(|heard| !heard.text.contains(&text)), "the sub-agent was shown the message");
    assert_eq!(desk.model.count(&text), 1);
    desk.ends().await;
}
