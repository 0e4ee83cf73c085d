//! Sessions: read, list, heartbeat.

use std::collections::BTreeSet;
use std::time::Duration;

use deckwatch_protocol::{ErrorCode, Heartbeat, Operation, Page, Session, SessionId, SessionStatus};
use deckwatch_tests::{Agent, Api, Caller, TestRequest, fresh};
use serde_json::json;

async fn list(agent: &Agent, query: &str) -> BTreeSet<SessionId> {
    let ask = TestRequest::of(Operation::ListSessions).query(query);
    let page: Page<Session> = agent.send(ask).await.of(200);
    assert_eq!(usize::try_from(page.total).unwrap(), page.items.len(), "{query}");
    assert!(
        page.items.is_sorted_by(|newer, older| newer.id > older.id),
        "the list is not sorted newest first: {query}"
    );
    page.items.into_iter().map(|session| session.id).collect()
}

#[tokio::test]
async fn a_heartbeat_returns_the_time_of_the_next_one() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    api.db_silence(&session, 30).await;
    let beat: Heartbeat = agent.heartbeat(&session).await.of(200);
    assert_eq!((beat.session_id.clone(), beat.status), (session.clone(), SessionStatus::Active));
    assert!((480..=720).contains(&beat.heartbeat_interval_seconds), "{}", beat.heartbeat_interval_seconds);
    assert_eq!(beat.next_heartbeat_at, beat.last_heartbeat_at.plus_seconds(beat.heartbeat_interval_seconds.into()));
    assert!(beat.last_heartbeat_at > api.minutes_ago(1));
    assert_eq!(agent.session(&session).await.last_heartbeat_at, beat.last_heartbeat_at);
}

#[tokio::test]
async fn the_heartbeats_of_a_fleet_spread_out() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let mut intervals = BTreeSet::new();
    for _ in 0..10 {
        let beat: Heartbeat = agent.heartbeat(&session).await.of(200);
        intervals.insert(beat.heartbeat_interval_seconds);
    }
    assert!(intervals.len() > 3, "{intervals:?}");
}

/// The session, as soon as a start of day has recorded its end. The start of day does so after its answer.
pub(crate) async fn marked_as_ended(agent: &Agent, id: &SessionId) -> Session {
    let mut session = agent.session(id).await;
    for _ in 0..500 {
        if session.ended_at.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        session = agent.session(id).await;
    }
    assert!(session.ended_at.is_some(), "the start of a day did not record the end of {id} within 10 s");
    session
}

#[tokio::test]
async fn a_heartbeat_revives_an_abandoned_session() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    api.db_silence(&session, 46).await;
    agent.colleague().started().await;
    marked_as_ended(&agent, &session).await;
    let beat: Heartbeat = agent.heartbeat(&session).await.of(200);
    assert_eq!(beat.status, SessionStatus::Active);
    let revived = agent.session(&session).await;
    assert_eq!((revived.status, revived.ended_at, revived.end_reason), (SessionStatus::Active, None, None));
}

#[tokio::test]
async fn an_ended_session_refuses_heartbeats() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    agent.ended(&session).await;
    let before = api.db_records_of(&agent.venture).await;
    agent.heartbeat(&session).await.problem(ErrorCode::SessionEnded);
    agent.update_session(&session, json!({ "branch": "late" })).await.problem(ErrorCode::SessionEnded);
    assert_eq!(api.db_records_of(&agent.venture).await, before);
}

#[tokio::test]
async fn an_abandoned_session_with_a_successor_is_not_revived() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let old = agent.started().await.session.id;
    api.db_silence(&old, 46).await;
    let new = agent.started().await.session.id;
    agent.heartbeat(&old).await.problem(ErrorCode::SessionConflict);
    agent.update_session(&old, json!({})).await.problem(ErrorCode::SessionConflict);
    assert_eq!(agent.session(&old).await.status, SessionStatus::Abandoned);
    assert_eq!(agent.session(&new).await.status, SessionStatus::Active);
}

#[tokio::test]
async fn an_unknown_session_is_not_found() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let absent = ["sess_00000000000000000000000000", "sess_x", "ho_00000000000000000000000000", "%00", "%F0%9F%98%80"];
    for id in absent {
        for operation in [Operation::GetSession, Operation::Heartbeat] {
            agent.send(TestRequest::of(operation).with(id)).await.problem(ErrorCode::SessionNotFound);
        }
        let update = TestRequest::of(Operation::UpdateSession).with(id).json(&json!({}));
        agent.send(update).await.problem(ErrorCode::SessionNotFound);
    }
}

#[tokio::test]
async fn every_filter_of_the_list_works() {
    let api = Api::start().await;
    let here = api.agent().await;
    let there = here.elsewhere();
    let plain = here.started().await.session.id;
    let zero = here.started_with(json!({ "track": 0 })).await.session.id;
    let silent = there.started().await.session.id;
    let ended = here.colleague().started().await.session.id;
    here.ended(&ended).await;
    api.db_silence(&silent, 46).await;
    let all = format!("venture={}", here.venture);
    let shown = [
        (String::new(), vec![&plain, &zero, &silent, &ended]),
        (format!("&repo={}", there.repo), vec![&silent]),
        (format!("&agent={}", here.name), vec![&plain, &zero, &silent]),
        ("&track=0".to_owned(), vec![&zero]),
        ("&status=ended".to_owned(), vec![&ended]),
        // The status is correct before a sweep has run.
        ("&status=abandoned".to_owned(), vec![&silent]),
        ("&status=active".to_owned(), vec![&plain, &zero]),
        (format!("&active_since={}", api.minutes_ago(30)), vec![&plain, &zero, &ended]),
        (format!("&status=active&track=0&repo={}", there.repo), vec![]),
    ];
    for (filter, sessions) in shown {
        assert_eq!(list(&here, &format!("{all}{filter}")).await, sessions.into_iter().cloned().collect(), "{filter}");
    }
    assert_eq!(list(&here, &format!("repo={}", there.repo)).await, BTreeSet::from([silent]));
    assert_eq!(list(&here, &format!("agent={}", fresh("nobody"))).await, BTreeSet::new());
}
