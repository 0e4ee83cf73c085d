//! Flat cost: an operation does as much work with 100,000 sessions as with 2,200.
//!
//! The work is the number of steps of SQLite's virtual machine for all statements of a request. In both databases,
//! every filter has more than 1,000 matches, the limit of an exact count, so that counting costs the same. Combined
//! filters use the index of one of them.

mod coordination;
mod history;
mod measured;

use std::sync::{Arc, Mutex};

use deckwatch_protocol::Operation;
use deckwatch_tests::cursor_at;
use serde_json::{Value, json};

use self::history::{Size, db_fill, db_fill_blocked, db_fill_busy, db_fill_patterns};
use self::measured::Measured;
use crate::lab::{TestApi, approval_with, day_of, handoff_of, machine_with};
use crate::schema::migrated;

/// A lab with a history of the venture `alpha`, and the cost of its requests.
struct HistoryLab {
    lab: TestApi,
    measured: Measured,
    session: String,
    note: String,
}

impl HistoryLab {
    async fn of(size: Size) -> Self {
        let measured = Measured(Arc::new(Mutex::new((migrated(), 0))));
        let lab = TestApi::on(Arc::new(measured.clone()));
        lab.register_alpha().await;
        let session = lab.start("agent-0").await;
        lab.ask(Operation::CreateHandoff, ("", ""), Some(&handoff_of(&session))).await;
        let note = lab.ask(Operation::CreateNote, ("", ""), Some(&note_of(0))).await;
        let note = note.json()["id"].as_str().unwrap().to_owned();
        for n in 1..=20 {
            lab.put_doc("alpha/api.md", &format!("# {n}")).await;
        }
        for n in 1..=25 {
            lab.start(&format!("agent-{n}")).await;
        }
        db_fill(&measured.0.lock().unwrap().0, &size);
        Self { lab, measured, session, note }
    }

    /// The number of steps for one request.
    async fn cost(&self, operation: Operation, to: (&str, &str), body: Option<Value>) -> u64 {
        // A place in a list stands for the cursor that begins there.
        let query = match to.1.split_once("cursor=") {
            Some((filters, place)) => format!("{filters}cursor={}", cursor_at(operation.path(), filters, place)),
            None => to.1.to_owned(),
        };
        let to = (to.0, query.as_str());
        let work = || self.measured.0.lock().unwrap().1;
        let before = work();
        let answer = self.lab.ask(operation, to, body.as_ref()).await;
        assert!((200..300).contains(&answer.status), "{}: {}", operation.id(), answer.text);
        work() - before
    }

    /// The cost of each request, with its name.
    async fn costs(&self, requests: &[TestRequest]) -> Vec<u64> {
        let mut costs = Vec::new();
        for TestRequest { operation, query, body, .. } in requests {
            let on_session =
                matches!(operation, Operation::Heartbeat | Operation::GetSession | Operation::UpdateSession);
            let on_note = matches!(
                operation,
                Operation::GetNote | Operation::UpdateNote | Operation::ArchiveNote | Operation::RestoreNote
            );
            let parameter = match (on_session, on_note) {
                (true, _) => self.session.as_str(),
                (_, true) => self.note.as_str(),
                _ if operation.path().contains("{hostname}") => "mac1",
                _ if operation.path().contains("{name}") => "alpha/api.md",
                _ => "",
            };
            let body = body.clone().map(|mut body| {
                if let Some(id) = body.get_mut("session_id") {
                    *id = self.session.as_str().into();
                }
                body
            });
            costs.push(self.cost(*operation, (parameter, query), body).await);
        }
        costs
    }
}

/// A request that can be sent to both databases.
#[derive(Clone)]
struct TestRequest {
    name: &'static str,
    operation: Operation,
    query: &'static str,
    body: Option<Value>,
}

impl TestRequest {
    fn of(name: &'static str, operation: Operation, body: Option<Value>) -> Self {
        Self { name, operation, query: "", body }
    }

    fn list(operation: Operation, query: &'static str) -> Self {
        Self { name: query, operation, query, body: None }
    }
}

/// Sends the same requests with a short and with a long history. Fails for a request whose cost has grown by half.
async fn assert_flat(requests: &[TestRequest]) {
    let short = HistoryLab::of(Size { sessions: 2_200, handoffs: 2_200, notes: 2_200, docs: 2_200 })
        .await
        .costs(requests)
        .await;
    let long = HistoryLab::of(Size { sessions: 100_000, handoffs: 20_000, notes: 20_000, docs: 10_000 })
        .await
        .costs(requests)
        .await;
    let mut grown = Vec::new();
    for ((TestRequest { name, operation, .. }, short), long) in requests.iter().zip(short).zip(long) {
        if long * 2 > short * 3 {
            grown.push(format!("{} {name}: {short} became {long} steps", operation.id()));
        }
    }
    assert!(grown.is_empty(), "{}", grown.join("\n"));
}

#[tokio::test]
async fn the_cost_of_a_request_does_not_depend_on_the_number_of_events() {
    let costs = async |events: u32| {
        let lab = HistoryLab::of(Size { sessions: 100, handoffs: 100, notes: 100, docs: 100 }).await;
        let fill = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1)
            insert into events (venture, kind, subject, at, data_json)
            select iif(i % 2, 'alpha', null), iif(i % 3, 'note_saved', 'work_done'), 'note_' || i, '2099', '{}' from n";
        lab.measured.0.lock().unwrap().0.execute(fill, [events]).unwrap();
        let mut costs = lab
            .costs(&[
                TestRequest::of("created", Operation::StartDay, Some(day_of("agent-new"))),
                TestRequest::of("", Operation::Heartbeat, None),
                TestRequest::of("", Operation::UpdateSession, Some(json!({ "branch": "b" }))),
                TestRequest::of("", Operation::UpdateNote, Some(json!({ "title": "b" }))),
                TestRequest::of("", Operation::EndDay, Some(handoff_of(""))),
            ])
            .await;
        for query in ["", "&venture=alpha", "&venture=none", "&kinds=work_done"] {
            for after in [events - 1_000, events] {
                let query = format!("limit=100&after={after}{query}");
                costs.push(lab.cost(Operation::ListEvents, ("", &query), None).await);
            }
        }
        costs
    };
    let (few, many) = (costs(2_000).await, costs(1_000_000).await);
    for (few, many) in few.iter().zip(&many) {
        assert!(few.abs_diff(*many) * 10 <= *few, "{few} became {many} steps");
    }
}

#[tokio::test]
async fn the_cost_of_a_day_does_not_depend_on_the_history() {
    let handoff = handoff_of("");
    assert_flat(&[
        TestRequest::of("created", Operation::StartDay, Some(day_of("agent-new"))),
        TestRequest::of("resumed", Operation::StartDay, Some(day_of("agent-0"))),
        TestRequest::of("", Operation::Heartbeat, None),
        TestRequest::of("", Operation::GetSession, None),
        TestRequest::of("", Operation::UpdateSession, Some(json!({ "branch": "b" }))),
        TestRequest::of("", Operation::CreateHandoff, Some(handoff.clone())),
        TestRequest::of("", Operation::ListVentures, None),
        TestRequest::of("first", Operation::EndDay, Some(handoff.clone())),
        TestRequest::of("second", Operation::EndDay, Some(handoff)),
    ])
    .await;
}

#[tokio::test]
async fn the_cost_of_each_session_filter_does_not_depend_on_the_history() {
    let queries = [
        "",
        "venture=alpha",
        "repo=example-org/alpha",
        "agent=agent-1",
        "track=1",
        "track=999",
        "status=active",
        "status=ended",
        "status=abandoned",
        "active_since=2026-11-01T00:00:00Z&limit=100",
        "venture=alpha&status=active",
    ];
    assert_flat(&queries.map(|query| TestRequest::list(Operation::ListSessions, query))).await;
}

#[tokio::test]
async fn the_cost_of_each_handoff_filter_does_not_depend_on_the_history() {
    let queries = [
        "venture=alpha",
        "repo=example-org/alpha",
        "issue_number=87",
        "from_agent=agent-0",
        "status=done",
        "venture=alpha&repo=example-org/alpha",
        "venture=alpha&repo=example-org/alpha&track=1",
    ];
    let lists = queries.map(|query| TestRequest::list(Operation::ListHandoffs, query));
    let latest = queries.map(|query| TestRequest::list(Operation::LatestHandoff, query));
    assert_flat(&lists.into_iter().chain(latest).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn the_cost_of_analytics_does_not_depend_on_records_outside_the_window() {
    let windows = [
        "",
        "venture=alpha",
        "agent=agent-1",
        "since=2026-09-30T00:00:00Z&until=2026-10-05T00:00:00Z",
        "since=2026-09-30T00:00:00Z&until=2026-10-05T00:00:00Z&agent=agent-1",
    ];
    assert_flat(&windows.map(|query| TestRequest::list(Operation::SessionAnalytics, query))).await;
}

#[tokio::test]
async fn the_cost_of_analytics_grows_linearly_with_the_blocked_handoffs() {
    let mut costs = Vec::new();
    for blocked in [400, 4_000] {
        let history = HistoryLab::of(Size { sessions: 100, handoffs: 100, notes: 1, docs: 1 }).await;
        db_fill_blocked(&history.measured.0.lock().unwrap().0, "2026-11-20T00:00:00Z", blocked);
        costs.push(history.cost(Operation::SessionAnalytics, ("", ""), None).await);
    }
    assert!(costs[1] < costs[0] * 11, "{costs:?}");
}

#[tokio::test]
async fn the_cost_of_analytics_is_limited_and_the_answer_says_what_it_covers() {
    let queries = ["since=2026-09-01T00:00:00Z", "venture=alpha", "agent=busy-1", "venture=alpha&agent=busy-1"];
    let mut costs = Vec::new();
    for count in [25_000, 100_000] {
        let history = HistoryLab::of(Size { sessions: 100, handoffs: 100, notes: 1, docs: 1 }).await;
        let end = history.lab.now();
        db_fill_busy(&history.measured.0.lock().unwrap().0, end, count);
        let mut of_history = Vec::new();
        for query in queries {
            let before = history.measured.0.lock().unwrap().1;
            let answer = history.lab.ask(Operation::SessionAnalytics, ("", query), None).await;
            of_history.push(history.measured.0.lock().unwrap().1 - before);
            let figures = answer.json();
            // The busy sessions of one agent begin every ten seconds.
            let step = if query.contains("agent") { 10 } else { 1 };
            // The lab's own day is the newest, so it is in the first two windows.
            let counted = figures["totals"]["sessions"].as_i64().unwrap();
            assert!((270..=300).contains(&counted) && figures["shortened"] == true, "{query}: {figures}");
            let since: deckwatch_protocol::Timestamp = figures["since"].as_str().unwrap().parse().unwrap();
            assert!(since > end.plus_seconds(-301 * step) && since < end.plus_seconds(-260 * step), "{query}: {since}");
            assert_eq!(figures["by_agent"]["total"].as_i64().unwrap() >= 10, step == 1);
        }
        costs.push(of_history);
    }
    println!("steps: {costs:?}");
    assert!(costs[0].iter().zip(&costs[1]).all(|(few, many)| *many < few + few / 10), "{costs:?}");
}

#[tokio::test]
async fn the_cost_of_an_audit_with_500_patterns_is_limited_and_does_not_depend_on_the_documents() {
    let mut costs = Vec::new();
    for (patterns, docs) in [(5, 5), (5, 2_000), (500, 2_000), (500, 10_000)] {
        let world = HistoryLab::of(Size { sessions: 100, handoffs: 100, notes: 1, docs: 1 }).await;
        db_fill_patterns(&world.measured.0.lock().unwrap().0, patterns, docs);
        let day = world.cost(Operation::StartDay, ("", ""), Some(day_of("agent-new"))).await;
        costs.push([day, world.cost(Operation::AuditDocs, ("", "venture=alpha"), None).await]);
    }
    println!("steps: {costs:?}");
    let [_, few, many, more] = costs.as_slice() else { unreachable!() };
    for n in [0, 1] {
        assert!(many[n] <= 6 * few[n] && many[n] < 120_000 && more[n] == many[n], "{costs:?}");
    }
}

fn note_of(n: u32) -> Value {
    json!({ "title": format!("Note {n}"), "content": "zanzibar", "tags": ["rare", "strategy"], "venture": "alpha" })
}

#[tokio::test]
async fn the_cost_of_note_requests_does_not_depend_on_the_history() {
    let queries = [
        "",
        "venture=alpha",
        "scope=global",
        "tag=executive-summary",
        "tag=rare",
        "tag=executive-summary&venture=alpha",
        "tag=executive-summary&scope=global",
        "archived=true",
        "archived=true&venture=alpha",
        "archived=true&tag=strategy",
        "q=zanzibar",
        "kind=memory",
        "kind=memory&venture=alpha",
        "kind=memory&q=zanzibar",
    ];
    let mut requests = queries.map(|query| TestRequest::list(Operation::ListNotes, query)).to_vec();
    requests.extend([
        TestRequest::of("", Operation::CreateNote, Some(note_of(1))),
        TestRequest::of("", Operation::GetNote, None),
        TestRequest::of(
            "",
            Operation::UpdateNote,
            Some(json!({ "content": "changed", "tags": ["other"], "venture": null })),
        ),
        TestRequest::of("", Operation::ArchiveNote, None),
        TestRequest::of("", Operation::RestoreNote, None),
    ]);
    assert_flat(&requests).await;
}

#[tokio::test]
async fn the_cost_of_the_audit_does_not_depend_on_the_history() {
    let put = |pattern: &str, venture: &str| Some(json!({ "name_pattern": pattern, "venture": venture }));
    assert_flat(&[
        TestRequest::of("name", Operation::PutRequirement, put("guide.md", "alpha")),
        TestRequest::of("pattern", Operation::PutRequirement, put("doc-*.md", "alpha")),
        TestRequest::list(Operation::AuditDocs, "venture=alpha"),
        TestRequest::list(Operation::AuditDocs, "venture=other-77"),
        TestRequest::list(Operation::AuditDocs, ""),
        TestRequest::list(Operation::AuditDocs, "limit=100&cursor=other-5"),
        TestRequest::list(Operation::ListRequirements, ""),
        TestRequest::list(Operation::ListRequirements, "venture=alpha"),
        TestRequest::of("with requirements", Operation::StartDay, Some(day_of("agent-new"))),
    ])
    .await;
}

#[tokio::test]
async fn the_cost_of_document_requests_does_not_depend_on_the_history() {
    let queries = ["", "venture=alpha", "scope=global", "scope=global&limit=100&cursor=global.doc-00001000.md"];
    let mut requests = queries.map(|query| TestRequest::list(Operation::ListDocs, query)).to_vec();
    requests.extend([
        TestRequest::of("", Operation::GetDoc, None),
        TestRequest::list(Operation::GetDoc, "version=7"),
        TestRequest::of("", Operation::ListDocVersions, None),
        TestRequest::of("changed", Operation::PutDoc, Some(json!({ "content": "# Another" }))),
        TestRequest::of("unchanged", Operation::PutDoc, Some(json!({ "content": "# Another" }))),
        TestRequest::of("", Operation::DeleteDoc, None),
    ]);
    assert_flat(&requests).await;
}

#[tokio::test]
async fn the_cost_of_a_move_to_another_venture_does_not_depend_on_the_history() {
    let body = json!({ "repo": "example-org/alpha", "to_venture": "other-1", "to_repo": "example-org/alpha" });
    let mut costs = Vec::new();
    for size in [
        Size { sessions: 2_200, handoffs: 2_200, notes: 2_200, docs: 2_200 },
        Size { sessions: 100_000, handoffs: 20_000, notes: 20_000, docs: 10_000 },
    ] {
        let history = HistoryLab::of(size).await;
        let sessions = history.cost(Operation::MoveRecords, ("alpha", ""), Some(body.clone())).await;
        for table in ["sessions", "handoffs"] {
            let moved = format!("update {table} set venture = 'other-1' where venture = 'alpha'");
            history.measured.0.lock().unwrap().0.execute(&moved, []).unwrap();
        }
        let of_venture = history.cost(Operation::MoveRecords, ("alpha", ""), Some(body.clone())).await;
        costs.push([sessions, of_venture]);
    }
    println!("steps: {costs:?}");
    assert!(costs[0].iter().zip(costs[1]).all(|(few, many)| many * 2 < few * 3), "{costs:?}");
}

#[tokio::test]
async fn the_cost_of_each_request_log_filter_does_not_depend_on_the_history() {
    let queries = [
        "",
        "status=200",
        "status=500",
        "actor=a",
        "operation=start_day",
        "correlation_id=corr_7",
        "since=2026-11-19T00:00:00Z",
        "until=2026-11-19T00:00:00Z",
        "status=200&since=2026-11-19T00:00:00Z",
    ];
    assert_flat(&queries.map(|query| TestRequest::list(Operation::ListRequests, query))).await;
}

#[tokio::test]
async fn the_cost_of_machine_requests_does_not_depend_on_their_number() {
    let queries = [
        "",
        "status=approved",
        "status=pending",
        "status=retired",
        "role=role-1",
        "role=none",
        "role=role-1&status=approved",
        "role=role-1&status=retired",
    ];
    let register = |user| TestRequest::of(user, Operation::RegisterMachine, Some(machine_with(user)));
    let approve = TestRequest::of("", Operation::ApproveMachine, Some(approval_with("tom")));
    let mut requests = queries.map(|query| TestRequest::list(Operation::ListMachines, query)).to_vec();
    requests.extend(
        ["", "for=host-0-9", "cursor=mach_00000000000000000000001000"]
            .map(|query| TestRequest::list(Operation::SshConfig, query)),
    );
    requests.extend([register("tom"), approve, register("ann"), register("tom")]);
    requests.extend(
        [Operation::MachineHeartbeat, Operation::RetireMachine].map(|operation| TestRequest::of("", operation, None)),
    );
    requests.push(register("tom"));
    assert_flat(&requests).await;
}
