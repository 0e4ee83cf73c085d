//! Concurrent requests: the schema decides, and every caller gets a correct answer.

use std::collections::BTreeSet;

use deckwatch_protocol::{DayEnded, DayStarted, ErrorCode, Handoff, Operation, SessionStatus};
use deckwatch_tests::{Agent, Api, Caller, Response, TestRequest, fresh};
use serde_json::json;
use tokio::task::JoinSet;

/// Sends all requests at the same time.
async fn at_once(agent: &Agent, asks: impl IntoIterator<Item = TestRequest>) -> Vec<Response> {
    let mut running = JoinSet::new();
    for ask in asks {
        let agent = agent.clone();
        running.spawn(async move { agent.send(ask).await });
    }
    running.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_starts_of_one_agent_make_one_session() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let responses = at_once(&agent, (0..32).map(|_| agent.ask_start_day(json!({ "track": 0 })))).await;
    let created = responses.iter().filter(|response| response.status == 201).count();
    assert_eq!(created, 1);
    let sessions: BTreeSet<_> =
        responses.iter().map(|response| response.of::<DayStarted>(response.status).session.id).collect();
    assert_eq!(sessions.len(), 1);
    let count = "select count(*) as n from sessions where agent = ?1";
    assert_eq!(api.db_count(count, json!([agent.name])).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_requests_with_one_key_have_one_effect_and_equal_bytes() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let large = json!({ "extra": { "blob": "x".repeat(70_000) } });
    for handoff in [json!({}), large] {
        let ask = agent.ask_create_handoff(&session, handoff);
        let responses = at_once(&agent, (0..32).map(|_| ask.clone())).await;
        let bodies: BTreeSet<_> = responses.iter().map(|response| (response.status, response.body.clone())).collect();
        assert_eq!(bodies.len(), 1, "{bodies:?}");
        assert_eq!(responses.iter().filter(|response| !response.is_replay()).count(), 1);
        responses[0].of::<Handoff>(201);
    }
    assert_eq!(api.db_count("select count(*) as n from handoffs where session_id = ?1", json!([session])).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_concurrent_bodies_with_one_key_have_one_effect() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let key = fresh("one-key-for-two-bodies");
    let [one, two] =
        ["one", "two"].map(|summary| agent.ask_create_handoff(&session, json!({ "summary": summary })).key(&key));
    let responses = at_once(&agent, (0..32).map(|n| if n % 2 == 0 { one.clone() } else { two.clone() })).await;
    let count = |status: u16| responses.iter().filter(|response| response.status == status).count();
    assert_eq!((count(201), count(422)), (16, 16));
    assert_eq!(api.db_count("select count(*) as n from handoffs where session_id = ?1", json!([session])).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concurrent_start_and_end_give_consistent_answers() {
    let api = Api::start().await;
    for _ in 0..8 {
        let agent = api.agent().await;
        let session = agent.started().await.session.id;
        let asks = [agent.ask_start_day(json!({})), agent.ask_end_day(&session, json!({}))];
        let mut responses = at_once(&agent, asks).await;
        responses.sort_by_key(|response| response.json().get("outcome").is_none());
        let started: DayStarted = responses[0].of(responses[0].status);
        let ended: DayEnded = responses[1].of(200);
        assert_eq!((ended.session.id.clone(), ended.session.status), (session.clone(), SessionStatus::Ended));
        // The session was resumed before the end, or created after it and shows the handoff.
        match responses[0].status {
            200 => assert_eq!(started.session.id, session),
            201 => assert_eq!(started.last_handoff, Some(ended.handoff)),
            other => panic!("{other}"),
        }
        assert_eq!(agent.session(&session).await.status, SessionStatus::Ended);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_ends_of_one_session_make_one_handoff() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let asks = (0..32).map(|n| agent.ask_end_day(&session, json!({ "summary": format!("end {n}") })));
    let responses = at_once(&agent, asks).await;
    let handoffs: BTreeSet<_> = responses.iter().map(|response| response.of::<DayEnded>(200).handoff.id).collect();
    assert_eq!(handoffs.len(), 1);
    assert_eq!(api.db_count("select count(*) as n from handoffs where session_id = ?1", json!([session])).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_concurrent_agents_all_see_each_other_at_the_end() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let asks: Vec<TestRequest> = (0..32).map(|_| agent.colleague().ask_start_day(json!({}))).collect();
    let responses = at_once(&agent, asks).await;
    let mut totals: Vec<u32> =
        responses.iter().map(|response| response.of::<DayStarted>(201).active_sessions.total).collect();
    totals.sort_unstable();
    assert_eq!(totals, (0..32).collect::<Vec<_>>(), "each agent must see all agents that started before it");
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_during_a_start_after_a_long_silence_leave_one_active_session() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    api.db_silence(&session, 46).await;
    let beat = TestRequest::of(Operation::Heartbeat).with(&session);
    let asks = (0..16).map(|n| if n % 2 == 0 { beat.clone() } else { agent.ask_start_day(json!({})) });
    for response in at_once(&agent, asks).await {
        match response.status {
            200 | 201 => {}
            409 => drop(response.problem(ErrorCode::SessionConflict)),
            _ => panic!("{response}"),
        }
    }
    let live = "select count(*) as n from sessions where agent = ?1 and status = 'active'";
    assert_eq!(api.db_count(live, json!([agent.name])).await, 1);
}
