//! Records that follow their repository to another venture or name.

use deckwatch_protocol::{DayStarted, ErrorCode, Handoff, Operation, RecordsMoved, SessionStatus};
use deckwatch_tests::{Agent, Api, Caller, TestRequest};
use serde_json::json;

pub(crate) fn ask_move(from: &Agent, to: &Agent) -> TestRequest {
    let body = json!({ "repo": from.repo, "to_venture": to.venture, "to_repo": to.repo });
    TestRequest::of(Operation::MoveRecords).with(&from.venture).json(&body)
}

#[tokio::test]
async fn sessions_and_handoffs_move_to_the_new_name_and_back() {
    let api = Api::start().await;
    let (old, new) = (api.agent().await, api.agent().await);
    let session = old.started().await.session.id;
    let handoff = old.ended(&session).await.handoff.id;
    for (from, to) in [(&old, &new), (&new, &old), (&old, &new)] {
        // The first request moves the session, the second the handoff. A later one finds nothing to move.
        for more in [true, false, false] {
            let moved: RecordsMoved = api.admin().send(ask_move(from, to)).await.of(200);
            assert_eq!(moved.more, more);
        }
        let latest = |agent: &Agent| {
            let query = format!("venture={}&repo={}", agent.venture, agent.repo);
            TestRequest::of(Operation::LatestHandoff).query(query)
        };
        assert_eq!(to.send(latest(to)).await.of::<Handoff>(200).id, handoff);
        assert_eq!(to.session(&session).await.repo.as_str(), to.repo);
        from.send(latest(from)).await.problem(ErrorCode::HandoffNotFound);
    }
}

#[tokio::test]
async fn a_live_session_moves_unless_its_agent_has_another_there() {
    let api = Api::start().await;
    let (old, new) = (api.agent().await, api.agent().await);
    let first = old.started().await.session.id;
    let _: RecordsMoved = api.admin().send(ask_move(&old, &new)).await.of(200);
    assert_eq!(old.session(&first).await.status, SessionStatus::Active);

    let second: DayStarted = old.start_day(json!({})).await.of(201);
    let _: RecordsMoved = api.admin().send(ask_move(&old, &new)).await.of(200);
    assert_eq!(old.session(&first).await.status, SessionStatus::Active);
    assert_eq!(old.session(&second.session.id).await.status, SessionStatus::Abandoned);
}

#[tokio::test]
async fn records_stay_where_they_are_when_the_target_is_not_registered_or_the_same() {
    let api = Api::start().await;
    let agent = api.agent().await;
    agent.started().await;
    let before = api.db_records_of(&agent.venture).await;
    let body = json!({ "repo": agent.repo, "to_venture": "nobody-knows-it", "to_repo": agent.repo });
    let ask = TestRequest::of(Operation::MoveRecords).with(&agent.venture).json(&body);
    api.admin().send(ask).await.problem(ErrorCode::VentureNotRegistered);
    let moved: RecordsMoved = api.admin().send(ask_move(&agent, &agent)).await.of(200);
    assert!(!moved.more);
    assert_eq!(api.db_records_of(&agent.venture).await, before);
}
