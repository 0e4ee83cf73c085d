//! Epochs: the newest process of an agent speaks for its session, and an older one only leaves its words.

use deckwatch_protocol::{DayEnded, DayStarted, ErrorCode, EventKind, Session, SessionStatus};
use deckwatch_tests::{Agent, Api, Caller, fresh_uuid};
use serde_json::json;

/// Starts the day of the process with this id, and returns the session.
async fn start(agent: &Agent, process: &str) -> Session {
    let answer = agent.start_day(json!({ "start_id": process })).await;
    answer.of::<DayStarted>(answer.status).session
}

#[tokio::test]
async fn the_same_process_keeps_the_epoch_and_another_one_takes_the_next() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let [a, b] = [fresh_uuid(), fresh_uuid()];
    let mut epochs = Vec::new();
    for process in [&a, &a, &b, &b, &a] {
        epochs.push(start(&agent, process).await.epoch.get());
    }
    assert_eq!(epochs, [1, 1, 2, 2, 3]);
    // A client without a process id keeps the epoch.
    let session = agent.start_day(json!({})).await.of::<DayStarted>(200).session;
    assert_eq!(session.epoch.get(), 3);
    assert_eq!(start(&agent, &a).await.epoch.get(), 3);
    // A session that such a client has started goes over to the first process that names itself.
    let other = agent.colleague();
    other.started().await;
    assert_eq!(start(&other, &a).await.epoch.get(), 2);
    // An abandoned session that goes on is in the epoch of the process that goes on with it.
    api.db_silence(&session.id, 30).await;
    agent.update_session(&session.id, json!({})).await.of::<Session>(200);
    assert_eq!(start(&agent, &b).await.epoch.get(), 4);
    // A new session has a new count.
    agent.ended(&session.id).await;
    assert_eq!(start(&agent, &b).await.epoch.get(), 1);
}

#[tokio::test]
async fn an_older_process_can_not_change_the_session_but_a_client_without_an_epoch_can() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let id = start(&agent, &fresh_uuid()).await.id;
    let second = start(&agent, &fresh_uuid()).await;
    let before = api.db_records_of(&agent.venture).await;
    for patch in [json!({ "epoch": 1, "branch": "old" }), json!({ "epoch": 1, "presence": { "state": "idle" } })] {
        agent.update_session(&id, patch).await.problem_at(ErrorCode::Superseded, &["/epoch"]);
    }
    assert_eq!(api.db_records_of(&agent.venture).await, before);
    let changed: Session = agent.update_session(&id, json!({ "epoch": 2, "branch": "new" })).await.of(200);
    assert_eq!(changed.epoch, second.epoch);
    let changed: Session = agent.update_session(&id, json!({ "branch": "any" })).await.of(200);
    assert_eq!(changed.branch.unwrap().as_str(), "any");
    for epoch in [json!(0), json!(-1), json!("2"), json!(2_147_483_648_u32)] {
        agent.update_session(&id, json!({ "epoch": epoch })).await.problem_at(ErrorCode::InvalidRequest, &["/epoch"]);
    }
}

#[tokio::test]
async fn the_end_of_an_older_process_records_its_handoff_and_ends_nothing() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let id = start(&agent, &fresh_uuid()).await.id;
    start(&agent, &fresh_uuid()).await;
    let end = |epoch: u32, summary: &str| {
        let ask = agent.ask_end_day(&id, json!({ "summary": summary }));
        let mut body = ask.body();
        body["epoch"] = json!(epoch);
        ask.json(&body)
    };
    let before = api.head().await;
    let old: DayEnded = agent.send(end(1, "of the old process")).await.of(200);
    assert_eq!((old.session.status, old.handoff.summary.as_str()), (SessionStatus::Active, "of the old process"));
    assert_eq!(api.kinds_after(before).await, [EventKind::HandoffRecorded]);
    let ended: DayEnded = agent.send(end(2, "of the new process")).await.of(200);
    assert_eq!((ended.session.status, ended.handoff.summary.as_str()), (SessionStatus::Ended, "of the new process"));
    // Also after the end, the older process leaves its handoff, and the newer one gets the first result.
    let late: DayEnded = agent.send(end(1, "late")).await.of(200);
    assert_eq!(late.handoff.summary.as_str(), "late");
    assert_eq!(late.session.final_handoff_id.as_ref(), Some(&ended.handoff.id));
    let again: DayEnded = agent.send(end(2, "again")).await.of(200);
    assert_eq!(again.handoff, ended.handoff);
    let count = "select count(*) as n from handoffs where session_id = ?1";
    assert_eq!(api.db_count(count, json!([id])).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_starts_of_one_agent_at_the_same_moment_get_different_epochs() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let agent = agent.clone();
        running.spawn(async move { start(&agent, &fresh_uuid()).await });
    }
    let sessions = running.join_all().await;
    let mut epochs: Vec<_> = sessions.iter().map(|session| session.epoch.get()).collect();
    epochs.sort_unstable();
    assert_eq!(epochs, (1..=8).collect::<Vec<_>>());
    assert!(sessions.iter().all(|session| session.id == sessions[0].id));
}
