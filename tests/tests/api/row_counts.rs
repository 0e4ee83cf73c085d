//! The rows that D1 reads and writes for a request, as D1 itself counts them. D1 charges for each. SQLite does not count
//! rows, so these tests run only on the Worker.

use std::collections::{BTreeMap, BTreeSet};

use deckwatch_protocol::operation::{Effect, Tier};
use deckwatch_protocol::{DayStarted, MintedToken, Operation, Session};
use deckwatch_tests::{Agent, Api, Caller, KeyCaller, Response, TestRequest};
use serde_json::{Value, json};

use crate::examples::ExampleRecords;
use crate::many_records::{db_fill_claims, db_fill_notes};

pub(crate) const SKIPPED: &str = "skipped: only D1 counts the rows of a request";

/// The most rows that any operation reads, whatever is stored.
pub(crate) const MAX_READ: u64 = 1_000;

/// The rows read and written for the request of a response.
pub(crate) fn rows(response: &Response) -> (u64, u64) {
    let count = |header| response.header(header).and_then(|text| text.parse().ok()).expect("the Worker counts rows");
    (count("x-rows-read"), count("x-rows-written"))
}

fn note(agent: &Agent, tags: &[&str]) -> TestRequest {
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
    for (name, response, most) in [
        ("start_day, new", &started, 14),
        ("start_day, resumed", &resumed, 9),
        ("heartbeat", &heartbeat, 5),
        ("create_note with two tags", &note, 15),
        ("a read", &read, 2),
        ("end_day", &ended, 18),
        ("end_day with a track, an issue and a recipient", &ended_on_track, 18),
        ("create_handoff with a track, an issue and a recipient", &handoff, 14),
        ("update_session", &updated, 6),
        ("update_session to another track", &moved, 6),
        ("heartbeat of an abandoned session", &revived, 6),
        ("a replay", &replayed, 2),
    ] {
        assert!(response.status < 300, "{name}: {response}");
        let (_, written) = rows(response);
        println!("{name}: {written} rows written");
        assert!(written <= most, "{name} writes {written} rows, more than {most}");
    }
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

/// Filters of a list by name, each with a value that every fifth record has, and another value that other records have.
type Filters = &'static [(&'static str, [&'static str; 2])];

const OF_SESSIONS: Filters = &[
    ("venture", ["many-0", "many-1"]),
    ("repo", ["example-org/many-0", "example-org/many-1"]),
    ("agent", ["many-0", "many-1"]),
    ("track", ["0", "1"]),
    ("status", ["ended", "abandoned"]),
    ("status", ["active", "active"]),
    ("active_since", ["2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]),
];

const OF_HANDOFFS: Filters = &[
    ("venture", ["many-0", "many-1"]),
    ("repo", ["example-org/many-0", "example-org/many-1"]),
    ("track", ["0", "1"]),
    ("issue_number", ["1", "2"]),
    ("from_agent", ["many-0", "many-1"]),
    ("to_agent", ["many-0", "many-1"]),
    ("status", ["done", "blocked"]),
    ("session_id", ["sess_01000000000000000000000000", "sess_01000000000000000000000001"]),
];

const OF_NOTES: Filters = &[
    ("venture", ["many-0", "many-1"]),
    ("scope", ["global", "global"]),
    ("tag", ["many-0", "many-1"]),
    ("q", ["plan", "word"]),
    ("archived", ["false", "true"]),
];

const OF_REQUESTS: Filters = &[
    ("correlation_id", ["corr_many-0", "corr_many-1"]),
    ("actor", ["many-0", "many-1"]),
    ("operation", ["start_day", "end_day"]),
    ("status", ["200", "201"]),
    ("since", ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
    ("until", ["2026-01-02T00:00:00Z", "2027-01-01T00:00:00Z"]),
];

const OF_EVENTS: Filters = &[
    ("venture", ["many-0", "many-1"]),
    ("kinds", ["note_saved", "work_done,agent_blocked"]),
    ("after", ["0", "18000"]),
];

const OF_CLASSIFICATIONS: Filters = &[
    ("venture", ["many-0", "many-1"]),
    ("repo", ["example-org/many-0", "example-org/many-1"]),
    ("number", ["1", "2"]),
    ("grade", ["1", "2"]),
];

const OF_ANALYTICS: Filters = &[("venture", ["many-0", "many-1"]), ("agent", ["many-0", "many-1"])];

/// All filters alone, and all pairs, with values that occur together and with values that do not.
fn queries(filters: Filters) -> Vec<String> {
    let mut queries = vec![String::new()];
    for (n, (name, [one, other])) in filters.iter().enumerate() {
        queries.extend([one, other].map(|value| format!("{name}={value}")));
        for (second, [same, different]) in filters.iter().skip(n + 1).filter(|(second, _)| second != name) {
            // A request can't name both a venture and the global scope.
            if (*name, *second) != ("venture", "scope") {
                queries.extend([same, different].map(|value| format!("{name}={one}&{second}={value}")));
            }
        }
    }
    queries
}

const OF_CLAIMS: Filters = &[("venture", ["many-0", "many-1"]), ("repo", ["example-org/many-0", "example-org/many-1"])];

const OF_DOCS: Filters = &[("venture", ["many-0", "many-1"]), ("scope", ["global", "many-0"])];

const OF_MACHINES: Filters =
    &[("status", ["approved", "pending"]), ("status", ["retired", "retired"]), ("role", ["many", "few"])];

const OF_VENTURE: Filters = &[("venture", ["many-0", "many-1"])];

const OF_HOST: Filters = &[("for", ["machine-1", "none"])];

/// The filters of each operation that reads records with a query, without the cursor and the limit.
const LISTS: &[(Operation, Filters)] = &[
    (Operation::ListSessions, OF_SESSIONS),
    (Operation::ListHandoffs, OF_HANDOFFS),
    (Operation::LatestHandoff, OF_HANDOFFS),
    (Operation::ListNotes, OF_NOTES),
    (Operation::ListRequests, OF_REQUESTS),
    (Operation::ListEvents, OF_EVENTS),
    (Operation::ListClassifications, OF_CLASSIFICATIONS),
    (Operation::SessionAnalytics, OF_ANALYTICS),
    (Operation::ListDocs, OF_DOCS),
    (Operation::ListClaims, OF_CLAIMS),
    (Operation::ListMachines, OF_MACHINES),
    (Operation::SshConfig, OF_HOST),
    (Operation::ListRequirements, OF_VENTURE),
    (Operation::AuditDocs, OF_VENTURE),
    (Operation::ListTokens, &[]),
    (Operation::ListVentures, &[]),
];

/// Parts of one document or key, which has at most 20 versions, and requests about one record. `claim_rows` counts the keys of a venture.
const OF_ONE_DOC: &[&str] =
    &["get_doc", "list_doc_versions", "get_state", "list_state", "delete_state", "release_claim"];

#[test]
fn every_filter_of_every_list_is_counted() {
    let document: Value = serde_json::from_str(include_str!("../../../api/openapi.json")).unwrap();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    for operation in operations {
        let id = operation["operationId"].as_str().unwrap();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let in_query = parameters.filter(|parameter| parameter["in"] == "query");
        let names = in_query.filter_map(|parameter| parameter["name"].as_str()).collect::<BTreeSet<_>>();
        if names.is_empty() || OF_ONE_DOC.contains(&id) {
            continue;
        }
        let (_, filters) =
            LISTS.iter().find(|(list, _)| list.id() == id).unwrap_or_else(|| panic!("add {id} to LISTS"));
        let mut counted: BTreeSet<&str> = filters.iter().map(|(name, _)| *name).collect();
        counted.extend(["cursor", "limit"].into_iter().filter(|name| names.contains(name)));
        if id == "session_analytics" {
            counted.extend(["since", "until"]);
        }
        assert_eq!(counted, names, "{id}");
    }
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
    for (operation, filters) in LISTS {
        let more = match *operation {
            Operation::SessionAnalytics => "&since=2026-01-01T00:00:00Z&until=2026-03-01T00:00:00Z",
            Operation::LatestHandoff | Operation::SshConfig => "",
            _ => "&limit=100",
        };
        let all: Vec<String> = filters.iter().map(|(name, [one, _])| format!("{name}={one}")).collect();
        let all = (*operation == Operation::ListHandoffs).then(|| all.join("&"));
        for query in queries(filters).into_iter().chain(all) {
            let query = format!("{query}{more}");
            let ask = TestRequest::of(*operation).query(&query);
            let first = api.admin().send(ask.clone()).await;
            count(*operation, &query, &first);
            if let Some(cursor) =
                first.status.eq(&200).then(|| first.json()["next_cursor"].as_str().map(str::to_owned)).flatten()
            {
                let query = format!("{query}&cursor={cursor}");
                count(*operation, &query, &api.admin().send(TestRequest::of(*operation).query(&query)).await);
            }
            if operation.tier() != Tier::Admin {
                count(*operation, &format!("with a token, {query}"), &restricted.send(ask).await);
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

const EVENTS: &str = "
    insert into events (venture, kind, subject, at, data_json)
    select nullif('many-' || (i % 5), 'many-4'), iif(i % 2, 'note_saved', 'work_done'), 'note_' || i,
      strftime('%Y-%m-%dT%H:%M:%fZ'), '{\"outcome\":\"created\",\"version\":1}' from n";

/// The rows of each request that reads or appends events, with the events that are there.
async fn rows_with_events(api: &Api) -> Vec<(String, (u64, u64))> {
    let agent = api.agent().await;
    let mut counted = Vec::new();
    let started = agent.start_day(json!({})).await;
    let session = started.of::<DayStarted>(201).session.id;
    counted.push(("start_day".to_owned(), rows(&started)));
    counted.push(("update_session".to_owned(), rows(&agent.update_session(&session, json!({ "branch": "b" })).await)));
    counted.push(("create_note".to_owned(), rows(&agent.send(note(&agent, &[])).await)));
    counted.push(("end_day".to_owned(), rows(&agent.end_day(&session, json!({ "status": "done" })).await)));
    let head = api.head().await;
    for query in ["", "&venture=many-0", "&venture=none", "&kinds=work_done"] {
        for after in [head - 1_000, head] {
            let ask = TestRequest::of(Operation::ListEvents).query(format!("limit=100&after={after}{query}"));
            let response = api.admin().send(ask).await;
            assert_eq!(response.status, 200, "{response}");
            counted.push((format!("list_events after {} before the head{query}", head - after), rows(&response)));
        }
    }
    counted
}

#[tokio::test]
async fn the_rows_of_a_request_do_not_depend_on_the_number_of_events() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let fill = async |count: u32| {
        let rows =
            "with recursive n (i) as (select 0 union all select i + 1 from n where i < cast(?1 as integer) - 1) ";
        api.db_execute(&format!("{rows}{EVENTS}"), json!([count])).await;
    };
    fill(2_000).await;
    let few = rows_with_events(&api).await;
    for _ in 0..10 {
        fill(100_000).await;
    }
    let many = rows_with_events(&api).await;
    for ((name, few), (_, many)) in few.iter().zip(&many) {
        println!("{name}: {few:?} with 2,000 events, {many:?} with 1,000,000");
        let is_flat = |few: u64, many: u64| few.abs_diff(many) * 10 <= few.max(10);
        assert!(is_flat(few.0, many.0) && is_flat(few.1, many.1), "{name}: {few:?} became {many:?}");
    }
}

/// An agent's day: its start, heartbeats every ten minutes for eight hours, three notes, four changes of its branch or
/// issue, twenty reads, and its end.
#[tokio::test]
async fn a_day_of_an_agent_reads_and_writes_what_the_documents_say() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let agent = api.agent().await;
    let mut day = Day::default();
    let started = day.add(agent.start_day(json!({})).await);
    let session = started.of::<DayStarted>(201).session.id;
    for _ in 0..48 {
        _ = day.add(agent.heartbeat(&session).await);
    }
    for _ in 0..3 {
        _ = day.add(agent.send(note(&agent, &["strategy"])).await);
    }
    for n in 0..4 {
        _ = day
            .add(agent.update_session(&session, json!({ "branch": format!("fix-{n}"), "issue_number": n + 1 })).await);
    }
    for _ in 0..5 {
        for operation in [Operation::ListSessions, Operation::ListHandoffs, Operation::ListNotes, Operation::ListDocs] {
            _ = day.add(agent.send(TestRequest::of(operation).query(format!("venture={}", agent.venture))).await);
        }
    }
    _ = day.add(agent.end_day(&session, json!({ "next_steps": ["a"] })).await);
    println!("{day:?}");
    // The sweep deletes each log row, each of the 9 idempotency keys and each of the 10 events later.
    let deleted = day.requests + 9 + 10;
    let documented = operations_say(&format!("{} requests", day.requests));
    let expected = format!("writes {} rows and deletes {deleted} later", day.written);
    assert!(documented.contains(&expected), "docs/operations.md must say {expected:?}, but it says {documented:?}");
}

#[derive(Debug, Default)]
struct Day {
    requests: u64,
    read: u64,
    written: u64,
}

impl Day {
    #[track_caller]
    fn add(&mut self, response: Response) -> Response {
        assert!(response.status < 300, "{response}");
        let (read, written) = rows(&response);
        self.requests += 1;
        self.read += read;
        self.written += written;
        response
    }
}

/// The paragraph of docs/operations.md that contains `text`, on one line.
fn operations_say(text: &str) -> String {
    let document = include_str!("../../../docs/operations.md").replace("\r\n", "\n");
    let paragraphs = document.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    let found = paragraphs.into_iter().find(|paragraph| paragraph.contains(text));
    found.expect("docs/operations.md gives the number of requests of a day")
}
