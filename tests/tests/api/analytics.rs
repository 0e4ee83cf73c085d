//! Figures of a window of time, from records whose times are moved so that the figures are known.

use deckwatch_protocol::{Analytics, ErrorCode, Operation};
use deckwatch_tests::{Agent, Api, Ask, Caller};
use serde_json::json;

async fn figures(agent: &Agent, query: &str) -> Analytics {
    let ask = Ask::of(Operation::SessionAnalytics).query(format!("venture={}{query}", agent.venture));
    agent.send(ask).await.of(200)
}

/// Three sessions of an hour ago: one ended after 10 minutes with a blocked handoff, one fell silent after 20
/// without any, one is alive and has handed off, 30 minutes after the first.
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
async fn the_figures_say_how_the_sessions_went() {
    let api = Api::start().await;
    let agent = api.agent().await;
    three_sessions(&api, &agent).await;
    let analytics = figures(&agent, "").await;
    let totals = &analytics.totals;
    assert_eq!((totals.sessions, totals.active, totals.ended, totals.abandoned), (3, 1, 1, 1));
    assert_eq!(totals.average_duration_seconds, Some(900.0), "10 and 20 minutes");
    assert_eq!(totals.share_without_handoff, Some(0.5), "one of the two that are over");
    assert_eq!((totals.handoffs, totals.handoffs_per_session), (2, Some(0.667)));
    assert_eq!(totals.blocked_ratio, Some(0.5));
    assert_eq!(totals.average_resolution_seconds, Some(1800.0), "from minute 10 to minute 40");
}

#[tokio::test]
async fn every_venture_agent_and_day_has_figures_of_its_own() {
    let api = Api::start().await;
    let agent = api.agent().await;
    three_sessions(&api, &agent).await;
    let analytics = figures(&agent, "").await;
    assert_eq!(analytics.by_venture.len(), 1);
    assert_eq!(analytics.by_venture[0].key, agent.venture);
    assert_eq!(analytics.by_venture[0].figures, analytics.totals);
    assert_eq!(analytics.by_agent.len(), 3);
    let mine = analytics.by_agent.iter().find(|figures| figures.key == agent.name).unwrap();
    assert_eq!((mine.figures.sessions, mine.figures.handoffs, mine.figures.blocked_ratio), (1, 1, Some(1.0)));
    let of_days: u32 = analytics.by_day.iter().map(|day| day.figures.sessions).sum();
    assert_eq!(of_days, 3);
    let alone = figures(&agent, &format!("&agent={}", agent.name)).await;
    assert_eq!((alone.totals.sessions, alone.by_agent.len()), (1, 1));
}

#[tokio::test]
async fn what_lies_outside_the_window_is_not_counted() {
    let api = Api::start().await;
    let agent = api.agent().await;
    agent.started().await;
    let now = api.minutes_ago(0).plus_seconds(5);
    let earlier = figures(&agent, &format!("&since={}&until={}", api.minutes_ago(120), api.minutes_ago(60))).await;
    assert_eq!((earlier.totals.sessions, earlier.totals.share_without_handoff), (0, None));
    assert!(earlier.by_venture.is_empty() && earlier.by_day.is_empty());
    assert_eq!(figures(&agent, &format!("&until={now}")).await.totals.sessions, 1);
}

#[tokio::test]
async fn a_window_has_a_beginning_an_end_and_a_longest_length() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let refused = [
        "since=2026-11-21T00:00:00Z&until=2026-11-21T00:00:00Z",
        "since=2026-01-01T00:00:00Z&until=2026-11-21T00:00:00Z",
        "since=yesterday",
        "since=9999-12-31T00:00:00Z",
    ];
    for query in refused {
        let ask = Ask::of(Operation::SessionAnalytics).query(query);
        agent.send(ask).await.problem_at(ErrorCode::InvalidRequest, &["/since"]);
    }
}
