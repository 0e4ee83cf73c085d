//! Filters that no index serves together. A page reads a limited number of records, so it may be shorter than its limit;
//! its cursor continues until every match was shown.

use deckwatch_protocol::{ErrorCode, Handoff, HandoffId, IssueNumber, Operation, Page, Session};
use deckwatch_tests::{Agent, Api, Caller, TestRequest};
use serde_json::json;

/// Inserts 2,000 handoffs of the agent's session. Only the oldest three are from `old`, on the issue 7.
async fn db_fill(api: &Api, agent: &Agent) {
    let session = agent.started().await.session.id;
    let sql = "with recursive n (i) as (select 0 union all select i + 1 from n where i < 1999)
        insert into handoffs (id, session_id, venture, repo, issue_number, from_agent, status_label, summary, payload_json,
          payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id, creation_correlation_id)
        select substr(?1, 1, 13) || printf('%016d', n.i), s.id, s.venture, s.repo, iif(n.i < 3, 7, 8),
          iif(n.i < 3, s.venture || '-old', s.venture || '-new'), 'done', 's', ?4, 'h', length(?4), 1, ?2, 'a', 'c'
        from sessions s, n where s.id = ?3";
    let at = api.minutes_ago(60);
    let payload = r#"{"accomplished":[],"blocked":[],"extra":{},"in_progress":[],"links":[],"next_steps":[]}"#;
    api.db_execute(sql, json!([HandoffId::mint(at, 0), at, session, payload])).await;
}

#[tokio::test]
async fn a_short_page_says_that_the_list_goes_on_and_its_cursor_reaches_every_match() {
    let api = Api::start().await;
    let agent = api.agent().await;
    db_fill(&api, &agent).await;
    // The index of the session finds all 2,000; the sender is checked.
    let session = api.db_query("select id from sessions where venture = ?1", json!([agent.venture])).await;
    let session = session[0]["id"].as_str().unwrap().to_owned();
    let filters = format!("session_id={session}&from_agent={}-old&limit=2", agent.venture);
    let (mut found, mut pages, mut cursor) = (Vec::new(), 0, None);
    loop {
        let after = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let ask = TestRequest::of(Operation::ListHandoffs).query(format!("{filters}{after}"));
        let page: Page<Handoff> = agent.send(ask).await.of(200);
        pages += 1;
        found.extend(page.items.into_iter().map(|handoff| handoff.id));
        assert!(page.total_is_minimum, "page {pages} has not read every record");
        let Some(next) = page.next_cursor else { break };
        cursor = Some(next);
    }
    assert_eq!(found.len(), 3);
    assert!(found.is_sorted_by(|a, b| a > b), "newest first: {found:?}");
    assert_eq!(pages, 5, "three pages of 600 records without a match, one with two matches, one with the last");
}

#[tokio::test]
async fn the_latest_handoff_is_not_said_to_be_missing_if_older_ones_were_not_read() {
    let api = Api::start().await;
    let agent = api.agent().await;
    db_fill(&api, &agent).await;
    let latest = async |filters: String| agent.send(TestRequest::of(Operation::LatestHandoff).query(filters)).await;
    let venture = &agent.venture;
    let problem = latest(format!("from_agent={venture}-new&issue_number=7&venture={venture}")).await;
    // The index of the issue finds three handoffs, so it is known that none matches.
    assert!(problem.problem(ErrorCode::HandoffNotFound).detail.contains("No handoff matches"));
    let repo = format!("venture={venture}&repo={}", agent.repo);
    assert_eq!(latest(repo.clone()).await.of::<Handoff>(200).issue_number.map(IssueNumber::get), Some(8));
    let blocked = latest(format!("{repo}&status=blocked")).await.problem(ErrorCode::HandoffNotFound);
    assert!(blocked.detail.contains("older ones were not read"), "{}", blocked.detail);
}

#[tokio::test]
async fn a_list_of_recently_active_sessions_ends() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    // Older sessions of the venture that ended long ago.
    let sql = "with recursive n (i) as (select 0 union all select i + 1 from n where i < 1499)
        insert into sessions (id, agent, client, host, venture, repo, status, created_at, last_heartbeat_at, ended_at,
          end_reason, actor_key_id, creation_correlation_id)
        select printf('sess_00%010d%s', n.i, substr(s.id, 17)), s.agent, s.client, s.host, s.venture, s.repo, 'ended',
          '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.000Z', 'manual', 'a', 'c'
        from sessions s, n where s.id = ?1";
    api.db_execute(sql, json!([session])).await;
    for filters in [format!("active_since={}", api.minutes_ago(5)), "status=active".to_owned()] {
        let ask = TestRequest::of(Operation::ListSessions).query(format!("venture={}&{filters}", agent.venture));
        let page: Page<Session> = agent.send(ask).await.of(200);
        assert_eq!(page.items.iter().map(|item| &item.id).collect::<Vec<_>>(), [&session], "{filters}");
        // Other tests of a shared engine may have more active sessions than the list looks for.
        if !api.is_worker() {
            assert_eq!((page.next_cursor, page.total, page.total_is_minimum), (None, 1, false), "{filters}");
        }
    }
}
