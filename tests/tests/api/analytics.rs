//! Analytics of a time window. The tests move the times of records, so that the results are known.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use deckwatch_protocol::{Analytics, ErrorCode, Escalations, HandoffId, Operation, Timestamp};
use deckwatch_tests::{Agent, Api, Caller, TestRequest};
use serde_json::json;

async fn figures(agent: &Agent, query: &str) -> Analytics {
    let ask = TestRequest::of(Operation::SessionAnalytics).query(format!("venture={}{query}", agent.venture));
    agent.send(ask).await.of(200)
}

/// Creates three sessions an hour ago: one ended after 10 minutes with a blocked handoff; one became silent after 20
/// minutes and has no handoff; one is active and has made a handoff 30 minutes after the first.
async fn three_sessions(api: &Api, agent: &Agent) {
    let ended = agent.started().await.session.id;
    let blocked = agent.end_day(&ended, json!({ "status": "blocked" })).await.of::<deckwatch_protocol::DayEnded>(200);
    let silent = agent.colleague().started().await.session.id;
    let alive = agent.colleague().started().await.session.id;
    let resolved: deckwatch_protocol::Handoff = agent.create_handoff(&alive, json!({ "status": "done" })).await.of(201);
    let start = api.minutes_ago(60);
    let at = |minutes: i64| start.plus_seconds(minutes * 60);
    api.db_execute("update sessions set created_at = ?1, ended_at = ?2 where id = ?3", json!([at(0), at(10), ended]))
        .await;
    let silence = "update sessions set created_at = ?1, last_heartbeat_at = ?2, ended_at = ?2, status = 'abandoned',
                   end_reason = 'stale' where id = ?3";
    api.db_execute(silence, json!([at(0), at(20), silent])).await;
    let moved = "update handoffs set created_at = ?1 where id = ?2";
    api.db_execute(moved, json!([at(10), blocked.handoff.id])).await;
    api.db_execute(moved, json!([at(40), resolved.id])).await;
}

#[tokio::test]
async fn the_analytics_describe_the_sessions() {
    let api = Api::start().await;
    let agent = api.agent().await;
    three_sessions(&api, &agent).await;
    let analytics = figures(&agent, "").await;
    let totals = &analytics.totals;
    assert_eq!((totals.sessions, totals.active, totals.ended, totals.abandoned), (3, 1, 1, 1));
    assert_eq!(totals.average_duration_seconds, Some(900.0), "10 and 20 minutes");
    assert_eq!(totals.share_without_handoff, Some(0.5), "one of the two sessions that are over has no handoff");
    assert_eq!((totals.handoffs, totals.handoffs_per_session), (2, Some(0.667)));
    assert_eq!(totals.blocked_ratio, Some(0.5));
    assert_eq!(totals.average_resolution_seconds, Some(1800.0), "from minute 10 to minute 40");
}

#[tokio::test]
async fn every_venture_agent_and_day_has_its_own_analytics() {
    let api = Api::start().await;
    let agent = api.agent().await;
    three_sessions(&api, &agent).await;
    let analytics = figures(&agent, "").await;
    assert_eq!((analytics.by_venture.total, analytics.by_venture.shown), (1, 1));
    assert_eq!(analytics.by_venture.items[0].key, agent.venture);
    assert_eq!(analytics.by_venture.items[0].figures, analytics.totals);
    assert_eq!(analytics.by_agent.items.len(), 3);
    let mine = analytics.by_agent.items.iter().find(|figures| figures.key == agent.name).unwrap();
    assert_eq!((mine.figures.sessions, mine.figures.handoffs, mine.figures.blocked_ratio), (1, 1, Some(1.0)));
    let of_days: u32 = analytics.by_day.items.iter().map(|day| day.figures.sessions).sum();
    assert_eq!(of_days, 3);
    let alone = figures(&agent, &format!("&agent={}", agent.name)).await;
    assert_eq!((alone.totals.sessions, alone.by_agent.total), (1, 1));
}

#[tokio::test]
async fn records_outside_the_window_are_not_counted() {
    let api = Api::start().await;
    let agent = api.agent().await;
    agent.started().await;
    let now = api.minutes_ago(0).plus_seconds(5);
    let earlier = figures(&agent, &format!("&since={}&until={}", api.minutes_ago(120), api.minutes_ago(60))).await;
    assert_eq!((earlier.totals.sessions, earlier.totals.share_without_handoff), (0, None));
    assert_eq!((earlier.by_venture.total, earlier.by_day.total), (0, 0));
    assert!(earlier.by_venture.items.is_empty() && earlier.by_day.items.is_empty());
    assert_eq!(figures(&agent, &format!("&until={now}")).await.totals.sessions, 1);
}

#[tokio::test]
async fn a_window_has_a_start_an_end_and_a_maximum_length() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let refused = [
        "since=2026-11-21T00:00:00Z&until=2026-11-21T00:00:00Z",
        "since=2026-01-01T00:00:00Z&until=2026-11-21T00:00:00Z",
        "since=yesterday",
        "since=9999-12-31T00:00:00Z",
    ];
    for query in refused {
        let ask = TestRequest::of(Operation::SessionAnalytics).query(query);
        agent.send(ask).await.problem_at(ErrorCode::InvalidRequest, &["/since"]);
    }
}

/// Inserts handoffs of one session in the agent's venture: (minute after `start`, track, agent, status).
async fn db_insert_handoffs(api: &Api, agent: &Agent, start: Timestamp, handoffs: &[(i64, Option<u32>, &str, &str)]) {
    let session = agent.started().await.session.id;
    let insert = "
        insert into handoffs (id, session_id, venture, repo, track, from_agent, status_label, summary, payload_json,
          payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id, creation_correlation_id)
        select ?1, s.id, s.venture, s.repo, cast(?2 as integer), ?3, ?4, 's', '{}', 'h', 2, 1, ?5, 'a', 'c'
        from sessions s where s.id = ?6";
    // Tests that share a database may begin in the same millisecond.
    let mut own = DefaultHasher::new();
    agent.name.hash(&mut own);
    for (n, (minute, track, from, status)) in (0..).zip(handoffs) {
        let at = start.plus_seconds(minute * 60);
        let id = HandoffId::mint(at, u128::from(own.finish()) << 8 | n);
        api.db_execute(insert, json!([id, track, from, status, at, session])).await;
    }
}

#[tokio::test]
async fn a_blocked_handoff_is_resolved_by_the_next_one_on_its_track_that_is_not_blocked() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let start = api.minutes_ago(300);
    let handoffs = [
        // Three in a row, all resolved by one handoff of another agent: after 40, 30 and 20 minutes.
        (0, None, "a", "blocked"),
        (10, None, "b", "blocked"),
        (20, None, "a", "blocked"),
        // On another track, so it resolves none of the three.
        (30, Some(1), "a", "done"),
        (40, None, "c", "in_progress"),
        // Resolved after 10 minutes.
        (45, Some(2), "a", "blocked"),
        (55, Some(2), "a", "ready"),
        // Never resolved.
        (60, Some(1), "a", "blocked"),
        (61, Some(1), "a", "blocked"),
        // The resolution is after the end of the window, in the second hour.
        (70, None, "a", "blocked"),
        (130, None, "a", "done"),
    ];
    db_insert_handoffs(&api, &agent, start, &handoffs).await;
    let until = |minutes: i64| format!("&since={start}&until={}", start.plus_seconds(minutes * 60));
    let first_two_hours = figures(&agent, &until(120)).await.totals;
    assert_eq!((first_two_hours.handoffs, first_two_hours.blocked_ratio), (10, Some(0.7)));
    assert_eq!(first_two_hours.average_resolution_seconds, Some(1500.0), "40, 30, 20 and 10 minutes");
    assert_eq!(figures(&agent, &until(131)).await.totals.average_resolution_seconds, Some(1920.0), "and 60");
    assert_eq!(
        figures(&agent, &until(40)).await.totals.average_resolution_seconds,
        None,
        "the window does not include its end"
    );
    let of_one = figures(&agent, &format!("{}&agent=b", until(120))).await.totals;
    assert_eq!(
        (of_one.handoffs, of_one.average_resolution_seconds),
        (1, Some(1800.0)),
        "any agent can resolve a blocked handoff"
    );
}

#[tokio::test]
async fn a_truncated_list_has_the_total() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let start = api.minutes_ago(300);
    let names: Vec<String> = (0..130).map(|n| format!("agent-{n:03}")).collect();
    let mut handoffs: Vec<_> = names.iter().map(|name| (1, None, name.as_str(), "done")).collect();
    handoffs.push((1, None, "agent-129", "done"));
    db_insert_handoffs(&api, &agent, start, &handoffs).await;
    let until = start.plus_seconds(600);
    let analytics = figures(&agent, &format!("&since={start}&until={until}")).await;
    let by_agent = analytics.by_agent;
    assert_eq!((by_agent.total, by_agent.shown, by_agent.items.len()), (130, 100, 100));
    assert!(!by_agent.total_is_minimum);
    assert_eq!((by_agent.items[0].key.as_str(), by_agent.items[0].figures.handoffs), ("agent-129", 2), "the busiest");
    assert_eq!(by_agent.items[99].key, "agent-098");
    assert_eq!((analytics.by_venture.total, analytics.by_day.total, analytics.by_day.shown), (1, 1, 1));
}

#[tokio::test]
async fn escalations_are_counted_by_their_reason() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let colleague = agent.colleague();
    let mine = agent.started().await.session.id;
    let theirs = colleague.started().await.session.id;
    let escalation = |reason: &str| json!({ "status": "blocked", "extra": { "escalation": reason, "cost": 1 } });
    for reason in ["credential", "same_error", "same_error", "other"] {
        agent.create_handoff(&mine, escalation(reason)).await.of::<deckwatch_protocol::Handoff>(201);
    }
    // A blocked handoff is no escalation by itself.
    agent.create_handoff(&mine, json!({ "status": "blocked" })).await.of::<deckwatch_protocol::Handoff>(201);
    colleague.end_day(&theirs, escalation("time_box")).await.of::<deckwatch_protocol::DayEnded>(200);
    let analytics = figures(&agent, "").await;
    let all = Escalations { total: 5, credential: 1, same_error: 2, time_box: 1, other: 1 };
    assert_eq!((analytics.totals.handoffs, analytics.totals.escalations), (6, all));
    let of_one = figures(&agent, &format!("&agent={}", colleague.name)).await;
    let one = Escalations { total: 1, time_box: 1, ..Escalations::default() };
    assert_eq!(of_one.totals.escalations, one);
    for groups in [&analytics.by_venture, &analytics.by_agent, &analytics.by_day] {
        let total: u32 = groups.items.iter().map(|group| group.figures.escalations.total).sum();
        assert_eq!(total, 5, "{groups:?}");
    }
    let before = figures(&agent, &format!("&since={}&until={}", api.minutes_ago(120), api.minutes_ago(60))).await;
    assert_eq!(before.totals.escalations, Escalations::default());
}

#[tokio::test]
async fn an_escalation_has_a_known_reason_and_the_status_blocked() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    for (status, reason) in [
        ("blocked", json!("tired")),
        ("blocked", json!(null)),
        ("blocked", json!({ "reason": "time_box" })),
        ("in_progress", json!("time_box")),
    ] {
        let handoff = json!({ "status": status, "extra": { "escalation": reason } });
        let answer = agent.create_handoff(&session, handoff.clone()).await;
        answer.problem_at(ErrorCode::InvalidRequest, &["/handoff/extra/escalation"]);
        let answer = agent.end_day(&session, handoff).await;
        answer.problem_at(ErrorCode::InvalidRequest, &["/handoff/extra/escalation"]);
    }
    assert_eq!(figures(&agent, "").await.totals.handoffs, 0);
    // Any other field may have any content, also one of this name at another place.
    let free = json!({ "status": "done", "extra": { "deep": { "escalation": 7 } } });
    agent.create_handoff(&session, free).await.of::<deckwatch_protocol::Handoff>(201);
    assert_eq!(figures(&agent, "").await.totals.escalations, Escalations::default());
}

#[tokio::test]
async fn a_field_of_this_name_from_before_is_not_an_escalation() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let start = api.minutes_ago(300);
    let before = [(0, None, "a", "blocked"), (1, None, "a", "blocked"), (2, None, "a", "done")];
    db_insert_handoffs(&api, &agent, start, &before).await;
    for (minute, extra) in [(0, r#"{"extra":{"escalation":"asked Ana"}}"#), (1, r#"{"extra":{"escalation":{"a":1}}}"#)]
    {
        let at = start.plus_seconds(minute * 60);
        let change = "update handoffs set payload_json = ?1, payload_size_bytes = cast(?2 as integer)
                      where venture = ?3 and created_at = ?4";
        api.db_execute(change, json!([extra, extra.len(), agent.venture, at])).await;
    }
    let analytics = figures(&agent, &format!("&since={start}&until={}", start.plus_seconds(600))).await;
    assert_eq!((analytics.totals.handoffs, analytics.totals.escalations), (3, Escalations::default()));
}
