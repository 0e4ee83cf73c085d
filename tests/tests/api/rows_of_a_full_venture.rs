//! How many rows of D1 the requests read for a venture that has much of everything.

use deckwatch_protocol::{Operation, RecordsMoved};
use deckwatch_tests::{Agent, Api, Caller, TestRequest, fresh_uuid, overlay};
use serde_json::{Value, json};

use crate::agent_tokens::exchanged;
use crate::moving::ask_move;
use crate::row_counts::{MAX_READ, SKIPPED, rows};

/// A venture with everything that a start of day reads, more than it reads of each: 300 sessions of others on the same issue and
/// branch, of which the oldest 20 are silent, 100 earlier sessions of the agent, 300 handoffs to it, and for the venture and for
/// all 45 summaries and 400 documents, and 500 requirements that apply, of which 20 have a pattern.
#[tokio::test]
async fn a_day_and_an_audit_with_much_of_everything_read_few_rows() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let agent = api.agent().await;
    db_fill_venture(&api, &agent).await;
    let here = json!({ "issue_number": 87, "branch": "main", "track": 1 });
    let machine = fresh_uuid();
    let (own, _) = exchanged(&agent, &machine).await;
    let with_token = json!({ "issue_number": 87, "branch": "main", "track": 1, "machine_id": machine, "start_id": fresh_uuid(),
        "groups": { "frontend": "lead" } });
    let elsewhere = overlay(with_token.clone(), json!({ "track": 2, "start_id": fresh_uuid() }));
    let taken_over =
        json!({ "track": 3, "machine_id": fresh_uuid(), "start_id": fresh_uuid(), "take_over": "a new machine" });
    let taken_back = json!({ "track": 4, "machine_id": machine, "take_over": "the machine is back" });
    let audit = |venture: &str| TestRequest::of(Operation::AuditDocs).query(venture);
    let venture = format!("venture={}", agent.venture);
    let put_pattern = json!({ "name_pattern": "doc-*0000.md", "staleness_days": 7 });
    let mut too_many = Vec::new();
    for (name, response) in [
        ("start_day, new", agent.start_day(here.clone()).await),
        ("start_day, resumed", agent.start_day(here).await),
        ("start_day with a token, resumed", own.send(agent.ask_start_day(with_token)).await),
        ("start_day with a token, new", own.send(agent.ask_start_day(elsewhere)).await),
        ("start_day that takes the name over", agent.start_day(taken_over).await),
        ("start_day of another owner", own.send(agent.ask_start_day(taken_back)).await),
        ("audit_docs of the venture", agent.send(audit(&venture)).await),
        ("audit_docs of all ventures", api.admin().send(audit("")).await),
        ("list_requirements", agent.send(TestRequest::of(Operation::ListRequirements).query("limit=100")).await),
        ("put_requirement", api.admin().send(TestRequest::of(Operation::PutRequirement).json(&put_pattern)).await),
    ] {
        let (read, _) = rows(&response);
        println!("{name}: {read} rows read");
        if read > MAX_READ || response.status >= 300 {
            too_many.push(format!("{name}: status {}, {read} rows read", response.status));
        }
    }
    assert!(too_many.is_empty(), "{}", too_many.join("\n"));
}

/// Moves all records of a repository and its venture, one request after the other: sessions, handoffs, notes with 20 tags,
/// documents with 20 versions, and requirements.
#[tokio::test]
async fn each_request_that_moves_records_reads_few_rows_until_all_have_moved() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let (old, new) = (api.agent().await, api.agent().await);
    db_fill_venture(&api, &old).await;
    let mut most = (0, 0);
    for n in 1.. {
        let response = api.admin().send(ask_move(&old, &new)).await;
        let (read, written) = rows(&response);
        most = (most.0.max(read), most.1.max(written));
        assert!(read <= MAX_READ, "request {n} reads {read} rows");
        let moved: RecordsMoved = response.of(200);
        if !moved.more {
            assert!(!moved.left && !moved.venture_in_use, "{moved:?}");
            println!("{n} requests, of which each reads at most {} rows and writes {}", most.0, most.1);
            break;
        }
    }
    for table in ["sessions", "handoffs", "notes", "doc_requirements"] {
        let count = format!("select count(*) as n from {table} where venture = ?1");
        assert_eq!(api.db_query(&count, json!([old.venture])).await[0]["n"], 0, "{table}");
    }
}

async fn db_fill_venture(api: &Api, agent: &Agent) {
    let fill = async |count: u32, sql: &str, parameters: Value| {
        let numbers =
            format!("with recursive n (i) as (select 0 union all select i + 1 from n where i < {count} - 1) ");
        api.db_execute(&format!("{numbers}{sql}"), parameters).await;
    };
    let (venture, repo, name) = (&agent.venture, &agent.repo, &agent.name);
    let session = "insert into sessions (id, agent, client, host, venture, repo, issue_number, branch, created_at,
      last_heartbeat_at, actor_key_id, creation_correlation_id, status, ended_at, end_reason)";
    let others = "select printf('sess_01%024d', i), 'other-' || i, 'claude', 'mac1', ?1, ?2, 87, 'main', ?3,
      iif(i < 20, '2026-01-01T00:00:00.000Z', ?3), 'a', 'c', 'active', null, null from n";
    fill(300, &format!("{session} {others}"), json!([venture, repo, api.minutes_ago(0)])).await;
    let own = "select printf('sess_00%024d', i), ?3, 'claude', 'mac1', ?1, ?2, 87, 'main', '2026-01-01T00:00:00.000Z',
      '2026-01-01T00:00:00.000Z', 'a', 'c', 'abandoned', '2026-01-01T00:00:00.000Z', 'stale' from n";
    fill(100, &format!("{session} {own}"), json!([venture, repo, name])).await;
    fill(
        300,
        "insert into handoffs (id, session_id, venture, repo, issue_number, from_agent, to_agent, status_label, summary,
           payload_json, payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id, creation_correlation_id)
         select printf('ho_01%022d00', i), printf('sess_00%024d', 1), ?1, ?2, 87, 'other-1', ?3, 'done', 's', '{}', 'h', 2, 1,
           '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        json!([venture, repo, name]),
    )
    .await;
    db_fill_mesh(&fill, agent).await;
    let tags: Vec<String> = (1..20).map(|n| format!("tag-{n}")).chain(["executive-summary".to_owned()]).collect();
    fill(
        90,
        "insert into notes (id, venture, title, content, tags_json, created_at, updated_at, actor_key_id,
           creation_correlation_id)
         select printf('note_00%024d', i), iif(i % 2, ?1, null), 'plan', 'some words', ?2, '2026-01-01T00:00:00.000Z',
           '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        json!([venture, json!(tags).to_string()]),
    )
    .await;
    let of_tags = "insert into note_tags (tag, scope, note_id)
         select j.value, ifnull(n.venture, 'global'), n.id from notes n, json_each(n.tags_json) j";
    api.db_execute(of_tags, json!([])).await;
    for sql in [
        "insert into note_ranks (number, head, often) select number, ' plan ', '' from notes",
        "insert into note_terms (id, filters, title, content)
         select number, '+live +live:' || ifnull(venture, ''), 'plan', 'some words' from notes",
        "insert into note_search (note_search) values ('rebuild')",
    ] {
        api.db_execute(sql, json!([])).await;
    }
    fill(
        800,
        "insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at, updated_at,
           actor_key_id, content)
         select iif(i % 2, 'global', ?1), printf('doc-%06d.md', i / 2), 't', 'markdown', 'h', 1, 20, '2026-01-01T00:00:00.000Z',
           '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        json!([venture]),
    )
    .await;
    api.db_execute(
        "insert into doc_confirmations (scope, name, confirmed_at) select scope, name, updated_at from context_docs",
        json!([]),
    )
    .await;
    fill(
        20,
        "insert into doc_versions (scope, name, version, title, doc_type, content_hash, size_bytes, created_at, actor_key_id,
           creation_correlation_id, change_id, content)
         select scope, name, i + 1, 't', 'markdown', 'h', 1, 'a', 'a', 'c', 'c', 'c' from n, context_docs where scope = ?1",
        json!([venture]),
    )
    .await;
    api.db_execute("delete from doc_requirements", json!([])).await;
    fill(
        500,
        "insert into doc_requirements (id, name_pattern, scope_type, venture, capability, auto_generate, required, created_at,
           updated_at)
         select printf('req_00%024d', i), iif(i < 20, printf('doc-*%04d.md', i), printf('%s-%06d.md', iif(i % 3, 'doc', 'gone'), i * 2)),
           iif(i % 2, 'global', 'venture'), iif(i % 4 > 1, ?1, null), null, i % 5 = 0, i % 7 > 0, 'a', 'a' from n",
        json!([venture]),
    )
    .await;
}

/// A claim of each session, and 50 of each silent one, also of the agent's earlier ones; a delivery of each
/// handoff to the agent, of which the newest 100 are acknowledged.
async fn db_fill_mesh(fill: &impl AsyncFn(u32, &str, Value), agent: &Agent) {
    let claim = "insert into claims (id, venture, repo, subject, place, session_id, fence, taken_at)
      select printf('clm_0%d%024d', ?3, i), ?1, ?2, 'issue:' || (?3 * 10000 + i + 1), 'issue:' || (?3 * 10000 + i + 1) || ';',";
    let at = "i, '2026-01-01T00:00:00.000Z' from n";
    let (venture, repo) = (&agent.venture, &agent.repo);
    fill(300, &format!("{claim} printf('sess_01%024d', i), {at}"), json!([venture, repo, 1])).await;
    fill(1_000, &format!("{claim} printf('sess_01%024d', i / 49), {at}"), json!([venture, repo, 2])).await;
    fill(1_000, &format!("{claim} printf('sess_00%024d', 99 - i / 50), {at}"), json!([venture, repo, 3])).await;
    fill(
        300,
        "insert into deliveries (id, message_id, venture, agent, later, expires_at, status, queued_at)
         select printf('dlv_01%022d01', i), printf('msg_01%022d00', i), ?1, ?2, 1, '2027-01-01T00:00:00.000Z',
           iif(i < 200, 'queued', 'acknowledged'), '2026-01-01T00:00:00.000Z' from n",
        json!([venture, agent.name]),
    )
    .await;
}
