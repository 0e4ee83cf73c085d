//! The end of a day: the handoff, the session, and the answer to a second end.

use deckwatch_protocol::{DayEnded, EndReason, ErrorCode, Handoff, SessionStatus};
use deckwatch_tests::{Api, Caller, TestRequest, overlay};
use serde_json::json;

#[tokio::test]
async fn the_end_of_a_day_records_the_handoff_and_ends_the_session() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started_with(json!({ "track": 0, "issue_number": 87 })).await.session;
    let handoff = json!({
        "summary": "half done", "status": "blocked", "accomplished": ["a"], "in_progress": ["b"], "blocked": ["c"],
        "next_steps": ["d", "e"], "links": ["https://example.org/1"], "to_agent": "mac9-codex-1", "extra": { "k": [1] },
    });
    let day = agent.end_day(&session.id, handoff).await;
    let ended: DayEnded = day.of(200);
    assert_eq!(ended.session.status, SessionStatus::Ended);
    assert_eq!(ended.session.end_reason, Some(EndReason::Manual));
    assert_eq!(ended.session.final_handoff_id, Some(ended.handoff.id.clone()));
    assert!(ended.session.ended_at.is_some());
    let handoff = &day.json()["handoff"];
    assert_eq!(handoff["session_id"], json!(session.id));
    assert_eq!((&handoff["track"], &handoff["issue_number"]), (&json!(0), &json!(87)));
    assert_eq!((&handoff["from_agent"], &handoff["to_agent"]), (&json!(agent.name), &json!("mac9-codex-1")));
    assert_eq!((&handoff["status"], &handoff["summary"]), (&json!("blocked"), &json!("half done")));
    let payload = json!({
        "accomplished": ["a"], "in_progress": ["b"], "blocked": ["c"], "next_steps": ["d", "e"],
        "links": ["https://example.org/1"], "extra": { "k": [1] },
    });
    assert_eq!(handoff["payload"], payload);
    assert_eq!(agent.session(&session.id).await, ended.session);
}

#[tokio::test]
async fn the_next_day_starts_with_the_handoff() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let ended = agent.ended(&session).await;
    assert_eq!(agent.started().await.last_handoff, Some(ended.handoff.clone()));
    assert_eq!(agent.colleague().started().await.last_handoff, Some(ended.handoff));
    assert_eq!(agent.elsewhere().started().await.last_handoff, None);
}

#[tokio::test]
async fn a_second_end_with_another_key_returns_the_first_result() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let first: DayEnded = agent.end_day(&session, json!({ "summary": "first", "status": "done" })).await.of(200);
    let records = api.db_records_of(&agent.venture).await;
    let again = agent.end_day(&session, json!({ "summary": "second", "status": "blocked" })).await;
    let second: DayEnded = again.of(200);
    assert!(!again.is_replay());
    assert_eq!((&second.session, &second.handoff), (&first.session, &first.handoff));
    assert_eq!(api.db_records_of(&agent.venture).await, records);
}

#[tokio::test]
async fn keep_open_records_the_handoff_and_keeps_the_session_active() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let keep_open = |summary: &str| {
        let ask = agent.ask_end_day(&session, json!({ "summary": summary }));
        let body = overlay(ask.body(), json!({ "keep_open": true }));
        ask.json(&body)
    };
    let first: DayEnded = agent.send(keep_open("one")).await.of(200);
    let second: DayEnded = agent.send(keep_open("two")).await.of(200);
    assert_eq!(second.session.status, SessionStatus::Active);
    assert_eq!((second.session.ended_at, second.session.final_handoff_id), (None, None));
    assert_ne!(first.handoff.id, second.handoff.id);
    assert_eq!(agent.heartbeat(&session).await.status, 200);
    let last: DayEnded = agent.ended(&session).await;
    assert_eq!(last.session.final_handoff_id, Some(last.handoff.id.clone()));
    assert_eq!(api.db_count("select count(*) as n from handoffs where session_id = ?1", json!([session])).await, 3);
}

#[tokio::test]
async fn an_abandoned_session_can_still_be_ended_with_its_handoff() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for sweep_first in [false, true] {
        let session = agent.started().await.session.id;
        api.db_silence(&session, 46).await;
        if sweep_first {
            agent.colleague().started().await;
        }
        let ended = agent.ended(&session).await;
        assert_eq!(ended.session.status, SessionStatus::Ended);
        assert_eq!(ended.session.end_reason, Some(EndReason::Manual));
        assert_eq!(agent.colleague().started().await.last_handoff, Some(ended.handoff));
    }
}

#[tokio::test]
async fn the_end_reason_is_stored() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let ask = agent.ask_end_day(&session, json!({}));
    let body = overlay(ask.body(), json!({ "end_reason": "process_exit" }));
    let ended: DayEnded = agent.send(ask.json(&body)).await.of(200);
    assert_eq!(ended.session.end_reason, Some(EndReason::ProcessExit));
}

#[tokio::test]
async fn an_unknown_session_can_not_be_ended() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let nobody = "sess_00000000000000000000000000".parse().unwrap();
    agent.end_day(&nobody, json!({})).await.problem(ErrorCode::SessionNotFound);
    agent.create_handoff(&nobody, json!({})).await.problem(ErrorCode::SessionNotFound);
    let ask: TestRequest = agent.ask_end_day(&nobody, json!({}));
    let body = overlay(ask.body(), json!({ "session_id": "sess_x" }));
    agent.send(ask.json(&body)).await.problem_at(ErrorCode::InvalidRequest, &["/session_id"]);
}

#[tokio::test]
async fn an_agent_may_end_the_session_of_another_agent() {
    let api = Api::start().await;
    let gone = api.agent().await;
    let session = gone.started().await.session.id;
    let ended = gone.colleague().ended(&session).await;
    assert_eq!(ended.handoff.from_agent.as_str(), gone.name, "the handoff must be from the agent of the session");
}

#[tokio::test]
async fn a_handoff_is_recorded_whatever_the_state_of_its_session_and_does_not_change_it() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (stale, abandoned, ended) = (agent.clone(), agent.elsewhere(), agent.elsewhere());
    let mut sessions = Vec::new();
    for one in [&stale, &abandoned, &ended] {
        sessions.push((one, one.started().await.session.id));
    }
    let last = ended.ended(&sessions[2].1).await;
    for (_, session) in &sessions[..2] {
        api.db_silence(session, 46).await;
    }
    api.db_execute(
        "update sessions set status = 'abandoned', ended_at = last_heartbeat_at, end_reason = 'stale' where id = ?1",
        json!([sessions[1].1]),
    )
    .await;
    for (agent, session) in sessions {
        let before = agent.session(&session).await;
        let handoff: Handoff = agent.create_handoff(&session, json!({ "summary": "late news" })).await.of(201);
        let ask = agent.ask_end_day(&session, json!({ "summary": "more late news" }));
        let body = overlay(ask.body(), json!({ "keep_open": true }));
        let kept: DayEnded = agent.send(ask.json(&body)).await.of(200);
        assert_eq!((handoff.summary.as_str(), kept.handoff.summary.as_str()), ("late news", "more late news"));
        assert_eq!(kept.session, before, "the answer shows the session as it is");
        assert_eq!(agent.session(&session).await, before);
        let recorded = "select count(*) as n from handoffs where session_id = ?1 and summary like '%late news'";
        assert_eq!(api.db_count(recorded, json!([session])).await, 2);
        if before.status == SessionStatus::Ended {
            assert_eq!(before.final_handoff_id, Some(last.handoff.id.clone()));
            let again = agent.ended(&session).await;
            assert_eq!(again.handoff, last.handoff, "a second end answers with the first result");
        }
    }
}
