//! An agent that waits for a prompt is woken by mail: the model gets a request with the message, once.

use std::time::{Duration, Instant};

use deckwatch_tests::{Mailbox, fresh};
use serde_json::json;

use crate::agent_cli::AgentCli;
use crate::machine::Machine;
use crate::office::{Desk, OWN_SESSION, Office, WAKING_TEXT, prepared};
use crate::pane::Pane;
use crate::running::command_lines;

crate::with_every_agent![an_idle_agent_is_woken_by_each_message];

async fn an_idle_agent_is_woken_by_each_message(machine: Machine) {
    let Some(idle) = Idle::start(machine, OWN_SESSION).await else { return };
    let limit = Duration::from_secs(match idle.desk.machine.cli {
        AgentCli::Claude => 3,
        // A new conversation is left alone for 4 seconds.
        AgentCli::Codex | AgentCli::Gemini => 8,
    });
    for _ in 0..2 {
        let (text, sent) = idle.send().await;
        idle.desk.until("the message reaches the model", || idle.desk.model.count(&text) > 0).await;
        println!("{:?}: woken after {:?}", idle.desk.machine.cli, sent.elapsed());
        assert!(sent.elapsed() < limit, "{:?}", sent.elapsed());
        idle.desk.until("the agent is idle again", || idle.desk.is_idle()).await;
        assert_eq!(idle.desk.model.count(&text), 1, "the message was shown more than once");
        assert!(idle.desk.model.count(WAKING_TEXT) > 0);
    }
    let requests = idle.desk.model.heard().len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(idle.desk.model.heard().len(), requests, "the agent goes on although nothing waits");
    idle.ends().await;
}

#[tokio::test]
async fn gemini_is_not_woken_in_a_tmux_that_the_launcher_did_not_make() {
    let Some(machine) = Machine::with(AgentCli::Gemini) else { return };
    let Some(idle) = Idle::start(machine, "own").await else { return };
    let (text, _) = idle.send().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(idle.desk.model.count(&text), 0);
    assert!(!idle.desk.pane.screen().contains(WAKING_TEXT), "{}", idle.desk.pane.screen());
    idle.desk.pane.types("Go on.").await;
    idle.desk.until("the next prompt shows the message", || idle.desk.model.count(&text) == 1).await;
    idle.ends().await;
}

#[tokio::test]
async fn codex_is_woken_by_its_queue_while_a_person_writes_a_prompt() {
    const DRAFT: &str = "Half of a prompt";
    let Some(machine) = Machine::with(AgentCli::Codex) else { return };
    let Some(idle) = Idle::start(machine, OWN_SESSION).await else { return };
    idle.desk.pane.writes(DRAFT);
    idle.desk.pane.shows(DRAFT).await;
    let (text, sent) = idle.send().await;
    idle.desk.until("the message reaches the model", || idle.desk.model.count(&text) == 1).await;
    // Codex looks into its queue every 10 seconds.
    assert!(sent.elapsed() < Duration::from_secs(20), "{:?}", sent.elapsed());
    idle.desk.until("the agent is idle again", || idle.desk.is_idle()).await;
    assert!(idle.desk.pane.screen().contains(DRAFT), "{}", idle.desk.pane.screen());
    assert_eq!(idle.desk.model.count(DRAFT), 0, "the draft was sent");
    idle.desk.pane.clears_prompt();
    idle.ends().await;
}

#[tokio::test]
async fn claude_is_woken_again_after_its_waiter_has_reached_its_time_limit() {
    let Some(machine) = Machine::with(AgentCli::Claude) else { return };
    let real = machine.agent().as_std().get_program().to_owned();
    let hooks = machine.path(".local/state/deckwatch/mcp/claude-plugin/hooks/hooks.json");
    // The time limit that the launcher has written is two weeks.
    let shorter = format!("grep -q 1209600 '{0}' && sed -i s/1209600/3/ '{0}'", hooks.display());
    machine.write("bin/claude", &format!("#!/bin/sh\n{shorter}\nexec '{}' \"$@\"\n", real.display()));
    std::process::Command::new("chmod").arg("+x").arg(machine.path("bin/claude")).status().unwrap();
    let Some(idle) = Idle::start(machine, OWN_SESSION).await else { return };
    assert!(std::fs::read_to_string(&hooks).unwrap().contains("\"timeout\": 3,"));
    tokio::time::sleep(Duration::from_secs(4)).await;
    idle.desk.until("the time limit of the waiter", || !has_waiter(&idle.desk.machine)).await;
    let (late, _) = idle.send().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(idle.desk.model.count(&late), 0, "there is no waiter");
    // The next turn shows it, and starts a waiter.
    idle.desk.pane.types("Go on.").await;
    idle.desk.until("the next prompt shows the message", || idle.desk.model.count(&late) == 1).await;
    idle.desk.until("a new waiter", || has_waiter(&idle.desk.machine)).await;
    let (text, _) = idle.send().await;
    idle.desk.until("the new waiter wakes the agent", || idle.desk.model.count(&text) == 1).await;
    idle.ends().await;
}

/// An agent at a terminal that has answered its first prompt, and another that sends it messages.
struct Idle {
    office: Office,
    desk: Desk,
    sender: Mailbox,
}

impl Idle {
    async fn start(machine: Machine, session: &str) -> Option<Self> {
        if !Pane::has_tmux() {
            return None;
        }
        let office = Office::open().await;
        let model = prepared(&machine).await;
        let desk = office.seat_with(machine, model, &[], session).await;
        let sender = office.sender().await;
        Some(Self { office, desk, sender })
    }

    /// Sends a message to the agent. Returns its text and when it was accepted.
    async fn send(&self) -> (String, Instant) {
        let text = fresh("a-question");
        let _ = self.sender.sent(&[&self.desk.agent], json!({ "body": text })).await;
        (text, Instant::now())
    }

    async fn ends(self) {
        self.desk.ends().await;
        drop(self.office);
    }
}

fn has_waiter(machine: &Machine) -> bool {
    let program = machine.path("bin/deckwatch-mcp");
    let waiter = format!("{} hook claude wait", program.display());
    command_lines().iter().any(|line| line.starts_with(&waiter))
}
