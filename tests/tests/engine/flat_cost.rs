//! Flat cost: an operation does as much work over 100,000 sessions as over 2,200.
//!
//! Work is the steps of SQLite's virtual machine, summed over the statements of a request. In both
//! worlds every filter fits more than the 1,000 up to which counts are exact, so that counting costs the same. Filters that
//! are combined go along the index of one of them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use deckwatch_api::{Database, DatabaseError, Param, Row, Statement};
use deckwatch_protocol::{HandoffId, Operation};
use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, StatementStatus, params, params_from_iter};
use serde_json::{Value, json};

use crate::lab::{Lab, approval_with, day_of, handoff_of, machine_with};
use crate::schema::migrated;

/// A database that measures its work.
#[derive(Clone)]
struct Measured(Arc<Mutex<(Connection, u64)>>);

impl Measured {
    fn run(connection: &Connection, statement: &Statement) -> rusqlite::Result<(Vec<Row>, u64)> {
        let mut prepared = connection.prepare_cached(&statement.sql)?;
        prepared.reset_status(StatementStatus::VmStep);
        let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
        let params = statement.params.iter().map(|param| match param {
            Param::Null => SqlValue::Null,
            Param::Integer(number) => SqlValue::Integer(*number),
            Param::Text(text) => SqlValue::Text(text.clone()),
        });
        let mut found = Vec::new();
        let mut rows = prepared.query(params_from_iter(params))?;
        while let Some(row) = rows.next()? {
            let value = |n| match row.get_ref(n).unwrap() {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => number.into(),
                other => other.as_str().unwrap().into(),
            };
            found.push(columns.iter().enumerate().map(|(n, name)| (name.clone(), value(n))).collect());
        }
        drop(rows);
        let steps = prepared.get_status(StatementStatus::VmStep);
        Ok((found, u64::try_from(steps).unwrap()))
    }
}

#[async_trait]
impl Database for Measured {
    async fn batch(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let mut guard = self.0.lock().unwrap();
        let (connection, work) = &mut *guard;
        let transaction = connection.transaction().unwrap();
        let mut all = Vec::new();
        for statement in statements {
            match Self::run(&transaction, statement) {
                Ok((rows, steps)) => {
                    all.push(rows);
                    *work += steps;
                }
                Err(error) => return Err(DatabaseError::Constraint(error.to_string())),
            }
        }
        transaction.commit().unwrap();
        Ok(all)
    }
}

/// How much is stored.
struct Size {
    sessions: u32,
    handoffs: u32,
    notes: u32,
    docs: u32,
}

/// A lab over that much history of the venture `alpha`, and what it costs to ask.
struct World {
    lab: Lab,
    measured: Measured,
    session: String,
    note: String,
}

impl World {
    async fn of(size: Size) -> Self {
        let measured = Measured(Arc::new(Mutex::new((migrated(), 0))));
        let lab = Lab::on(Arc::new(measured.clone()));
        lab.register_alpha().await;
        let session = lab.start("agent-0").await;
        lab.ask(Operation::CreateHandoff, ("", ""), Some(&handoff_of(&session))).await;
        let note = lab.ask(Operation::CreateNote, ("", ""), Some(&note_of(0))).await;
        let note = note.json()["id"].as_str().unwrap().to_owned();
        for n in 1..=20 {
            lab.put_doc("alpha/api.md", &format!("# {n}")).await;
        }
        for n in 1..=25 {
            lab.start(&format!("agent-{n}")).await;
        }
        db_fill(&measured.0.lock().unwrap().0, &size);
        Self { lab, measured, session, note }
    }

    /// The steps that one request takes.
    async fn cost(&self, operation: Operation, to: (&str, &str), body: Option<Value>) -> u64 {
        let work = || self.measured.0.lock().unwrap().1;
        let before = work();
        let answer = self.lab.ask(operation, to, body.as_ref()).await;
        assert!((200..300).contains(&answer.status), "{}: {}", operation.id(), answer.text);
        work() - before
    }

    /// What each request costs, by name.
    async fn costs(&self, requests: &[Ask]) -> Vec<u64> {
        let mut costs = Vec::new();
        for Ask { operation, query, body, .. } in requests {
            let on_session =
                matches!(operation, Operation::Heartbeat | Operation::GetSession | Operation::UpdateSession);
            let on_note = matches!(
                operation,
                Operation::GetNote | Operation::UpdateNote | Operation::ArchiveNote | Operation::RestoreNote
            );
            let parameter = match (on_session, on_note) {
                (true, _) => self.session.as_str(),
                (_, true) => self.note.as_str(),
                _ if operation.path().contains("{hostname}") => "mac1",
                _ if operation.path().contains("{name}") => "alpha/api.md",
                _ => "",
            };
            let body = body.clone().map(|mut body| {
                if let Some(id) = body.get_mut("session_id") {
                    *id = self.session.as_str().into();
                }
                body
            });
            costs.push(self.cost(*operation, (parameter, query), body).await);
        }
        costs
    }
}

/// One request that can be asked of every world.
#[derive(Clone)]
struct Ask {
    name: &'static str,
    operation: Operation,
    query: &'static str,
    body: Option<Value>,
}

impl Ask {
    fn of(name: &'static str, operation: Operation, body: Option<Value>) -> Self {
        Self { name, operation, query: "", body }
    }

    fn list(operation: Operation, query: &'static str) -> Self {
        Self { name: query, operation, query, body: None }
    }
}

/// Fills the history: sessions that have ended, handoffs, tagged notes, keys and log rows.
fn db_fill(connection: &Connection, size: &Size) {
    let rows = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1) ";
    let fill = |sql: &str, count: u32| {
        connection.execute(&sql.replace("ROWS ", rows), params![count]).unwrap();
    };
    fill(
        "ROWS insert into sessions (id, agent, client, host, venture, repo, track, status, created_at, last_heartbeat_at,
           ended_at, end_reason, actor_key_id, creation_correlation_id)
         select printf('sess_00%024d', i), 'agent-' || (i % 2), 'claude', 'mac1', 'alpha', 'example-org/alpha', i % 2,
           'ended', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'manual', 'a', 'c'
         from n",
        size.sessions,
    );
    fill(
        "ROWS insert into handoffs (id, session_id, venture, repo, track, issue_number, from_agent, to_agent, status_label,
           summary, payload_json, payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id, creation_correlation_id)
         select printf('ho_00%024d', i), printf('sess_00%024d', 1 + i % 100), 'alpha', 'example-org/alpha', i % 2, 87,
           'agent-' || (i % 2), iif(i % 2, 'agent-new', 'agent-0'), 'done', 's', '{}', 'h', 2, 1,
           '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        size.handoffs,
    );
    fill(
        "ROWS insert into notes (id, venture, title, content, created_at, updated_at, actor_key_id, creation_correlation_id)
         select printf('note_00%024d', i), iif(i % 2, 'alpha', null), 't', 'some words about the business',
           '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        size.notes,
    );
    fill(
        "ROWS insert into notes (id, venture, title, content, created_at, updated_at, archived_at, actor_key_id,
           creation_correlation_id)
         select printf('note_01%024d', i), iif(i % 2, 'alpha', null), 't', 'some words about the business',
           '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        size.notes,
    );
    connection
        .execute_batch(
            "insert into note_search_keys (note_id) select id from notes where true on conflict do nothing;
             insert into note_search (note_search) values ('rebuild');",
        )
        .unwrap();
    fill(
        "ROWS insert into note_tags (tag, scope, note_id)
         select 'executive-summary', iif(i % 2, 'alpha', 'global'), printf('note_00%024d', i) from n",
        size.notes,
    );
    fill(
        "ROWS insert into archived_note_tags (tag, scope, note_id)
         select 'strategy', iif(i % 2, 'alpha', 'global'), printf('note_01%024d', i) from n",
        size.notes,
    );
    // Blocked handoffs of two days, which nothing resolves until the first handoff of the lab.
    db_fill_blocked(connection, "2026-10-01T00:00:00Z", 50);
    db_fill_blocked(connection, "2026-10-10T00:00:00Z", size.handoffs);
    db_fill_fleet(&fill, connection, size);
    fill(
        "ROWS insert into request_log (correlation_id, method, status, created_at)
         select 'corr_' || i, 'GET', 200, '2026-11-20T00:00:00.000Z' from n",
        size.sessions,
    );
    fill(
        "ROWS insert into idempotency_keys (actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at)
         select 'a', 'key-' || i, 'start_day', 'h', '2026-11-21T00:00:00.000Z', '2026-12-21T00:00:00.000Z' from n",
        size.handoffs,
    );
}

/// Fills that many blocked handoffs of one moment.
fn db_fill_blocked(connection: &Connection, moment: &str, count: u32) {
    let id = HandoffId::mint(moment.parse().unwrap(), 0);
    let sql = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1)
        insert into handoffs (id, session_id, venture, repo, track, from_agent, status_label, summary, payload_json,
          payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id, creation_correlation_id)
        select substr(?2, 1, 23) || printf('%06d', i), printf('sess_00%024d', 1), 'alpha', 'example-org/alpha', nullif(i % 3, 0),
          'agent-' || (i % 2), 'blocked', 's', '{}', 'h', 2, 1, ?3, 'a', 'c' from n";
    connection.execute(sql, params![count, id.as_str(), moment]).unwrap();
}

/// Fills what stands beside the history: machines, ventures, documents.
fn db_fill_fleet(fill: &impl Fn(&str, u32), connection: &Connection, size: &Size) {
    for (n, retired_at, [approved, pending]) in [
        (0, "null", ["'x', 'x', 'x', 'x', 'x', 'x'", "null, null, null, null, null, null"]),
        (1, "null", ["null, null, null, null, null, null", "'x', 'x', 'x', 'x', 'x', 'x'"]),
        (2, "'x'", ["null, null, null, null, null, null", "null, null, null, null, null, null"]),
    ] {
        let sql = format!(
            "ROWS insert into machines (id, hostname, os, arch, role, approved_user, approved_ip, approved_key,
               approved_fingerprint, approved_at, approved_by, pending_user, pending_ip, pending_key, pending_fingerprint,
               pending_at, pending_by, created_at, updated_at, last_seen_at, retired_at, creation_correlation_id)
             select printf('mach_0{n}%024d', i), 'host-{n}-' || i, 'linux', 'x86_64', 'role-' || (i % 2), {approved}, {pending},
               'x', 'x', 'x', {retired_at}, 'c' from n"
        );
        fill(&sql, size.handoffs);
    }
    fill(
        "ROWS insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at,
           updated_at, actor_key_id, content)
         select 'other-' || (i % 50), 'doc-' || i || '.md', 't', 'markdown', 'h', 1, 1, '2026-01-01T00:00:00.000Z',
           '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        size.notes,
    );
    fill(
        "ROWS insert into doc_confirmations (scope, name, confirmed_at)
         select 'other-' || (i % 50), 'doc-' || i || '.md', '2026-11-01T00:00:00.000Z' from n",
        size.notes,
    );
    // Those that are deleted come first by code.
    for (name, deleted) in [("other", "null"), ("gone", "'2026-01-01T00:00:00.000Z'")] {
        let sql = format!(
            "ROWS insert into ventures (code, name, repos_json, capabilities_json, created_at, updated_at, deleted_at)
             select '{name}-' || i, 'Other', '[]', '[]', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', {deleted} from n"
        );
        fill(&sql, size.notes);
    }
    // What the agents have done and got in another venture, later than all of it in this one.
    fill(
        "ROWS insert into sessions (id, agent, client, host, venture, repo, status, created_at, last_heartbeat_at, ended_at,
           end_reason, actor_key_id, creation_correlation_id)
         select printf('sess_02%024d', i), iif(i % 2, 'agent-new', 'agent-0'), 'claude', 'mac1', 'other-1', 'example-org/other',
           'ended', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'manual', 'a', 'c'
         from n",
        size.handoffs,
    );
    fill(
        "ROWS insert into handoffs (id, session_id, venture, repo, from_agent, to_agent, status_label, summary, payload_json,
           payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id, creation_correlation_id)
         select printf('ho_02%024d', i), printf('sess_02%024d', i), 'other-1', 'example-org/other', 'agent-1',
           iif(i % 2, 'agent-new', 'agent-0'), 'done', 's', '{}', 'h', 2, 1, '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        size.handoffs,
    );
    // Half of them live, in the venture and global; each with the version that it has.
    for (name, deleted) in [("doc", "null"), ("gone", "'2026-01-01T00:00:00.000Z'")] {
        let sql = format!(
            "ROWS insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at,
               updated_at, deleted_at, actor_key_id, content)
             select iif(i % 2, 'alpha', 'global'), printf('{name}-%08d.md', i), 't', 'markdown', 'h', 1, 1,
               '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', {deleted}, 'a', 'x' from n"
        );
        fill(&sql, size.docs);
    }
    connection
        .execute(
            "insert into doc_versions (scope, name, version, title, doc_type, content_hash, size_bytes, created_at, actor_key_id,
               creation_correlation_id, change_id, content)
             select scope, name, version, title, doc_type, content_hash, size_bytes, created_at, actor_key_id, 'c', '', content
             from context_docs where true on conflict do nothing",
            [],
        )
        .unwrap();
}

/// Asks the same of a short and of a long history, and names what has grown by half.
async fn assert_flat(requests: &[Ask]) {
    let short =
        World::of(Size { sessions: 2_200, handoffs: 2_200, notes: 2_200, docs: 2_200 }).await.costs(requests).await;
    let long = World::of(Size { sessions: 100_000, handoffs: 20_000, notes: 20_000, docs: 10_000 })
        .await
        .costs(requests)
        .await;
    let mut grown = Vec::new();
    for ((Ask { name, operation, .. }, short), long) in requests.iter().zip(short).zip(long) {
        if long * 2 > short * 3 {
            grown.push(format!("{} {name}: {short} became {long} steps", operation.id()));
        }
    }
    assert!(grown.is_empty(), "{}", grown.join("\n"));
}

#[tokio::test]
async fn a_day_costs_the_same_whatever_is_stored() {
    let handoff = handoff_of("");
    assert_flat(&[
        Ask::of("created", Operation::StartDay, Some(day_of("agent-new"))),
        Ask::of("resumed", Operation::StartDay, Some(day_of("agent-0"))),
        Ask::of("", Operation::Heartbeat, None),
        Ask::of("", Operation::GetSession, None),
        Ask::of("", Operation::UpdateSession, Some(json!({ "branch": "b" }))),
        Ask::of("", Operation::CreateHandoff, Some(handoff.clone())),
        Ask::of("", Operation::ListVentures, None),
        Ask::of("first", Operation::EndDay, Some(handoff.clone())),
        Ask::of("second", Operation::EndDay, Some(handoff)),
    ])
    .await;
}

#[tokio::test]
async fn each_filter_of_the_sessions_costs_the_same_whatever_is_stored() {
    let queries = [
        "",
        "venture=alpha",
        "repo=example-org/alpha",
        "agent=agent-1",
        "track=1",
        "track=999",
        "status=active",
        "status=ended",
        "status=abandoned",
        "active_since=2026-11-01T00:00:00Z&limit=100",
        "venture=alpha&status=active",
    ];
    assert_flat(&queries.map(|query| Ask::list(Operation::ListSessions, query))).await;
}

#[tokio::test]
async fn each_filter_of_the_handoffs_costs_the_same_whatever_is_stored() {
    let queries = [
        "venture=alpha",
        "repo=example-org/alpha",
        "track=1",
        "issue_number=87",
        "from_agent=agent-0",
        "status=done",
        "venture=alpha&repo=example-org/alpha",
        "venture=alpha&repo=example-org/alpha&track=1",
    ];
    let lists = queries.map(|query| Ask::list(Operation::ListHandoffs, query));
    let latest = queries.map(|query| Ask::list(Operation::LatestHandoff, query));
    assert_flat(&lists.into_iter().chain(latest).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn figures_cost_the_same_whatever_lies_outside_their_window() {
    let windows = [
        "",
        "venture=alpha",
        "agent=agent-1",
        "since=2026-09-30T00:00:00Z&until=2026-10-05T00:00:00Z",
        "since=2026-09-30T00:00:00Z&until=2026-10-05T00:00:00Z&agent=agent-1",
    ];
    assert_flat(&windows.map(|query| Ask::list(Operation::SessionAnalytics, query))).await;
}

#[tokio::test]
async fn each_blocked_handoff_of_a_window_costs_as_much_as_the_one_before() {
    let mut costs = Vec::new();
    for blocked in [400, 4_000] {
        let world = World::of(Size { sessions: 100, handoffs: 100, notes: 1, docs: 1 }).await;
        db_fill_blocked(&world.measured.0.lock().unwrap().0, "2026-11-20T00:00:00Z", blocked);
        costs.push(world.cost(Operation::SessionAnalytics, ("", ""), None).await);
    }
    assert!(costs[1] < costs[0] * 11, "{costs:?}");
}

fn note_of(n: u32) -> Value {
    json!({ "title": format!("Note {n}"), "content": "zanzibar", "tags": ["rare", "strategy"], "venture": "alpha" })
}

#[tokio::test]
async fn notes_cost_the_same_whatever_is_stored() {
    let queries = [
        "",
        "venture=alpha",
        "scope=global",
        "tag=executive-summary",
        "tag=rare",
        "tag=executive-summary&venture=alpha",
        "tag=executive-summary&scope=global",
        "archived=true",
        "archived=true&venture=alpha",
        "archived=true&tag=strategy",
        "q=zanzibar",
    ];
    let mut requests = queries.map(|query| Ask::list(Operation::ListNotes, query)).to_vec();
    requests.extend([
        Ask::of("", Operation::CreateNote, Some(note_of(1))),
        Ask::of("", Operation::GetNote, None),
        Ask::of("", Operation::UpdateNote, Some(json!({ "content": "changed", "tags": ["other"], "venture": null }))),
        Ask::of("", Operation::ArchiveNote, None),
        Ask::of("", Operation::RestoreNote, None),
    ]);
    assert_flat(&requests).await;
}

#[tokio::test]
async fn the_audit_costs_the_same_whatever_is_stored() {
    // A pattern reads the documents of its scope, so it is for a venture that has few.
    let put = |pattern: &str, venture: &str| Some(json!({ "name_pattern": pattern, "venture": venture }));
    assert_flat(&[
        Ask::of("name", Operation::PutRequirement, put("guide.md", "alpha")),
        Ask::of("pattern", Operation::PutRequirement, put("doc-*.md", "other-77")),
        Ask::list(Operation::AuditDocs, "venture=alpha"),
        Ask::list(Operation::AuditDocs, "venture=other-77"),
        Ask::list(Operation::AuditDocs, ""),
        Ask::list(Operation::AuditDocs, "limit=100&cursor=other-5"),
        Ask::list(Operation::ListRequirements, ""),
        Ask::list(Operation::ListRequirements, "venture=alpha"),
        Ask::of("with requirements", Operation::StartDay, Some(day_of("agent-new"))),
    ])
    .await;
}

#[tokio::test]
async fn documents_cost_the_same_whatever_is_stored() {
    let queries = ["", "venture=alpha", "scope=global", "scope=global&limit=100&cursor=global.doc-00001000.md"];
    let mut requests = queries.map(|query| Ask::list(Operation::ListDocs, query)).to_vec();
    requests.extend([
        Ask::of("", Operation::GetDoc, None),
        Ask::list(Operation::GetDoc, "version=7"),
        Ask::of("", Operation::ListDocVersions, None),
        Ask::of("changed", Operation::PutDoc, Some(json!({ "content": "# Another" }))),
        Ask::of("unchanged", Operation::PutDoc, Some(json!({ "content": "# Another" }))),
        Ask::of("", Operation::DeleteDoc, None),
    ]);
    assert_flat(&requests).await;
}

#[tokio::test]
async fn each_filter_of_the_requests_costs_the_same_whatever_is_stored() {
    let queries = [
        "",
        "status=200",
        "status=500",
        "actor=a",
        "operation=start_day",
        "correlation_id=corr_7",
        "since=2026-11-19T00:00:00Z",
        "until=2026-11-19T00:00:00Z",
        "status=200&since=2026-11-19T00:00:00Z",
    ];
    assert_flat(&queries.map(|query| Ask::list(Operation::ListRequests, query))).await;
}

#[tokio::test]
async fn machines_cost_the_same_however_many_there_are() {
    let queries = [
        "",
        "status=approved",
        "status=pending",
        "status=retired",
        "role=role-1",
        "role=none",
        "role=role-1&status=approved",
        "role=role-1&status=retired",
    ];
    let register = |user| Ask::of(user, Operation::RegisterMachine, Some(machine_with(user)));
    let approve = Ask::of("", Operation::ApproveMachine, Some(approval_with("tom")));
    let mut requests = queries.map(|query| Ask::list(Operation::ListMachines, query)).to_vec();
    requests.extend(
        ["", "for=host-0-9", "cursor=mach_00000000000000000000001000"]
            .map(|query| Ask::list(Operation::SshConfig, query)),
    );
    requests.extend([register("tom"), approve, register("ann"), register("tom")]);
    requests
        .extend([Operation::MachineHeartbeat, Operation::RetireMachine].map(|operation| Ask::of("", operation, None)));
    requests.push(register("tom"));
    assert_flat(&requests).await;
}
