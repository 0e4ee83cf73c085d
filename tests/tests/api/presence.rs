//! Presence: what an agent says about itself, as long as its session is active.

use deckwatch_protocol::{ActivityState, DayStarted, ErrorCode, EventKind, Session};
use deckwatch_tests::{Agent, Api, fresh_uuid};
use serde_json::{Value, json};

/// Reports a presence in this epoch.
async fn report(agent: &Agent, session: &Session, epoch: u32, presence: Value) -> Session {
    agent.update_session(&session.id, json!({ "epoch": epoch, "presence": presence })).await.of(200)
}

#[tokio::test]
async fn an_event_follows_only_a_change_of_the_state() {
    use EventKind::{AgentBlocked, AgentIdle, AgentWaiting, AgentWorking};
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let session = agent.started().await.session;
    for (presence, kinds) in [
        (json!({ "state": "working", "summary": "the login page" }), &[AgentWorking] as &[EventKind]),
        (json!({ "state": "working", "summary": "the sign-up page" }), &[]),
        (json!({ "state": "working" }), &[]),
        (json!({ "state": "waiting", "detail": "which colour?" }), &[AgentWaiting]),
        (json!({ "state": "blocked", "detail": "no access" }), &[AgentBlocked]),
        (json!({ "state": "idle" }), &[AgentIdle]),
        (json!({ "state": "away" }), &[]),
        (json!({ "state": "idle" }), &[AgentIdle]),
        (Value::Null, &[]),
        (json!({ "state": "idle" }), &[AgentIdle]),
    ] {
        let before = api.head().await;
        let changed = report(&agent, &session, 1, presence.clone()).await;
        assert_eq!(api.kinds_after(before).await, kinds, "{presence}");
        let shown = json!(changed.presence);
        for field in ["state", "detail", "summary"] {
            assert_eq!(
                shown.get(field).unwrap_or(&Value::Null),
                presence.get(field).unwrap_or(&Value::Null),
                "{presence}"
            );
        }
        assert!(changed.presence.is_none_or(|shown| shown.at == changed.last_heartbeat_at));
        for event in api.events_after(before).await {
            assert!(!json!(event).to_string().contains("colour"), "an event has no text of an agent");
        }
    }
}

#[tokio::test]
async fn others_see_the_presence_and_the_groups_and_an_update_of_another_field_keeps_them() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started_with(json!({ "groups": { "frontend": "lead" } })).await.session;
    report(&agent, &session, 1, json!({ "state": "blocked", "detail": "no access", "summary": "the login page" }))
        .await;
    let kept: Session = agent.update_session(&session.id, json!({ "branch": "x" })).await.of(200);
    assert_eq!(kept.presence.as_ref().map(|presence| presence.state), Some(ActivityState::Blocked));
    let seen = agent.colleague().started().await.active_sessions.items;
    assert_eq!(seen[0].presence, kept.presence);
    assert_eq!(json!(seen[0].groups), json!({ "frontend": "lead" }));
}

#[tokio::test]
async fn no_presence_outlives_its_session_or_its_process() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let started = |process: &str| agent.start_day(json!({ "start_id": process }));
    let session = started(&fresh_uuid()).await.of::<DayStarted>(201).session;
    let working = || json!({ "state": "working" });
    report(&agent, &session, 1, working()).await;
    // A stale session, marked or not.
    api.db_silence(&session.id, 46).await;
    assert_eq!(agent.session(&session.id).await.presence, None);
    let sql =
        "update sessions set status = 'abandoned', ended_at = last_heartbeat_at, end_reason = 'stale' where id = ?1";
    api.db_execute(sql, json!([session.id])).await;
    assert_eq!(agent.session(&session.id).await.presence, None);
    // Its agent is back, and has said nothing since.
    let _: deckwatch_protocol::Heartbeat = agent.heartbeat(&session.id).await.of(200);
    assert_eq!(agent.session(&session.id).await.presence, None);
    report(&agent, &session, 1, working()).await;
    api.db_execute(sql, json!([session.id])).await;
    let back: Session = agent.update_session(&session.id, json!({ "branch": "x" })).await.of(200);
    assert_eq!(back.presence, None);
    // An agent that leaves and returns.
    report(&agent, &session, 1, working()).await;
    let leave = "update sessions set status = 'abandoned', ended_at = last_heartbeat_at, end_reason = 'process_exit' where id = ?1";
    api.db_execute(leave, json!([session.id])).await;
    let again = agent.start_day(json!({})).await.of::<DayStarted>(200).session;
    assert_eq!((&again.id, again.presence), (&session.id, None));
    // Another process goes on.
    report(&agent, &session, 1, working()).await;
    let next = started(&fresh_uuid()).await.of::<DayStarted>(200).session;
    assert_eq!((next.epoch.get(), next.presence), (2, None));
    // The end of the day.
    report(&agent, &session, 2, working()).await;
    assert_eq!(agent.ended(&session.id).await.session.presence, None);
    let late = json!({ "epoch": 2, "presence": working() });
    agent.update_session(&session.id, late).await.problem(ErrorCode::SessionEnded);
}

#[tokio::test]
async fn an_invalid_presence_mode_or_group_is_named() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let id = agent.started().await.session.id;
    for (patch, named) in [
        (json!({ "presence": { "state": "idle" } }), &["/epoch"] as &[&str]),
        (json!({ "presence": null }), &["/epoch"]),
        (json!({ "epoch": 1, "presence": {} }), &["/presence/state"]),
        (json!({ "epoch": 1, "presence": { "state": "asleep", "at": "now" } }), &["/presence/state", "/presence/at"]),
        (
            json!({ "epoch": 1, "presence": { "state": "idle", "detail": "a\nb", "summary": "x".repeat(201) } }),
            &["/presence/detail", "/presence/summary"],
        ),
        (
            json!({ "mode": "loud", "dnd_until": "tomorrow", "groups": { "A": "b" } }),
            &["/groups/A", "/mode", "/dnd_until"],
        ),
    ] {
        agent.update_session(&id, patch).await.problem_at(ErrorCode::InvalidRequest, named);
    }
    let secret = json!({ "epoch": 1, "presence": { "state": "idle", "summary": format!("key sk-ant-api03-{}", "aB3".repeat(31)) } });
    agent.update_session(&id, secret).await.problem(ErrorCode::HoldsSecret);
}
