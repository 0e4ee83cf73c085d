//! The rows that D1 reads and writes in a day of an agent, as docs/operations.md gives them.

use deckwatch_protocol::{DayStarted, Operation};
use deckwatch_tests::{Api, Caller, Response, TestRequest};
use serde_json::json;

use crate::row_counts::{SKIPPED, note, rows};

/// An agent's day: its start, heartbeats every ten minutes for eight hours, three notes, four changes of its branch or
/// issue, twenty reads, and its end.
#[tokio::test]
async fn a_day_of_an_agent_reads_and_writes_what_the_documents_say() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let agent = api.agent().await;
    let mut day = Day::default();
    let started = day.add(agent.start_day(json!({})).await);
    let session = started.of::<DayStarted>(201).session.id;
    for _ in 0..48 {
        _ = day.add(agent.heartbeat(&session).await);
    }
    for _ in 0..3 {
        _ = day.add(agent.send(note(&agent, &["strategy"])).await);
    }
    for n in 0..4 {
        _ = day
            .add(agent.update_session(&session, json!({ "branch": format!("fix-{n}"), "issue_number": n + 1 })).await);
    }
    for _ in 0..5 {
        for operation in [Operation::ListSessions, Operation::ListHandoffs, Operation::ListNotes, Operation::ListDocs] {
            _ = day.add(agent.send(TestRequest::of(operation).query(format!("venture={}", agent.venture))).await);
        }
    }
    _ = day.add(agent.end_day(&session, json!({ "next_steps": ["a"] })).await);
    println!("{day:?}");
    // The sweep deletes each log row, each of the 9 idempotency keys and each of the 10 events later.
    let deleted = day.requests + 9 + 10;
    let documented = operations_say(&format!("{} requests", day.requests));
    let expected = format!("reads {} rows, writes {} rows and deletes {deleted} later", day.read, day.written);
    assert!(documented.contains(&expected), "docs/operations.md must say {expected:?}, but it says {documented:?}");
}

#[derive(Debug, Default)]
struct Day {
    requests: u64,
    read: u64,
    written: u64,
}

impl Day {
    #[track_caller]
    fn add(&mut self, response: Response) -> Response {
        assert!(response.status < 300, "{response}");
        let (read, written) = rows(&response);
        self.requests += 1;
        self.read += read;
        self.written += written;
        response
    }
}

/// The paragraph of docs/operations.md that contains `text`, on one line.
fn operations_say(text: &str) -> String {
    let document = include_str!("../../../docs/operations.md").replace("\r\n", "\n");
    let paragraphs = document.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    let found = paragraphs.into_iter().find(|paragraph| paragraph.contains(text));
    found.expect("docs/operations.md gives the number of requests of a day")
}
