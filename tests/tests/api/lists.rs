//! Lists: limits, cursors, counts.

use std::collections::BTreeSet;

use deckwatch_protocol::{ErrorCode, Operation, Page, Session};
use deckwatch_tests::{Agent, Api, Caller, TestRequest, a_moment_later};
use serde_json::json;

const LISTS: [Operation; 3] = [Operation::ListSessions, Operation::ListHandoffs, Operation::ListVentures];

async fn page(agent: &Agent, query: String) -> Page<Session> {
    agent.send(TestRequest::of(Operation::ListSessions).query(query)).await.of(200)
}

#[tokio::test]
async fn a_bad_limit_or_cursor_is_named() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let long = format!("cursor={}", "c".repeat(3001));
    let bad = [
        ("limit=0", "/limit"),
        ("limit=-1", "/limit"),
        ("limit=101", "/limit"),
        ("limit=x", "/limit"),
        ("limit=", "/limit"),
        ("limit=NaN", "/limit"),
        ("limit=1e1", "/limit"),
        ("limit=%2B5", "/limit"),
        ("limit=5.0", "/limit"),
        ("limit=99999999999999999999", "/limit"),
        ("limit=%F0%9F%98%80", "/limit"),
        ("limit=1&limit=2", "/limit"),
        ("cursor=", "/cursor"),
        ("cursor=%27%3B--", "/cursor"),
        ("cursor=%F0%9F%98%80", "/cursor"),
        (&long, "/cursor"),
        ("nonsense=1", "/nonsense"),
        ("Limit=1", "/Limit"),
    ];
    for operation in LISTS {
        for (query, pointer) in bad {
            agent.send(TestRequest::of(operation).query(query)).await.problem_at(ErrorCode::InvalidRequest, &[pointer]);
        }
        agent.send(TestRequest::of(operation).query("limit=x&cursor=%00")).await.problem(ErrorCode::InvalidRequest);
        agent.send(TestRequest::of(operation).query("x".repeat(20_000))).await.problem(ErrorCode::InvalidRequest);
    }
}

#[tokio::test]
async fn all_invalid_filters_are_named_together() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let sessions = "venture=Upper&repo=x&agent=a+b&track=-1&status=gone&active_since=yesterday&limit=0";
    let named = ["/venture", "/repo", "/agent", "/track", "/status", "/active_since", "/limit"];
    let ask = TestRequest::of(Operation::ListSessions).query(sessions);
    agent.send(ask).await.problem_at(ErrorCode::InvalidRequest, &named);
    let handoffs = "venture=Upper&repo=x&track=NaN&issue_number=0&from_agent=-&to_agent=%20&status=x&session_id=ho_1";
    let named = ["/venture", "/repo", "/track", "/issue_number", "/from_agent", "/to_agent", "/status", "/session_id"];
    for operation in [Operation::ListHandoffs, Operation::LatestHandoff] {
        agent.send(TestRequest::of(operation).query(handoffs)).await.problem_at(ErrorCode::InvalidRequest, &named);
    }
    let limited = TestRequest::of(Operation::LatestHandoff).query("limit=1");
    agent.send(limited).await.problem_at(ErrorCode::InvalidRequest, &["/limit"]);
}

#[tokio::test]
async fn pages_contain_every_session_once_while_new_ones_are_added() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let mut there = BTreeSet::new();
    for _ in 0..23 {
        there.insert(agent.colleague().started().await.session.id);
    }
    a_moment_later().await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = page(&agent, format!("venture={}&limit=5{cursor}", agent.venture)).await;
        assert!(page.items.len() <= 5);
        assert_eq!(
            usize::try_from(page.total).unwrap(),
            there.len() + seen.len() / 5,
            "the total must count all sessions"
        );
        seen.extend(page.items.into_iter().map(|session| session.id));
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={next}");
        agent.colleague().started().await;
    }
    assert!(seen.is_sorted_by(|newer, older| newer > older), "the list has a duplicate, or is not sorted newest first");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), there);
}

#[tokio::test]
async fn a_full_last_page_has_no_cursor() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for _ in 0..4 {
        agent.colleague().started().await;
    }
    for (limit, more) in [(3, true), (4, false), (5, false), (100, false)] {
        let page = page(&agent, format!("venture={}&limit={limit}", agent.venture)).await;
        assert_eq!((page.next_cursor.is_some(), page.total, page.total_is_minimum), (more, 4, false), "limit {limit}");
    }
}

#[tokio::test]
async fn an_empty_list_has_the_total_0() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let page = page(&agent, format!("venture={}", agent.venture)).await;
    assert_eq!((page.items.len(), page.total, page.next_cursor), (0, 0, None));
}

#[tokio::test]
async fn the_default_limit_is_20() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for _ in 0..21 {
        agent.colleague().started().await;
    }
    let shown = page(&agent, format!("venture={}", agent.venture)).await;
    assert_eq!((shown.items.len(), shown.total), (20, 21));
}

/// Copies a session of the venture until there are `more` copies.
async fn db_multiply_sessions(api: &Api, agent: &Agent, more: u32) {
    let copy = "
        with recursive n (i) as (select 1 union all select i + 1 from n where i < ?2)
        insert into sessions (id, agent, client, host, venture, repo, status, created_at, last_heartbeat_at,
          actor_key_id, creation_correlation_id)
        select substr(s.id, 1, 21) || printf('%010d', n.i), s.agent || '-' || n.i, s.client, s.host, s.venture, s.repo,
          s.status, s.created_at, s.last_heartbeat_at, s.actor_key_id, s.creation_correlation_id
        from sessions s, n where s.venture = ?1 and s.agent = ?3";
    api.db_execute(copy, json!([agent.venture, more, agent.name])).await;
}

#[tokio::test]
async fn a_count_is_exact_up_to_750_and_a_minimum_beyond() {
    let api = Api::start().await;
    let agent = api.agent().await;
    agent.started().await;
    db_multiply_sessions(&api, &agent, 749).await;
    let all = format!("venture={}&limit=1", agent.venture);
    let exact = page(&agent, all.clone()).await;
    assert_eq!((exact.total, exact.total_is_minimum), (750, false));
    agent.colleague().started().await;
    let least = page(&agent, all).await;
    assert_eq!((least.total, least.total_is_minimum), (750, true));
}

#[tokio::test]
async fn a_day_counts_up_to_100_other_sessions_and_says_when_there_are_more() {
    let api = Api::start().await;
    let agent = api.agent().await;
    agent.started().await;
    db_multiply_sessions(&api, &agent, 99).await;
    // The session of the new day is one of those that are read.
    let exact = agent.colleague().started().await.active_sessions;
    assert_eq!((exact.total, exact.total_is_minimum, exact.shown), (100, false, 20));
    let least = agent.colleague().started().await.active_sessions;
    assert_eq!((least.total, least.total_is_minimum, least.shown), (100, true, 20));
}

/// Every list with filters under which it has more than one item, and one under which it is another list.
fn lists_of(agent: &Agent) -> Vec<(TestRequest, String, String)> {
    let venture = format!("venture={}", agent.venture);
    let of = |operation, more: &str| (TestRequest::of(operation), venture.clone(), format!("{venture}&{more}"));
    vec![
        of(Operation::ListSessions, "status=active"),
        of(Operation::ListHandoffs, "track=1"),
        of(Operation::ListNotes, "archived=false"),
        (TestRequest::of(Operation::ListNotes), format!("{venture}&q=zanzibar"), format!("{venture}&q=zanzibars")),
        of(Operation::ListRequirements, "limit=1&cursor=x"),
        (TestRequest::of(Operation::ListVentures), String::new(), "nonsense=1".to_owned()),
    ]
}

#[tokio::test]
async fn a_cursor_works_for_the_list_and_the_filters_that_it_came_from() {
    let api = Api::start().await;
    let agent = api.agent().await;
    api.agent().await;
    let session = agent.started().await.session.id;
    agent.colleague().started().await;
    for n in 0..2 {
        assert_eq!(agent.create_handoff(&session, json!({})).await.status, 201);
        let note = json!({ "title": format!("{n}"), "content": "zanzibar", "venture": agent.venture });
        assert_eq!(agent.send(TestRequest::of(Operation::CreateNote).json(&note)).await.status, 201);
    }
    let mut cursors = Vec::new();
    for (ask, filters, _) in lists_of(&agent) {
        let page = agent.send(ask.query(format!("{filters}&limit=1"))).await;
        let cursor = page.json()["next_cursor"].as_str().expect("a next page").to_owned();
        assert!(!cursor.contains(' ') && cursor.len() <= 3000);
        cursors.push(cursor);
    }
    for (n, (ask, filters, other)) in lists_of(&agent).into_iter().enumerate() {
        for (m, cursor) in cursors.iter().enumerate() {
            let answer = agent.send(ask.clone().query(format!("cursor={cursor}&{filters}&limit=2"))).await;
            if n == m {
                assert_eq!(answer.status, 200, "{filters}");
                continue;
            }
            answer.problem_at(ErrorCode::InvalidRequest, &["/cursor"]);
        }
        if !other.contains("cursor") {
            let answer = agent.send(ask.query(format!("{other}&cursor={}", cursors[n]))).await;
            let problem = answer.problem(ErrorCode::InvalidRequest);
            assert!(problem.errors.iter().any(|error| error.pointer == "/cursor"), "{other}");
        }
    }
}

#[tokio::test]
async fn no_cursor_makes_the_api_panic() {
    let api = Api::start().await;
    let agent = api.agent().await;
    agent.started().await;
    agent.colleague().started().await;
    let first =
        agent.send(TestRequest::of(Operation::ListSessions).query(format!("venture={}&limit=1", agent.venture))).await;
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    let (mark, _) = cursor.split_once('.').unwrap();
    for hostile in [
        mark.to_owned(),
        format!("{mark}."),
        format!("{mark}.%27--"),
        format!("{mark}.{}", "9".repeat(4000)),
        format!("{mark}%F0%9F%98%80.x"),
        format!("x{cursor}"),
        format!("{}{}", if cursor.starts_with('0') { '1' } else { '0' }, &cursor[1..]),
        "%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80".to_owned(),
    ] {
        let ask = TestRequest::of(Operation::ListSessions).query(format!("venture={}&cursor={hostile}", agent.venture));
        agent.send(ask).await.problem_at(ErrorCode::InvalidRequest, &["/cursor"]);
    }
    for odd in ["sess_", "0", "s.FBB", "sess_zzzz"] {
        let ask =
            TestRequest::of(Operation::ListSessions).query(format!("venture={}&cursor={mark}.{odd}", agent.venture));
        assert_eq!(agent.send(ask).await.status, 200, "a place of one's own making only starts the page elsewhere");
    }
}
