//! A storm of messages costs a bounded number of bytes a turn and a bounded number of turns, and never runs in a loop.

use std::collections::BTreeMap;
use std::time::Duration;

use deckwatch_tests::fresh;
use deckwatch_tests::scripted_model::{ModelRequest, Script};
use serde_json::json;
use tokio::task::JoinSet;

use crate::agent_cli::AgentCli;
use crate::machine::Machine;
use crate::office::{Office, WAKING_TEXT};
use crate::pane::Pane;

crate::with_every_agent![a_storm_costs_few_turns_of_few_bytes];

/// A sender may send 60 messages a minute.
const SENDERS: usize = 20;
const MESSAGES_OF_SENDER: usize = 50;
/// The most bytes that our hooks add to a turn.
const TURN_BYTES: usize = 8_000;
/// An agent is woken at most 3 times within a minute. Each turn is continued at most 3 times.
const MAX_TURNS: usize = 4;
const MAX_REQUESTS: usize = 4 * MAX_TURNS + 2;
/// The first and the last words of what a hook adds.
const BEGIN: &str = "Deckwatch: messages for you, ";
const FENCE_END: &str = "\n--- end of data ";
const END: &str = "or now with the tool `inbox`.";

async fn a_storm_costs_few_turns_of_few_bytes(machine: Machine) {
    if !Pane::has_tmux() {
        return;
    }
    let office = Office::open().await;
    let desk = office.seat(machine).await;
    desk.works("work").await;
    let requests = desk.model.heard().len();
    let storm = fresh("storm");
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (sender, agent, body) = (office.sender().await, desk.agent.clone(), format!("{storm} {}", "x".repeat(100)));
        senders.spawn(async move {
            for _ in 0..MESSAGES_OF_SENDER {
                let _ = sender.sent(&[&agent], json!({ "body": body })).await;
            }
        });
    }
    let _ = senders.join_all().await;
    desk.model.continue_with(Script::default().shell("true"));
    desk.finishes("work");
    // Codex looks into its queue every 10 seconds, so that three wakes take half a minute.
    let listens = if desk.machine.cli == AgentCli::Codex { 25 } else { 15 };
    tokio::time::sleep(Duration::from_secs(listens)).await;

    let heard: Vec<_> = desk.model.heard().split_off(requests);
    assert!(heard.len() <= MAX_REQUESTS, "{} requests", heard.len());
    let shown = bytes_of_turns(&heard);
    let messages = desk.model.count(&storm);
    let cli = desk.machine.cli;
    println!("{cli:?}: {} requests, bytes of each turn {shown:?}, {messages} messages shown", heard.len());
    assert!(messages > 0 && shown.iter().all(|bytes| *bytes <= TURN_BYTES), "{shown:?}");
    assert!(shown.len() <= MAX_TURNS, "{shown:?}");
    desk.until("the agent is idle", || desk.is_idle()).await;
    desk.ends().await;
}

/// How many bytes of messages each turn has added. A turn begins when the agent is woken.
fn bytes_of_turns(heard: &[ModelRequest]) -> Vec<usize> {
    let mut so_far = BTreeMap::<usize, usize>::new();
    for request in heard.iter().filter(|request| !request.tools.is_empty()) {
        let bytes = so_far.entry(request.text.matches(WAKING_TEXT).count()).or_default();
        *bytes = (*bytes).max(bytes_of_hooks(&request.text));
    }
    let so_far: Vec<usize> = std::iter::once(0).chain(so_far.into_values()).collect();
    so_far.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// The bytes that hooks have added about messages.
fn bytes_of_hooks(text: &str) -> usize {
    let parts = text.match_indices(BEGIN).map(|(at, _)| {
        let rest = &text[at..];
        let fence = rest.find(FENCE_END).unwrap_or_else(|| panic!("no end: {rest}"));
        // A line follows if more messages wait.
        let line = rest[fence..].find(END).filter(|line| *line < 300).map(|line| line + END.len());
        fence + line.unwrap_or(FENCE_END.len() + 20)
    });
    parts.sum()
}
