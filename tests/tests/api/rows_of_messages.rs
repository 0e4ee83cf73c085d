//! The rows that D1 reads and writes for messages: few, and as many with a million messages as with a thousand.

use deckwatch_protocol::{Operation, SentMessage, TakenInbox};
use deckwatch_tests::{Api, Caller, Mailbox, Response, TestRequest};
use serde_json::{Value, json};

use crate::row_counts::{MAX_READ, SKIPPED, rows};

/// Inserts so many messages between other agents of the venture, each with one delivery. Half of these wait.
const MESSAGES: &str = "
    insert into messages (id, venture, from_agent, kind, body, to_json, priority, ack_required, sent_at, expires_at, due_at,
      actor_key_id, creation_correlation_id)
    select printf('msg_00%022d00', cast(?1 as integer) + i), ?3, 'many-' || (i % 50), 'note', 'text', '[]', 'next', 0, ?4, ?5, ?5, 'a', 'c' from n";

const DELIVERIES: &str = "
    insert into deliveries (id, message_id, venture, agent, later, expires_at, status, queued_at)
    select printf('dlv_00%022d01', cast(?1 as integer) + i), printf('msg_00%022d00', cast(?1 as integer) + i), ?3, 'many-' || (i % 50), 1, ?5,
      iif(i % 2, 'queued', 'acknowledged'), ?4 from n";

const NUMBERS: &str =
    "with recursive n (i) as (select 0 union all select i + 1 from n where i < cast(?2 as integer) - 1) ";

async fn fill(api: &Api, venture: &str, first: u32, count: u32) {
    let params = json!([first, count, venture, api.minutes_ago(60), api.minutes_ago(-60)]);
    for sql in [MESSAGES, DELIVERIES] {
        api.db_execute(&format!("{NUMBERS}{sql}"), params.clone()).await;
    }
}

/// The rows of each operation about a few messages.
async fn rows_of_operations(agent: &deckwatch_tests::Agent) -> Vec<(&'static str, (u64, u64))> {
    let (sender, other) = (agent.colleague().mailbox().await, agent.colleague().mailbox().await);
    let mut counted = Vec::new();
    let mut count = |name, response: Response| {
        assert!(response.status < 300, "{name}: {response}");
        counted.push((name, rows(&response)));
        response
    };
    let sent: SentMessage = count("send_message", sender.send(&[other.name()], json!({})).await).of(201);
    let query = format!("session_id={}&to={}", sender.session.id, other.name());
    let _ = count("list_recipients", agent.send(TestRequest::of(Operation::ListRecipients).query(query)).await);
    let _ = count("list_inbox", other.list("").await);
    let taken: TakenInbox = count("take_inbox", other.take(json!({})).await).of(200);
    let items =
        json!([{ "delivery_id": taken.items[0].delivery_id, "status": "surfaced", "at": "2026-01-01T00:00:00.000Z" }]);
    let _ = count("report_inbox", other.report(items).await);
    let _ = count("get_message", sender.get(&sent.id).await);
    let handoff = json!({ "to_agent": other.name() });
    let _ = count("create_handoff", sender.agent.create_handoff(&sender.session.id, handoff).await);
    counted
}

#[tokio::test]
async fn the_rows_of_a_message_do_not_depend_on_the_number_of_messages() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let agent = api.agent().await;
    fill(&api, &agent.venture, 0, 1_000).await;
    let few = rows_of_operations(&agent).await;
    for n in 0..20 {
        fill(&api, &agent.venture, 1_000 + n * 50_000, 50_000).await;
    }
    let many = rows_of_operations(&agent).await;
    for ((name, few), (_, many)) in few.iter().zip(&many) {
        println!("{name}: {few:?} with 1,000 messages, {many:?} with 1,000,000");
        let is_flat = |few: u64, many: u64| few.abs_diff(many) * 10 <= few.max(20);
        assert!(is_flat(few.0, many.0) && is_flat(few.1, many.1), "{name}: {few:?} became {many:?}");
    }
}

/// The largest requests, on a venture with as many sessions as a message may have to read.
#[tokio::test]
async fn no_request_about_messages_reads_more_than_the_limit() {
    let Some(api) = Api::start_counting().await else { return println!("{SKIPPED}") };
    let agent = api.agent().await;
    let (sender, other) = (agent.mailbox().await, agent.colleague().mailbox().await);
    let sessions = "
        with recursive n (i) as (select 1 union all select i + 1 from n where i < 198)
        insert into sessions (id, agent, client, host, venture, repo, created_at, last_heartbeat_at, actor_key_id,
          creation_correlation_id, groups_json)
        select printf('sess_00000000000000000000%06d', i), printf('copy-%03d', i), s.client, s.host, s.venture, s.repo,
          s.created_at, s.last_heartbeat_at, s.actor_key_id, s.creation_correlation_id, '{\"team\":\"member\"}'
        from n cross join sessions s where s.id = ?1";
    api.db_execute(sessions, json!([sender.session.id])).await;
    let agents = "
        insert into agents (venture, agent, owner, taken_at, last_seen_at)
        select venture, agent, 'context', created_at, last_heartbeat_at from sessions where agent glob 'copy-*' and venture = ?1";
    api.db_execute(agents, json!([agent.venture])).await;
    let over = std::cell::RefCell::new(Vec::new());
    let within = |name: &str, response: &Response| {
        assert!(response.status < 300, "{name}: {response}");
        println!("{name}: {:?}", rows(response));
        if rows(response).0 > MAX_READ {
            over.borrow_mut().push(format!("{name} reads {:?}", rows(response)));
        }
    };
    // All agents, all kinds of groups, and as many names as a message may have.
    let names: Vec<String> = (1..=42).map(|n| format!("copy-{n:03}")).collect();
    let groups = ["@all", "@team", "@team:member", "@a", "@b", "@c", "@d", "@e"];
    let to: Vec<&str> = groups.into_iter().chain(names.iter().map(String::as_str)).collect();
    let response = sender.send(&to, json!({})).await;
    within("send_message", &response);
    let sent: SentMessage = response.of(201);
    assert_eq!(sent.recipients.total, 199);
    within("get_message", &sender.get(&sent.id).await);
    let encoded = to.join(",").replace('@', "%40").replace(':', "%3A");
    let query = format!("session_id={}&to={encoded}", sender.session.id);
    within("list_recipients", &agent.send(TestRequest::of(Operation::ListRecipients).query(query)).await);
    // A full mailbox, of which 50 messages are offered to a process that is gone.
    let deliver = "
        with recursive n (i) as (select 0 union all select i + 1 from n where i < 999)
        insert into deliveries (id, message_id, venture, agent, owner, later, expires_at, queued_at)
        select printf('dlv_00%022d01', i), m.id, m.venture, ?2, 'context', 1, m.expires_at, m.sent_at
        from n cross join messages m where m.id = ?1";
    api.db_execute(deliver, json!([sent.id, other.name()])).await;
    within("list_inbox", &other.list("&limit=100").await);
    let first = other.take(json!({ "limit": 50 })).await;
    within("take_inbox", &first);
    let next: Mailbox = other.restarted().await;
    let again = next.take(json!({ "limit": 50 })).await;
    within("take_inbox again", &again);
    let taken: TakenInbox = again.of(200);
    assert_eq!(taken.items.len(), 50);
    let reports: Vec<Value> = taken
        .items
        .iter()
        .map(|item| json!({ "delivery_id": item.delivery_id, "status": "refused", "reason": "test", "at": item.message.sent_at }))
        .collect();
    within("report_inbox", &next.report(json!(reports)).await);
    let moved = json!({ "machine_id": deckwatch_tests::fresh_uuid(), "take_over": "the machine is lost" });
    within("start_day", &next.agent.start_day(moved).await);
    let old = json!({ "repo": agent.repo, "to_venture": api.venture().await, "to_repo": "example-org/new" });
    let ask = TestRequest::of(Operation::MoveRecords).with(&agent.venture).json(&old);
    for n in 0..200 {
        let response = api.admin().send(ask.clone()).await;
        within(&format!("move_records {n}"), &response);
        if response.json()["more"] != json!(true) {
            break;
        }
    }
    assert_eq!(*over.borrow(), Vec::<String>::new());
    let left = "select count(*) as n from messages where venture = ?1";
    assert_eq!(api.db_count(left, json!([agent.venture])).await, 0);
}
