//! The rows that D1 reads and writes for each operation between agents, and for a day of a team, as docs/operations.md gives
//! them.

use deckwatch_protocol::Operation;
use deckwatch_tests::{Api, Caller, Mailbox, Response, TestRequest};
use serde_json::{Value, json};

use crate::row_counts::{SKIPPED, rows};

/// The agents of the venture. All of them are in one group.
const AGENTS: u64 = 50;
/// The messages that they send in a day, each to one agent.
const MESSAGES: u64 = 1_000;
/// Changes of presence of each agent in a day.
const PRESENCES: u64 = 40;
/// Claims that each agent takes and releases in a day.
const CLAIMS: u64 = 4;

/// The rows of operations, in the order of the table.
#[derive(Default)]
struct Table(Vec<(&'static str, u64, u64)>);

impl Table {
    #[track_caller]
    fn count(&mut self, what: &'static str, response: &Response) {
        assert!(response.status < 300, "{what}: {response}");
        let (read, written) = rows(response);
        // The number of rows of a large read depends a little on the names of the agents.
        let read = if read < 100 { read } else { (read + 5) / 10 * 10 };
        self.0.push((what, read, written));
    }

    fn of(&self, what: &str) -> (u64, u64) {
        let (_, read, written) = self.0.iter().find(|(name, ..)| *name == what).expect("the operation was counted");
        (*read, *written)
    }
}

async fn claim(by: &Mailbox, subjects: Value) -> Response {
    let put = json!({ "session_id": by.session.id, "epoch": by.session.epoch, "subjects": subjects });
    by.agent.send(TestRequest::of(Operation::PutClaims).json(&put)).await
}

/// Items that report the deliveries of a take.
fn shown(taken: &Value) -> Value {
    let items = taken["items"].as_array().unwrap().iter().map(
        |item| json!({ "delivery_id": item["delivery_id"], "status": "surfaced", "at": item["message"]["sent_at"] }),
    );
    items.collect()
}

async fn count_mail(team: &[Mailbox], table: &mut Table) {
    let (one, two, api) = (&team[0], &team[1], team[0].agent.api());
    let sent = one.send(&[two.name()], json!({})).await;
    table.count("`send_message` to one agent", &sent);
    let head = api.head().await;
    let query = format!("venture={}&after={}&limit=100", one.agent.venture, head - 1);
    table.count(
        "`list_events` after a hint",
        &two.agent.send(TestRequest::of(Operation::ListEvents).query(&query)).await,
    );
    let taken = two.take(json!({})).await;
    table.count("`take_inbox`, one message", &taken);
    table.count("`report_inbox`, one message", &two.report(shown(&taken.json())).await);
    table.count("`take_inbox`, no message", &two.take(json!({})).await);
    table.count("`get_message`", &one.get(sent.json()["id"].as_str().unwrap()).await);
    table.count("`send_message` to 49 agents", &one.send(&["@all"], json!({})).await);
    for _ in 0..19 {
        one.sent(&[two.name()], json!({})).await;
    }
    table.count("`list_inbox`, 20 messages", &two.list("").await);
    let taken = two.take(json!({ "limit": 20 })).await;
    table.count("`take_inbox`, 20 messages", &taken);
    table.count("`report_inbox`, 20 messages", &two.report(shown(&taken.json())).await);
    let to = TestRequest::of(Operation::ListRecipients).query(format!("session_id={}&to=@all", one.session.id));
    table.count("`list_recipients` of 49 agents", &one.agent.send(to).await);
}

async fn count_work(team: &[Mailbox], table: &mut Table) {
    let one = &team[0];
    let presence = json!({ "epoch": one.session.epoch, "presence": { "state": "working", "summary": "the tests" } });
    table.count("`update_session`, a presence", &one.agent.update_session(&one.session.id, presence).await);
    let taken = claim(one, json!(["issue:87"])).await;
    table.count("`put_claims`, one", &taken);
    table.count("`put_claims`, the same again", &claim(one, json!(["issue:87"])).await);
    table.count("`put_claims`, ten", &claim(&team[1], (0..10).map(|n| format!("path:src/{n}/**")).collect()).await);
    let query = format!("venture={}", one.agent.venture);
    table.count("`list_claims`, eleven", &one.agent.send(TestRequest::of(Operation::ListClaims).query(query)).await);
    let id = taken.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let fence = format!("session_id={}&epoch={}", one.session.id, one.session.epoch);
    let release = TestRequest::of(Operation::ReleaseClaim).with(id).query(fence);
    table.count("`release_claim`", &one.agent.send(release).await);
}

#[tokio::test]
async fn the_operations_between_agents_read_and_write_what_the_documents_say() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let first = api.agent().await;
    let mut team = Vec::new();
    for _ in 0..AGENTS {
        team.push(first.colleague().mailbox().await);
    }
    let mut table = Table::default();
    count_mail(&team, &mut table).await;
    count_work(&team, &mut table).await;
    // A message is an event, and each agent that watches the venture lists it. So is a change of a presence or of a claim.
    let events = MESSAGES + AGENTS * (PRESENCES + 2 * CLAIMS);
    let day: [(&str, u64, &str); 8] = [
        ("messages sent", MESSAGES, "`send_message` to one agent"),
        ("messages taken", MESSAGES, "`take_inbox`, one message"),
        ("messages reported", MESSAGES, "`report_inbox`, one message"),
        ("changes of presence", AGENTS * PRESENCES, "`update_session`, a presence"),
        ("claims taken", AGENTS * CLAIMS, "`put_claims`, one"),
        ("claims released", AGENTS * CLAIMS, "`release_claim`"),
        ("looks at the events after a hint", AGENTS * events, "`list_events` after a hint"),
        ("in all", 0, ""),
    ];
    let mut lines: Vec<String> =
        table.0.iter().map(|(what, read, written)| format!("| {what} | {read} | {written} |")).collect();
    let (mut requests, mut all) = (0, (0, 0));
    for (what, count, operation) in day {
        let of_all = if count == 0 { all } else { table.of(operation) };
        let times = count.max(1);
        let (read, written) = (of_all.0 * times, of_all.1 * times);
        all = (all.0 + read, all.1 + written);
        requests += count;
        let count = if count == 0 { requests } else { count };
        lines.push(format!("| {what} | {} | {} | {} |", grouped(count), grouped(read), grouped(written)));
    }
    let document = include_str!("../../../docs/operations.md").replace("\r\n", "\n");
    let missing: Vec<&String> = lines.iter().filter(|line| !document.lines().any(|other| other == *line)).collect();
    assert!(
        missing.is_empty(),
        "docs/operations.md must have these lines, but lacks {missing:#?}\n{}",
        lines.join("\n")
    );
}

/// A number with a comma after each third digit.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
