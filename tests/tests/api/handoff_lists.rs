//! Lists of handoffs: every filter of `list_handoffs` and `latest_handoff`.

use std::collections::BTreeSet;

use deckwatch_protocol::{ErrorCode, Handoff, HandoffId, Operation, Page, SessionId};
use deckwatch_tests::{Agent, Api, Caller, TestRequest, a_moment_later, fresh};
use serde_json::{Value, json};

/// Four different handoffs of one venture, oldest first.
struct Four {
    agent: Agent,
    reader: String,
    sessions: Vec<SessionId>,
    handoffs: Vec<HandoffId>,
}

impl Four {
    async fn new() -> Self {
        let api = Api::start().await;
        let agent = api.agent().await;
        let reader = fresh("reader");
        let days: [(Agent, Value, Value); 4] = [
            (agent.clone(), json!({}), json!({ "status": "done" })),
            (agent.clone(), json!({ "track": 0, "issue_number": 87 }), json!({ "status": "blocked" })),
            (agent.colleague(), json!({ "track": 0 }), json!({ "status": "ready", "to_agent": reader })),
            (agent.elsewhere(), json!({ "issue_number": 87 }), json!({ "status": "in_progress" })),
        ];
        let (mut sessions, mut handoffs) = (Vec::new(), Vec::new());
        for (agent, day, handoff) in days {
            let session = agent.started_with(day).await.session.id;
            let handoff: Handoff = agent.create_handoff(&session, handoff).await.of(201);
            sessions.push(session);
            handoffs.push(handoff.id);
            a_moment_later().await;
        }
        Self { agent, reader, sessions, handoffs }
    }

    /// Queries with the indexes of the handoffs that they must return.
    fn queries(&self) -> Vec<(String, Vec<usize>)> {
        let (venture, repo) = (&self.agent.venture, &self.agent.repo);
        vec![
            (format!("venture={venture}"), vec![0, 1, 2, 3]),
            (format!("venture={venture}&repo={repo}"), vec![0, 1, 2]),
            (format!("repo={repo}"), vec![0, 1, 2]),
            (format!("venture={venture}&track=0"), vec![1, 2]),
            (format!("venture={venture}&repo={repo}&track=0"), vec![1, 2]),
            (format!("venture={venture}&issue_number=87"), vec![1, 3]),
            (format!("from_agent={}", self.agent.name), vec![0, 1, 3]),
            (format!("to_agent={}", self.reader), vec![2]),
            (format!("venture={venture}&status=done"), vec![0]),
            (format!("venture={venture}&status=blocked"), vec![1]),
            (format!("venture={venture}&status=ready"), vec![2]),
            (format!("venture={venture}&status=in_progress"), vec![3]),
            (format!("session_id={}", self.sessions[1]), vec![1]),
            (format!("venture={venture}&track=7"), vec![]),
            (format!("venture={}", fresh("nowhere")), vec![]),
        ]
    }
}

#[tokio::test]
async fn every_filter_of_the_list_works() {
    let four = Four::new().await;
    for (query, expected) in four.queries() {
        let page: Page<Handoff> = four.agent.send(TestRequest::of(Operation::ListHandoffs).query(&query)).await.of(200);
        assert!(
            page.items.is_sorted_by(|newer, older| newer.id > older.id),
            "the list is not sorted newest first: {query}"
        );
        assert_eq!(usize::try_from(page.total).unwrap(), expected.len(), "{query}");
        let shown: BTreeSet<&HandoffId> = page.items.iter().map(|handoff| &handoff.id).collect();
        assert_eq!(shown, expected.iter().map(|n| &four.handoffs[*n]).collect(), "{query}");
    }
}

#[tokio::test]
async fn every_filter_of_the_latest_handoff_works() {
    let four = Four::new().await;
    for (query, expected) in four.queries() {
        let response = four.agent.send(TestRequest::of(Operation::LatestHandoff).query(&query)).await;
        match expected.last() {
            Some(newest) => assert_eq!(response.of::<Handoff>(200).id, four.handoffs[*newest], "{query}"),
            None => drop(response.problem(ErrorCode::HandoffNotFound)),
        }
    }
}

#[tokio::test]
async fn a_list_omits_payloads_over_32_kib_and_gives_their_size() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    for kib in [31, 33] {
        let extra = json!({ "blob": "x".repeat(kib * 1024) });
        agent.create_handoff(&session, json!({ "extra": extra })).await.of::<Handoff>(201);
        a_moment_later().await;
    }
    let page: Page<Handoff> =
        agent.send(TestRequest::of(Operation::ListHandoffs).query(format!("session_id={session}"))).await.of(200);
    let [large, small] = page.items.as_slice() else { panic!("{} handoffs", page.items.len()) };
    assert!(large.payload.is_none() && large.payload_size_bytes > 33 * 1024);
    assert!(small.payload.is_some());
    let latest: Handoff =
        agent.send(TestRequest::of(Operation::LatestHandoff).query(format!("session_id={session}"))).await.of(200);
    assert!(latest.payload.is_some(), "the latest handoff must have its payload");
}
