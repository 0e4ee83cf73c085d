//! Agents that leave without ending their day, and come back.

use deckwatch_protocol::{
    DayOutcome, DayStarted, EndReason, ErrorCode, Heartbeat, Operation, Session, SessionStatus, Timestamp,
};
use deckwatch_tests::{Agent, Api, Caller, TestRequest};
use serde_json::json;

fn ask_leave(session: &Session, last_heartbeat_at: Timestamp) -> TestRequest {
    TestRequest::of(Operation::LeaveSession).with(&session.id).json(&json!({ "last_heartbeat_at": last_heartbeat_at }))
}

async fn left(agent: &Agent, session: &Session) -> Session {
    agent.send(ask_leave(session, session.last_heartbeat_at)).await.of(200)
}

#[tokio::test]
async fn an_agent_that_left_is_not_active_and_goes_on_with_its_session() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session;
    for _ in 0..2 {
        let left = left(&agent, &session).await;
        assert_eq!((left.status, left.end_reason), (SessionStatus::Abandoned, Some(EndReason::ProcessExit)));
    }
    let other = agent.colleague().started().await;
    assert_eq!(other.active_sessions.total, 0);

    let again: DayStarted = agent.start_day(json!({})).await.of(200);
    assert_eq!((&again.session.id, again.outcome), (&session.id, DayOutcome::Resumed));
    assert_eq!((again.session.status, again.session.ended_at), (SessionStatus::Active, None));
}

#[tokio::test]
async fn only_the_same_work_goes_on_and_only_before_it_is_stale() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session;
    left(&agent, &session).await;
    let on_track = agent.started_with(json!({ "track": 1 })).await.session;
    assert_ne!(on_track.id, session.id);
    api.db_silence(&session.id, 46).await;
    assert_ne!(agent.started().await.session.id, session.id);
}

#[tokio::test]
async fn a_session_that_another_process_goes_on_with_is_not_left() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let old = agent.started().await.session;
    api.db_silence(&old.id, 1).await;
    let silent = agent.session(&old.id).await;
    agent.heartbeat(&old.id).await.of::<Heartbeat>(200);
    let kept: Session = agent.send(ask_leave(&old, silent.last_heartbeat_at)).await.of(200);
    assert_eq!(kept.status, SessionStatus::Active);
}

#[tokio::test]
async fn a_heartbeat_brings_a_left_session_back_and_an_ended_one_stays_ended() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session;
    left(&agent, &session).await;
    agent.heartbeat(&session.id).await.of::<Heartbeat>(200);
    assert_eq!(agent.session(&session.id).await.status, SessionStatus::Active);

    agent.ended(&session.id).await;
    assert_eq!(left(&agent, &session).await.status, SessionStatus::Ended);
    assert_ne!(agent.started().await.session.id, session.id);
}

#[tokio::test]
async fn a_left_session_can_still_be_ended_with_a_handoff() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session;
    left(&agent, &session).await;
    assert_eq!(agent.ended(&session.id).await.session.status, SessionStatus::Ended);
}

#[tokio::test]
async fn what_is_not_there_can_not_be_left() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session;
    let ask = ask_leave(&session, session.last_heartbeat_at);
    let absent = TestRequest::of(Operation::LeaveSession).with("sess_00000000000000000000000000");
    agent
        .send(absent.json(&json!({ "last_heartbeat_at": session.created_at })))
        .await
        .problem(ErrorCode::SessionNotFound);
    agent.send(ask.json(&json!({}))).await.problem_at(ErrorCode::InvalidRequest, &["/last_heartbeat_at"]);
}
