//! Names of agents: a name in a venture belongs to the owner and the machine that took it first.

use std::collections::BTreeSet;

use deckwatch_protocol::{DayStarted, ErrorCode, EventKind, Operation};
use deckwatch_tests::{Agent, Api, Caller, KeyCaller, TestRequest, fresh_uuid};
use serde_json::{Value, json};

use crate::tokens::mint;

/// The owner and the machine of the agent's name.
async fn holder(agent: &Agent, api: &Api) -> Value {
    let sql = "select json_array(owner, machine_id) as holder from agents where venture = ?1 and agent = ?2";
    let rows = api.db_query(sql, json!([agent.venture, agent.name])).await;
    serde_json::from_str(rows[0]["holder"].as_str().unwrap()).unwrap()
}

fn reason(session: &deckwatch_protocol::Session) -> Option<String> {
    session.take_over_reason.as_ref().map(ToString::to_string)
}

#[tokio::test]
async fn another_machine_can_not_use_the_name_of_an_agent() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (mine, other) = (fresh_uuid(), fresh_uuid());
    let session = agent.started_with(json!({ "machine_id": mine })).await.session;
    let before = api.db_records_of(&agent.venture).await;
    let refused = agent.start_day(json!({ "machine_id": other, "branch": "theirs" })).await;
    refused.problem_at(ErrorCode::AgentNameTaken, &["/agent"]);
    assert!(refused.problem(ErrorCode::AgentNameTaken).detail.contains("take_over"), "{refused}");
    assert_eq!(api.db_records_of(&agent.venture).await, before, "a refused start of day changes nothing");
    let again: DayStarted = agent.start_day(json!({ "machine_id": mine })).await.of(200);
    assert_eq!((&again.session.id, again.session.branch), (&session.id, session.branch));
    // The name stays taken when the day has ended, and in another repository of the venture.
    agent.ended(&session.id).await;
    agent.start_day(json!({ "machine_id": other })).await.problem(ErrorCode::AgentNameTaken);
    agent.elsewhere().start_day(json!({ "machine_id": other })).await.problem(ErrorCode::AgentNameTaken);
    // Another venture has names of its own.
    let elsewhere = api.venture().await;
    let there = agent.start_day(json!({ "machine_id": other, "venture": elsewhere })).await;
    let _: DayStarted = there.of(201);
}

#[tokio::test]
async fn a_reason_takes_a_name_over_with_its_session_and_an_event() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (first, second) = (fresh_uuid(), fresh_uuid());
    let id = |start: &str| json!({ "machine_id": first, "start_id": start });
    let session = agent.started_with(id(&fresh_uuid())).await.session;
    assert_eq!(session.epoch.get(), 1);
    let before = api.head().await;
    let over = json!({ "machine_id": second, "start_id": fresh_uuid(), "take_over": "mac1 is in repair" });
    let ask = agent.ask_start_day(over);
    let taken: DayStarted = agent.send(ask.clone()).await.of(200);
    assert_eq!((&taken.session.id, taken.session.epoch.get()), (&session.id, 2));
    assert_eq!(reason(&taken.session).as_deref(), Some("mac1 is in repair"));
    assert!(agent.send(ask).await.is_replay());
    let events: Vec<_> =
        api.events_after(before).await.into_iter().filter(|event| event.subject == session.id.as_str()).collect();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((event.kind, &event.data["taken_over"]), (EventKind::SessionStarted, &json!(true)));
    assert!(!json!(event).to_string().contains("repair"), "an event has no text of an agent");
    assert_eq!(holder(&agent, &api).await, json!(["context", second]));
    // Now the first machine is the other one. A reason for one's own name takes nothing.
    agent.start_day(id(&fresh_uuid())).await.problem(ErrorCode::AgentNameTaken);
    let before = api.head().await;
    let own = json!({ "machine_id": second, "take_over": "again" });
    let again: DayStarted = agent.start_day(own).await.of(200);
    assert_eq!(reason(&again.session).as_deref(), Some("mac1 is in repair"));
    // Others see it, in their day and in a list.
    let day = agent.colleague().started().await;
    let seen = &day.active_sessions.items[0];
    assert_eq!(seen.take_over_reason.as_ref().map(ToString::to_string).as_deref(), Some("mac1 is in repair"));
    assert_eq!(reason(&agent.session(&session.id).await).as_deref(), Some("mac1 is in repair"));
    assert!(api.events_after(before).await.iter().all(|event| event.subject != session.id.as_str()));
    // Without a session to go on with, the event of the new session says so.
    agent.ended(&session.id).await;
    let before = api.head().await;
    let back = json!({ "machine_id": first, "take_over": "mac1 is back" });
    let new = agent.started_with(back).await.session;
    assert_eq!(reason(&new).as_deref(), Some("mac1 is back"));
    let new = new.id;
    let events = api.events_after(before).await;
    let started: Vec<_> = events.iter().filter(|event| event.subject == new.as_str()).collect();
    assert_eq!(started.len(), 1, "{events:?}");
    assert_eq!(started[0].data["taken_over"], true);
}

#[tokio::test]
async fn clients_without_a_machine_keep_working_and_take_no_name() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let first = agent.started().await.session;
    let again: DayStarted = agent.start_day(json!({})).await.of(200);
    assert_eq!((again.session.id, again.session.epoch), (first.id.clone(), first.epoch));
    // The first machine that names itself takes the name, and needs no reason.
    let machine = fresh_uuid();
    let _: DayStarted = agent.start_day(json!({ "machine_id": machine })).await.of(200);
    assert_eq!(holder(&agent, &api).await, json!(["context", machine]));
    // A client without a machine is not refused, and changes no owner.
    let _: DayStarted = agent.start_day(json!({})).await.of(200);
    let _: DayStarted = KeyCaller::of(&api, api.admin_key()).send(agent.ask_start_day(json!({}))).await.of(200);
    assert_eq!(holder(&agent, &api).await, json!(["context", machine]));
}

#[tokio::test]
async fn another_key_is_another_owner_also_on_the_same_machine() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let machine = json!({ "machine_id": fresh_uuid() });
    agent.started_with(machine.clone()).await;
    let token = mint(&api, json!({ "scopes": ["context"] })).await;
    let theirs = KeyCaller::of(&api, token.token);
    theirs.send(agent.ask_start_day(machine.clone())).await.problem(ErrorCode::AgentNameTaken);
    api.admin().send(agent.ask_start_day(machine)).await.problem(ErrorCode::AgentNameTaken);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_machines_that_take_a_name_at_the_same_moment_one_gets_it() {
    let api = Api::start().await;
    for _ in 0..4 {
        let agent = api.agent().await;
        let machines = [fresh_uuid(), fresh_uuid()];
        let mut running = tokio::task::JoinSet::new();
        for n in 0..16 {
            let (agent, machine) = (agent.clone(), machines[n % 2].clone());
            running.spawn(async move {
                let answer = agent.start_day(json!({ "machine_id": machine })).await;
                (machine, answer.status)
            });
        }
        let answers = running.join_all().await;
        let winners: BTreeSet<_> =
            answers.iter().filter(|(_, status)| *status < 300).map(|(machine, _)| machine).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|(_, status)| *status == 409).count(), 8, "{answers:?}");
        let sessions = "select count(*) as n from sessions where agent = ?1";
        assert_eq!(api.db_count(sessions, json!([agent.name])).await, 1);
    }
}

#[tokio::test]
async fn an_invalid_machine_process_group_or_reason_is_named() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let wrong = json!({
        "start_id": "not-a-uuid", "machine_id": "MAC", "public_key": "short", "take_over": "two\nlines",
        "groups": { "All": "lead", "all": "lead", "good": "a/b", "other": 7, "fine": "member" },
    });
    let named = [
        "/start_id",
        "/machine_id",
        "/public_key",
        "/take_over",
        "/groups/All",
        "/groups/all",
        "/groups/good",
        "/groups/other",
    ];
    agent.start_day(wrong).await.problem_at(ErrorCode::InvalidRequest, &named);
    let many: Value = (0..17).map(|n| (format!("g{n}"), json!("member"))).collect::<serde_json::Map<_, _>>().into();
    agent.start_day(json!({ "groups": many })).await.problem_at(ErrorCode::InvalidRequest, &["/groups"]);
    let long = json!({ "take_over": "x".repeat(201), "groups": [] });
    agent.start_day(long).await.problem_at(ErrorCode::InvalidRequest, &["/take_over", "/groups"]);
    assert_eq!(api.db_count("select count(*) as n from agents where agent = ?1", json!([agent.name])).await, 0);
}

#[tokio::test]
async fn neither_the_machine_nor_the_process_is_shown_to_others() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (machine, start) = (fresh_uuid(), fresh_uuid());
    let own = agent.start_day(json!({ "machine_id": machine, "start_id": start })).await;
    let id = own.of::<DayStarted>(201).session.id;
    let others = agent.colleague().start_day(json!({})).await;
    let list = agent.send(TestRequest::of(Operation::ListSessions).query(format!("venture={}", agent.venture))).await;
    let read = agent.send(TestRequest::of(Operation::GetSession).with(&id)).await;
    for answer in [own, others, list, read] {
        let text = answer.json().to_string();
        assert!(!text.contains(&machine) && !text.contains(&start), "{text}");
    }
}
