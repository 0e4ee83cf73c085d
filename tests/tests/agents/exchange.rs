//! Agents of different makes on different machines ask each other: the question is in the next request after the tool, the
//! answer wakes who asked, each once, and the ledger has every step.

use std::time::Duration;

use deckwatch_protocol::Timestamp;
use deckwatch_tests::fresh;
use deckwatch_tests::scripted_model::Script;
use serde_json::{Value, json};

use crate::agent_cli::AgentCli;
use crate::machine::Machine;
use crate::office::{Desk, Office, now};
use crate::pane::Pane;

/// Who asks whom.
const PAIRS: [(AgentCli, AgentCli); 6] = [
    (AgentCli::Claude, AgentCli::Codex),
    (AgentCli::Codex, AgentCli::Gemini),
    (AgentCli::Gemini, AgentCli::Claude),
    (AgentCli::Codex, AgentCli::Claude),
    (AgentCli::Gemini, AgentCli::Codex),
    (AgentCli::Claude, AgentCli::Gemini),
];

/// Three machines have three home folders, three host names and one API over HTTP. Each agent has its own token.
#[tokio::test]
async fn agents_of_every_make_ask_and_answer_each_other_across_machines() {
    if !Pane::has_tmux() {
        return;
    }
    let office = Office::open().await;
    let mut desks = Vec::new();
    for (cli, host) in [(AgentCli::Claude, "mac1"), (AgentCli::Codex, "mac2"), (AgentCli::Gemini, "mac3")] {
        let Some(machine) = Machine::with(cli) else { return };
        let has_own_name = Machine::can_have_host_names();
        let desk = office.seat(if has_own_name { machine.on_host(host) } else { machine }).await;
        assert!(!has_own_name || desk.agent == format!("{host}-{}-1", cli.program()), "{}", desk.agent);
        desks.push(desk);
    }
    let desk = |cli: AgentCli| desks.iter().find(|desk| desk.machine.cli == cli).unwrap();
    for (asks, answers) in PAIRS {
        let woken = exchange(&office, desk(asks), desk(answers)).await;
        println!("{asks:?} asks {answers:?}: woken {woken:?} after the answer was recorded");
        assert!(woken < longest_sleep(asks), "{asks:?} was woken after {woken:?}");
    }
    for desk in desks {
        desk.ends().await;
    }
}

/// How long after an answer was recorded the agent that waits for it is asked, at most.
pub(crate) fn longest_sleep(cli: AgentCli) -> Duration {
    Duration::from_secs(match cli {
        AgentCli::Claude => 2,
        // By keys.
        AgentCli::Codex | AgentCli::Gemini => 5,
    })
}

/// One question and its answer. Returns how long after it was recorded the answer was in a request of who asked.
pub(crate) async fn exchange(office: &Office, asks: &Desk, answers: &Desk) -> Duration {
    let (question, answer) = (fresh("a-question"), fresh("an-answer"));
    answers.works(&question).await;

    let before = asks.results().len();
    let body = json!({ "to": [answers.agent], "kind": "question", "body": question, "ack_required": true });
    asks.does(Script::default().call("send", body)).await;
    let id = message_id(&asks.result_after(before).await);
    asks.until("who asked is idle", || asks.is_idle()).await;
    let _ = office.delivered(&id, "offered").await;

    let worked = answers.results().len();
    let reply = json!({ "reply_to": id, "kind": "answer", "body": answer });
    let replies = Script::default().call("send", reply).call("inbox", json!({ "acknowledge": [id] }));
    answers.model.continue_with(replies);
    answers.finishes(&question);
    asks.until("the answer reaches who asked", || asks.model.count(&answer) > 0).await;
    let heard_at = now();

    let answer_id = message_id(&answers.result_after(worked + 1).await);
    let ledger = office.delivered(&id, "acknowledged").await;
    check_ledger(&ledger, &["queued_at", "offered_at", "surfaced_at", "acknowledged_at"]);
    let ledger = office.delivered(&answer_id, "surfaced").await;
    check_ledger(&ledger, &["queued_at", "offered_at", "surfaced_at"]);
    assert_eq!(ledger["reply_to"], id, "{ledger:#}");

    answers.until("who answered is idle", || answers.is_idle()).await;
    asks.until("who asked is idle again", || asks.is_idle()).await;
    check_surfaced_after_tool(answers, &question, worked + 1);
    assert_eq!(asks.model.count(&answer), 1, "the answer was shown more than once");
    let sent_at: Timestamp = ledger["sent_at"].as_str().unwrap().parse().unwrap();
    Duration::from_millis(u64::try_from(heard_at.as_millis() - sent_at.as_millis()).unwrap())
}

/// The question is in no request before the one with the result of the tool, and once in each from there on.
fn check_surfaced_after_tool(answers: &Desk, question: &str, results: usize) {
    let shown = format!("| {question}");
    let heard = answers.model.heard().into_iter().filter(|heard| !heard.tools.is_empty());
    let counts: Vec<(usize, usize)> =
        heard.map(|heard| (heard.results.len(), heard.text.matches(&shown).count())).collect();
    for (at, count) in &counts {
        assert_eq!(*count, usize::from(*at >= results), "{}: {counts:?}", answers.agent);
    }
}

/// Each step has a time, and none is before the one before it.
fn check_ledger(record: &Value, steps: &[&str]) {
    let delivery = &record["deliveries"][0];
    let times: Vec<&str> = steps.iter().filter_map(|step| delivery[step].as_str()).collect();
    assert_eq!(times.len(), steps.len(), "{record:#}");
    assert!(times.is_sorted(), "{record:#}");
    assert_eq!(delivery["redelivered"], false, "{record:#}");
}

/// The id of the message that an answer of the tool `send` names.
pub(crate) fn message_id(result: &str) -> String {
    let start = result.find("msg_").unwrap_or_else(|| panic!("no message was sent: {result}"));
    result[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}
