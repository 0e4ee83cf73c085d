//! The rows that D1 reads and writes for a request, as D1 itself counts them. D1 charges for each. SQLite does not count
//! rows, so these tests run only on the Worker.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use deckwatch_protocol::operation::{Effect, Tier};
use deckwatch_protocol::{DayStarted, MintedToken, Operation, Session};
use deckwatch_tests::{Agent, Api, Caller, KeyCaller, Response, TestRequest};
use serde_json::json;

use crate::examples::ExampleRecords;
use crate::filters_of_lists::{lists, queries};
use crate::many_records::{db_fill_claims, db_fill_notes};

pub(crate) const SKIPPED: &str = "skipped: only D1 counts the rows of a request";

/// The most rows that any operation reads, whatever is stored.
pub(crate) const MAX_READ: u64 = 1_000;

/// The rows read and written for the request of a response.
pub(crate) fn rows(response: &Response) -> (u64, u64) {
    let count = |header| response.header(header).and_then(|text| text.parse().ok()).expect("the Worker counts rows");
    (count("x-rows-read"), count("x-rows-written"))
}

pub(crate) fn note(agent: &Agent, tags: &[&str]) -> TestRequest {
    let note = json!({ "title": "The plan", "content": "some words", "tags": tags, "venture": agent.venture });
    TestRequest::of(Operation::CreateNote).json(&note)
}

#[tokio::test]
async fn the_requests_of_a_day_write_few_rows() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let agent = api.agent().await;
    let started = agent.start_day(json!({})).await;
    let session = started.of::<DayStarted>(201).session.id;
    let resumed = agent.start_day(json!({})).await;
    let heartbeat = agent.heartbeat(&session).await;
    let note = agent.send(note(&agent, &["strategy", "plan"])).await;
    let read = agent.send(TestRequest::of(Operation::ListSessions).query(format!("venture={}", agent.venture))).await;
    let ended = agent.end_day(&session, json!({})).await;
    let on_track = agent.started_with(json!({ "track": 1, "issue_number": 87 })).await.session.id;
    let updated = agent.update_session(&on_track, json!({ "branch": "fix", "issue_number": 88, "meta": {} })).await;
    let moved = agent.update_session(&on_track, json!({ "branch": "fix-2", "track": 2 })).await;
    let handoff = agent.create_handoff(&on_track, json!({ "to_agent": "mac2-codex-1" })).await;
    let ended_on_track = agent.end_day(&on_track, json!({ "to_agent": "mac2-codex-1" })).await;
    let replayed = {
        let ask = agent.ask_start_day(json!({})).key("a-key-of-the-row-counts");
        agent.send(ask.clone()).await.of::<DayStarted>(201);
        agent.send(ask).await
    };
    let left = agent.started_with(json!({ "track": 3 })).await.session;
    let leave = TestRequest::of(Operation::LeaveSession).with(&left.id);
    agent.send(leave.json(&json!({ "last_heartbeat_at": left.last_heartbeat_at }))).await.of::<Session>(200);
    let revived = agent.heartbeat(&left.id).await;
    let mut documented = String::from("| request | rows written |\n|---|---|\n");
    for (request, response) in [
        ("a read", &read),
        ("a replay", &replayed),
        ("heartbeat", &heartbeat),
        ("heartbeat of an abandoned session", &revived),
        ("start of a day with a new session", &started),
        ("start of a day that resumes", &resumed),
        ("change of a session", &updated),
        ("change of a session, to another track", &moved),
        ("end of a day with a handoff", &ended),
        ("end of a day with a handoff to an agent, with an issue and a track", &ended_on_track),
        ("handoff to an agent during the day, with an issue and a track", &handoff),
        ("note with two tags", &note),
    ] {
        assert!(response.status < 300, "{request}: {response}");
        writeln!(documented, "| {request} | {} |", rows(response).1).unwrap();
    }
    let operations = include_str!("../../../docs/operations.md").replace("\r\n", "\n");
    assert!(operations.contains(&documented), "docs/operations.md must contain\n{documented}");
}

#[tokio::test]
async fn every_operation_reads_and_writes_few_rows() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let records = ExampleRecords::on(api).await;
    let mut too_many = Vec::new();
    for operation in Operation::ALL {
        let response = records.send(*operation, records.good(*operation)).await;
        let (read, written) = rows(&response);
        println!("{}: {read} rows read, {written} written", operation.id());
        let most = match operation.effect() {
            Effect::Read => 2,
            Effect::Touch => 8,
            Effect::Write => 16,
        };
        if written > most || read > MAX_READ {
            too_many.push(format!("{}: {read} rows read, {written} written", operation.id()));
        }
    }
    assert!(too_many.is_empty(), "{too_many:?}");
}

#[tokio::test]
async fn every_filter_and_every_pair_of_filters_reads_few_rows_whatever_is_stored() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    db_fill(&api).await;
    let token =
        json!({ "name": "many", "scopes": ["context"], "venture": "many-0", "rate_limit_per_minute": 1_000_000 });
    let token: MintedToken = api.admin().send(TestRequest::of(Operation::CreateToken).json(&token)).await.of(201);
    let restricted = KeyCaller::of(&api, token.token.as_str());
    let mut most: BTreeMap<String, u64> = BTreeMap::new();
    let mut too_many = Vec::new();
    let mut count = |operation: Operation, query: &str, response: &Response| {
        let (read, _) = rows(response);
        let is_answer = response.status < 300 || [403, 404].contains(&response.status);
        if !is_answer || read > MAX_READ {
            too_many.push(format!("{} {query}: status {}, {read} rows read", operation.id(), response.status));
        }
        let so_far = most.entry(operation.id().to_owned()).or_default();
        *so_far = read.max(*so_far);
    };
    for (operation, filters, others) in lists() {
        let more = match operation {
            Operation::SessionAnalytics => "&since=2026-01-01T00:00:00Z&until=2026-03-01T00:00:00Z",
            _ if others.contains("limit") => "&limit=100",
            _ => "",
        };
        let all: Vec<String> = filters.iter().map(|(name, [one, _])| format!("{name}={one}")).collect();
        let all = (operation == Operation::ListHandoffs).then(|| all.join("&"));
        for query in queries(&filters).into_iter().chain(all) {
            let query = format!("{query}{more}");
            let ask = TestRequest::of(operation).query(&query);
            let first = api.admin().send(ask.clone()).await;
            count(operation, &query, &first);
            if let Some(cursor) =
                first.status.eq(&200).then(|| first.json()["next_cursor"].as_str().map(str::to_owned)).flatten()
            {
                let query = format!("{query}&cursor={cursor}");
                count(operation, &query, &api.admin().send(TestRequest::of(operation).query(&query)).await);
            }
            if operation.tier() != Tier::Admin {
                count(operation, &format!("with a token, {query}"), &restricted.send(ask).await);
            }
        }
    }
    println!("rows read at most: {most:?}");
    assert!(too_many.is_empty(), "{}", too_many.join("\n"));
}

/// A venture with 20 documents and 103 requirements, of which up to 20 have a `*`.
#[tokio::test]
async fn a_day_with_103_requirements_reads_few_rows() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let agent = api.agent().await;
    for n in 0..20 {
        let put = TestRequest::of(Operation::PutDoc).with(&agent.venture).with(format!("doc-{n}.md"));
        assert_eq!(api.admin().send(put.json(&json!({ "content": "# A document" }))).await.status, 201);
    }
    let require = async |pattern: String| {
        let requirement = json!({ "name_pattern": pattern, "venture": agent.venture });
        let put = TestRequest::of(Operation::PutRequirement).json(&requirement);
        assert_eq!(api.admin().send(put).await.status, 201, "{pattern}");
    };
    // Three requirements exist by default.
    for n in 0..80 {
        require(format!("doc-{n}.md")).await;
    }
    for patterns in [0..1, 1..10, 10..20] {
        for n in patterns {
            require(format!("doc-*{n}.md")).await;
        }
        let started = agent.colleague().start_day(json!({})).await;
        let audit = agent.send(TestRequest::of(Operation::AuditDocs).query(format!("venture={}", agent.venture))).await;
        for (name, response) in [("start_day", &started), ("audit_docs", &audit)] {
            let (read, _) = rows(response);
            println!("{name}: {read} rows read");
            assert!(response.status < 300 && read <= MAX_READ, "{name} reads {read} rows: {response}");
        }
    }
}

/// Inserts 20,000 sessions, handoffs, log rows and classifications, 10,000 notes and documents, and 2,000 machines. Every fifth record has the same values.
async fn db_fill(api: &Api) {
    let rows = "with recursive n (i) as (select 0 union all select i + 1 from n where i < cast(?1 as integer) - 1) ";
    let fill = async |sql: &str, count: u32| api.db_execute(&format!("{rows}{sql}"), json!([count])).await;
    fill(
        "insert into ventures (code, name, repos_json, capabilities_json, created_at, updated_at)
         select 'many-' || i, 'Many', '[]', '[]', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z' from n",
        5,
    )
    .await;
    fill(
        "insert into sessions (id, agent, client, host, venture, repo, track, status, created_at, last_heartbeat_at,
           ended_at, end_reason, actor_key_id, creation_correlation_id)
         select printf('sess_01KDY02100%016d', i), 'many-' || (i % 5), 'claude', 'mac1', 'many-' || (i % 5),
           'example-org/many-' || (i % 10), i % 5, iif(i % 5 = 1, 'abandoned', 'ended'), '2026-01-02T00:00:00.000Z',
           '2026-01-02T00:00:00.000Z', '2026-01-02T00:00:00.000Z', iif(i % 5 = 1, 'stale', 'manual'), 'a', 'c' from n",
        20_000,
    )
    .await;
    fill(
        "insert into sessions (id, agent, client, host, venture, repo, created_at, last_heartbeat_at, actor_key_id,
           creation_correlation_id)
         select printf('sess_01%024d', i), 'live-' || i, 'claude', 'mac1', 'many-0', 'example-org/many-0',
           '2026-01-01T00:00:00.000Z', strftime('%Y-%m-%dT%H:%M:%fZ'), 'a', 'c' from n",
        2_000,
    )
    .await;
    fill(
        "insert into handoffs (id, session_id, venture, repo, track, issue_number, from_agent, to_agent, status_label,
           summary, payload_json, payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id,
           creation_correlation_id)
         select printf('ho_01KDY02100%016d', i), printf('sess_01%024d', i % 5), 'many-' || (i % 5),
           'example-org/many-' || (i % 10), i % 5, 1 + i % 10, 'many-' || (i % 5), 'many-' || (i % 5),
           iif(i % 5 = 1, 'blocked', 'done'), 's', '{}', 'h', 2, 1, '2026-01-02T00:00:00.000Z', 'a', 'c' from n",
        20_000,
    )
    .await;
    fill(
        "insert into request_log (moment, correlation_id, actor_key_id, operation, method, status)
         select printf('2026-01-01T000000.000Z_%06d', i), 'corr_many-' || (i % 5), 'many-' || (i % 5),
           iif(i % 5, 'end_day', 'start_day'), 'POST', iif(i % 5, 201, 200) from n",
        20_000,
    )
    .await;
    fill(
        "insert into classifications (id, venture, repo, number, grade, body_json, state_json)
         select printf('cls_01%024d', i), 'many-' || (i % 5), 'example-org/many-' || (i % 10), 1 + i % 5, i % 5, '{}', '{}' from n",
        20_000,
    )
    .await;
    fill(
        "insert into machines (id, hostname, os, arch, role, approved_user, approved_ip, approved_key, approved_fingerprint,
           approved_at, created_at, updated_at, last_seen_at, creation_correlation_id)
         select printf('mach_01%024d', i), 'machine-' || i, 'linux', 'x86_64', 'many', 'ann', '100.64.1.2',
           'ssh-ed25519 A' || i, 'f', 'a', 'c', 'u', 'l', 'c' from n",
        2_000,
    )
    .await;
    fill(
        "insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at, updated_at,
           actor_key_id, content)
         select iif(i % 2, 'global', 'many-' || (i % 10 / 2)), printf('doc-%06d.md', i), 't', 'markdown', 'h', 1, 1,
           '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        10_000,
    )
    .await;
    db_fill_claims(&fill).await;
    fill(EVENTS, 20_000).await;
    db_fill_notes(api, &fill).await;
}

pub(crate) const EVENTS: &str = "
    insert into events (venture, kind, subject, at, data_json)
    select nullif('many-' || (i % 5), 'many-4'), iif(i % 2, 'note_saved', 'work_done'), 'note_' || i,
      strftime('%Y-%m-%dT%H:%M:%fZ'), '{\"outcome\":\"created\",\"version\":1}' from n";
