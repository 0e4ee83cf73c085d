//! The start of a day: the session it belongs to, its answer, and the other active agents.

use deckwatch_protocol::{ActiveCounts, DayOutcome, DayStarted, ErrorCode, SessionId, SessionStatus};
use deckwatch_tests::{Api, Caller, fresh};
use serde_json::{Value, json};

#[tokio::test]
async fn the_first_start_creates_a_session_with_all_fields_of_the_request() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let meta = json!({ "model": "large", "nested": { "list": [1, 2.5, null, true, "é 😀"] } });
    let day = agent
        .start_day(json!({
            "client_version": "2.1.329", "client_session_id": "9f0c", "track": 0, "issue_number": 87,
            "branch": "dev/mac1/fix-😀", "commit_sha": "0123abc", "meta": meta,
        }))
        .await;
    let started: DayStarted = day.of(201);
    assert_eq!(started.outcome, DayOutcome::Created);
    let session = day.json()["session"].clone();
    let fields = [
        ("agent", json!(agent.name)),
        ("client", json!("claude")),
        ("client_version", json!("2.1.329")),
        ("client_session_id", json!("9f0c")),
        ("host", json!("mac1.local")),
        ("venture", json!(agent.venture)),
        ("repo", json!(agent.repo)),
        ("track", json!(0)),
        ("issue_number", json!(87)),
        ("branch", json!("dev/mac1/fix-😀")),
        ("commit_sha", json!("0123abc")),
        ("status", json!("active")),
        ("ended_at", Value::Null),
        ("end_reason", Value::Null),
        ("final_handoff_id", Value::Null),
        ("meta", meta),
    ];
    for (field, value) in fields {
        assert_eq!(session[field], value, "{field}");
    }
    assert_eq!(started.session.created_at, started.session.last_heartbeat_at);
    assert_eq!(started.session.creation_correlation_id, started.correlation_id);
    assert_eq!(started.venture.code.as_str(), agent.venture);
    assert_eq!(started.last_handoff, None);
    let interval = started.heartbeat_interval_seconds;
    assert!((480..=720).contains(&interval), "{interval}");
    assert_eq!(started.next_heartbeat_at, started.session.created_at.plus_seconds(interval.into()));
}

#[tokio::test]
async fn a_second_start_resumes_the_session_and_keeps_the_fields_it_omits() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let first = agent.started_with(json!({ "branch": "a", "issue_number": 1, "meta": { "x": 1, "y": 2 } })).await;
    let day =
        agent.start_day(json!({ "commit_sha": "abcdef0", "issue_number": 2, "meta": { "y": null, "z": 3 } })).await;
    let second: DayStarted = day.of(200);
    assert_eq!(second.outcome, DayOutcome::Resumed);
    assert_eq!(second.session.id, first.session.id);
    assert_eq!(second.session.created_at, first.session.created_at);
    assert_eq!(second.session.creation_correlation_id, first.correlation_id);
    let session = &day.json()["session"];
    assert_eq!(session["branch"], "a");
    assert_eq!(session["issue_number"], 2);
    assert_eq!(session["commit_sha"], "abcdef0");
    assert_eq!(session["meta"], json!({ "x": 1, "z": 3 }));
}

#[tokio::test]
async fn no_track_and_track_0_and_track_1_are_three_sessions() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let tracks = [json!({}), json!({ "track": 0 }), json!({ "track": 1 })];
    let mut ids = Vec::new();
    for track in &tracks {
        ids.push(agent.started_with(track.clone()).await.session.id);
    }
    for (track, id) in tracks.iter().zip(&ids) {
        let again: DayStarted = agent.start_day(track.clone()).await.of(200);
        assert_eq!(again.session.id, *id, "{track}");
    }
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[tokio::test]
async fn each_agent_and_repository_has_its_own_session_and_null_equals_absent() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let here = agent.started_with(json!({ "track": null, "branch": null })).await.session;
    let other_agent = agent.colleague().started().await.session;
    let other_repo = agent.elsewhere().started().await.session;
    assert!(here.id != other_agent.id && here.id != other_repo.id && other_agent.id != other_repo.id);
    assert_eq!(here.track, None);
}

#[tokio::test]
async fn two_agents_on_one_repository_see_each_other_with_issue_and_branch() {
    let api = Api::start().await;
    let first = api.agent().await;
    let second = first.colleague();
    let alone = first.started_with(json!({ "issue_number": 87, "branch": "fix-87", "track": 0 })).await;
    assert_eq!((alone.active_sessions.total, alone.active_sessions.shown), (0, 0));
    let joined = second.start_day(json!({ "issue_number": 88, "branch": "fix-88" })).await;
    let _: DayStarted = joined.of(201);
    let others = &joined.json()["active_sessions"];
    assert_eq!((&others["total"], &others["shown"]), (&json!(1), &json!(1)));
    let seen = &others["items"][0];
    assert_eq!(seen["agent"], json!(first.name));
    assert_eq!((&seen["issue_number"], &seen["branch"], &seen["track"]), (&json!(87), &json!("fix-87"), &json!(0)));
    let again: DayStarted = first.start_day(json!({ "track": 0 })).await.of(200);
    assert_eq!(again.active_sessions.items[0].agent.as_str(), second.name);
}

#[tokio::test]
async fn an_agent_in_another_repository_of_the_venture_is_shown_and_one_of_another_venture_is_not() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let elsewhere = agent.colleague().elsewhere();
    elsewhere.started().await;
    api.agent().await.started().await;
    let day = agent.started().await;
    let seen: Vec<&str> = day.active_sessions.items.iter().map(|session| session.agent.as_str()).collect();
    assert_eq!(seen, [elsewhere.name]);
}

#[tokio::test]
async fn an_agents_own_other_sessions_are_not_listed_as_other_agents() {
    let api = Api::start().await;
    let agent = api.agent().await;
    agent.started_with(json!({ "track": 1, "branch": "main" })).await;
    agent.elsewhere().started().await;
    let colleague = agent.colleague();
    colleague.started().await;
    let others = agent.started_with(json!({ "branch": "main" })).await.active_sessions;
    let seen: Vec<&str> = others.items.iter().map(|session| session.agent.as_str()).collect();
    assert_eq!((seen, others.total, others.shown), (vec![colleague.name.as_str()], 1, 1));
    assert_eq!(colleague.elsewhere().started().await.active_sessions.total, 3, "a colleague sees all three sessions");
}

#[tokio::test]
async fn of_25_others_20_are_shown_and_25_are_counted() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for _ in 0..25 {
        agent.colleague().started().await;
    }
    let others = agent.started().await.active_sessions;
    assert_eq!((others.total, others.shown, others.items.len()), (25, 20, 20));
    assert!(
        others.items.is_sorted_by(|a, b| a.last_heartbeat_at >= b.last_heartbeat_at),
        "the agents are not sorted by their last heartbeat"
    );
}

#[tokio::test]
async fn an_agent_without_a_heartbeat_for_46_minutes_is_not_active() {
    let api = Api::start().await;
    let (agent, silent, slow) = {
        let agent = api.agent().await;
        (agent.clone(), agent.colleague(), agent.colleague())
    };
    let gone = silent.started().await.session.id;
    let late = slow.started().await.session.id;
    api.db_silence(&gone, 46).await;
    api.db_silence(&late, 44).await;
    assert_eq!(agent.session(&gone).await.status, SessionStatus::Abandoned);
    assert_eq!(agent.session(&late).await.status, SessionStatus::Active);
    let others = agent.started().await.active_sessions;
    assert_eq!(others.items.iter().map(|s| s.agent.as_str()).collect::<Vec<_>>(), [slow.name]);
    assert_eq!(others.total, 1);
    let stored = crate::sessions::marked_as_ended(&agent, &gone).await;
    assert_eq!(stored.status, SessionStatus::Abandoned);
}

#[tokio::test]
async fn an_agent_without_a_heartbeat_for_46_minutes_gets_a_new_session() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let old = agent.started().await.session.id;
    api.db_silence(&old, 46).await;
    let fresh = agent.started().await;
    assert_ne!(fresh.session.id, old);
    assert_eq!(fresh.active_sessions.total, 0, "the agent's own old session is not another agent");
    let old = agent.session(&old).await;
    assert_eq!((old.status, old.ended_at.is_some()), (SessionStatus::Abandoned, true));
}

#[tokio::test]
async fn a_new_session_does_not_list_the_agents_ended_session() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let first = agent.started().await.session.id;
    agent.ended(&first).await;
    let second = agent.started().await;
    assert_ne!(second.session.id, first);
    assert_eq!(second.active_sessions.total, 0);
    assert_eq!(agent.colleague().started().await.active_sessions.total, 1);
}

#[tokio::test]
async fn names_may_contain_dots() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let fields = json!({
        "agent": fresh("Toms-MacBook-Pro.local-claude"), "host": "Toms-MacBook-Pro.local", "repo": "example.org/alpha.js.v2",
    });
    let session = agent.started_with(fields).await.session;
    assert_eq!(session.host.as_str(), "Toms-MacBook-Pro.local");
    assert_eq!(session.repo.as_str(), "example.org/alpha.js.v2");
    assert_eq!(
        agent.started_with(json!({ "repo": "group/sub/.github" })).await.session.repo.as_str(),
        "group/sub/.github"
    );
}

#[tokio::test]
async fn a_venture_that_is_not_registered_is_named_and_nothing_is_recorded() {
    let api = Api::start().await;
    let agent = api.agent_nowhere();
    let ask = agent.ask_start_day(json!({}));
    agent.send(ask.clone()).await.problem_at(ErrorCode::VentureNotRegistered, &["/venture"]);
    let count = "select count(*) as n from sessions where agent = ?1";
    assert_eq!(api.db_count(count, json!([agent.name])).await, 0);
    agent.send(ask).await.problem(ErrorCode::VentureNotRegistered);
}

/// Copies a session `count` times for agents of their own, with an id of their own and a heartbeat of now.
async fn db_copy_session(api: &Api, session: &SessionId, count: u32) {
    let copy = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?2)
        insert into sessions (id, agent, client, host, venture, repo, track, issue_number, branch, created_at,
          last_heartbeat_at, actor_key_id, creation_correlation_id)
        select substr(s.id, 1, 27) || printf('%04d', i), s.agent || '-' || i, s.client, s.host, s.venture, s.repo, s.track,
          s.issue_number, s.branch, s.created_at, ?3, s.actor_key_id, s.creation_correlation_id from sessions s, n
        where s.id = ?1";
    api.db_execute(copy, json!([session, count, api.minutes_ago(0)])).await;
}

#[tokio::test]
async fn of_100_others_those_on_the_same_issue_branch_and_repository_come_first_and_are_counted() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let here = json!({ "issue_number": 87, "branch": "fix-auth" });
    let (issue, branch, repo, far) =
        (agent.colleague(), agent.colleague(), agent.colleague(), agent.colleague().elsewhere());
    let on_issue = issue.started_with(json!({ "issue_number": 87, "branch": "other" })).await.session.id;
    let on_branch = branch.started_with(json!({ "branch": "fix-auth" })).await.session.id;
    let in_repo = repo.started_with(json!({ "branch": "third" })).await.session.id;
    // The same numbers in another repository are another issue and another branch.
    let elsewhere = far.started_with(here.clone()).await.session.id;
    for (minutes, session) in [(30, &on_issue), (40, &on_branch), (20, &in_repo)] {
        api.db_silence(session, minutes).await;
    }
    db_copy_session(&api, &elsewhere, 57).await;
    let day = agent.started_with(here.clone()).await;
    let others = &day.active_sessions;
    assert_eq!((others.total, others.shown), (61, 20));
    let first: Vec<&SessionId> = others.items.iter().take(3).map(|session| &session.id).collect();
    assert_eq!(first, [&on_issue, &on_branch, &in_repo]);
    assert_eq!(day.active_counts, Some(ActiveCounts { same_issue: 1, same_branch: 1, same_repo: 3 }));
    db_copy_session(&api, &on_branch, 39).await;
    let resumed: DayStarted = agent.start_day(here).await.of(200);
    assert_eq!(resumed.active_counts, Some(ActiveCounts { same_issue: 1, same_branch: 40, same_repo: 42 }));
    let others = resumed.active_sessions;
    assert_eq!((others.total, others.shown), (100, 100), "no collision is left out");
    assert_eq!(others.items[0].id, on_issue);
    assert!(
        others.items[1..41]
            .iter()
            .all(|session| session.branch.as_ref().is_some_and(|name| name.as_str() == "fix-auth"))
    );
}
