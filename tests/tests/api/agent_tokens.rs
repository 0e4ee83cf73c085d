//! Tokens of agents: `create_agent_token`, and what such a token may do.

use deckwatch_protocol::{DayStarted, ErrorCode, Heartbeat, MintedToken, Operation, Scope, Session, Timestamp, Token};
use deckwatch_tests::{Agent, Api, Caller, KeyCaller, Response, TestRequest, fresh_uuid};
use serde_json::{Value, json};

use crate::tokens::mint;

/// The request for the token of an agent on a machine.
fn ask_exchange(agent: &Agent, machine: &str) -> TestRequest {
    let body = json!({ "venture": agent.venture, "agent": agent.name, "machine_id": machine });
    TestRequest::of(Operation::CreateAgentToken).json(&body)
}

/// A caller with the token of `agent`, and the token.
pub(crate) async fn exchanged(agent: &Agent, machine: &str) -> (KeyCaller, MintedToken) {
    let token: MintedToken = agent.send(ask_exchange(agent, machine)).await.of(201);
    (KeyCaller::of(agent.api(), token.token.clone()), token)
}

/// Days from now until `at`.
fn days_until(api: &Api, at: Timestamp) -> f64 {
    let seconds = (at.as_millis() - api.minutes_ago(0).as_millis()) / 1_000;
    f64::from(i32::try_from(seconds).unwrap()) / 86_400.0
}

#[tokio::test]
async fn the_context_key_is_exchanged_for_the_token_of_one_agent_for_7_days() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let machine = fresh_uuid();
    let ask = ask_exchange(&agent, &machine);
    let first = agent.send(ask.clone()).await;
    let token: MintedToken = first.of(201);
    assert_eq!(token.record.scopes, [Scope::Context]);
    assert_eq!(token.record.agent.as_ref().map(ToString::to_string), Some(agent.name.clone()));
    assert_eq!(token.record.machine_id.as_ref().map(ToString::to_string), Some(machine.clone()));
    assert_eq!(token.record.venture.as_ref().map(ToString::to_string), Some(agent.venture.clone()));
    let days = days_until(&api, token.record.expires_at.unwrap());
    assert!((6.9..7.1).contains(&days), "{days}");
    let replay = agent.send(ask).await;
    assert_eq!((replay.is_replay(), replay.body), (true, first.body.clone()));
    // No table contains the token.
    let rows = api
        .db_query("select response_json as t from idempotency_keys where operation = 'create_agent_token'", json!([]))
        .await;
    assert!(!rows.is_empty() && rows.iter().all(|row| !row["t"].as_str().unwrap().contains(&token.token)));
    // It works, under a rate of its own.
    let own = KeyCaller::of(&api, token.token.clone());
    let started = own.send(agent.ask_start_day(json!({ "machine_id": machine }))).await;
    let session = started.of::<DayStarted>(201).session;
    assert_eq!(session.actor_key_id, token.record.actor_key_id);
    assert_eq!(started.header("ratelimit-policy").map(|policy| policy.contains("200")), Some(true), "{started}");
}

#[tokio::test]
async fn a_second_exchange_renews_the_token_and_the_agent_stays_the_same_actor() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let machine = fresh_uuid();
    let (own, first) = exchanged(&agent, &machine).await;
    let age = || {
        api.db_execute("update tokens set expires_at = ?1 where id = ?2", json!([api.minutes_ago(1), first.record.id]))
    };
    age().await;
    own.send(agent.ask_start_day(json!({}))).await.problem(ErrorCode::Unauthorized);
    let second: MintedToken = agent.send(ask_exchange(&agent, &machine)).await.of(200);
    assert_eq!((&second.token, &second.record.id), (&first.token, &first.record.id));
    assert!(second.record.expires_at > first.record.expires_at);
    let _: DayStarted = own.send(agent.ask_start_day(json!({}))).await.of(201);
    // The token renews itself.
    let soon = Timestamp::from_millis(api.minutes_ago(-60).as_millis());
    api.db_execute("update tokens set expires_at = ?1 where id = ?2", json!([soon, first.record.id])).await;
    let renewed: MintedToken = own.send(ask_exchange(&agent, &machine)).await.of(200);
    assert_eq!((&renewed.token, &renewed.record.id), (&first.token, &first.record.id));
    assert!(days_until(&api, renewed.record.expires_at.unwrap()) > 6.9);
    // Another machine or agent has a token of its own.
    let (_, other) = exchanged(&agent, &fresh_uuid()).await;
    let (_, colleague) = exchanged(&agent.colleague(), &machine).await;
    assert!(other.token != first.token && colleague.token != first.token && other.token != colleague.token);
}

#[tokio::test]
async fn the_token_of_an_agent_is_for_no_other_agent_venture_or_machine() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (machine, colleague) = (fresh_uuid(), agent.colleague());
    let (own, _) = exchanged(&agent, &machine).await;
    let session = colleague.started().await.session.id;
    let elsewhere = api.venture().await;
    let at = |venture: &str, agent: &str, machine: &str| {
        TestRequest::of(Operation::CreateAgentToken)
            .json(&json!({ "venture": venture, "agent": agent, "machine_id": machine }))
    };
    let before = api.db_records_of(&agent.venture).await;
    let patch = |body: Value| TestRequest::of(Operation::UpdateSession).with(&session).json(&body);
    for ask in [
        at(&agent.venture, &colleague.name, &machine),
        at(&elsewhere, &agent.name, &machine),
        at(&agent.venture, &agent.name, &fresh_uuid()),
        colleague.ask_start_day(json!({})),
        agent.ask_start_day(json!({ "machine_id": fresh_uuid() })),
        agent.ask_start_day(json!({ "venture": elsewhere })),
        patch(json!({ "branch": "theirs" })),
        TestRequest::of(Operation::Heartbeat).with(&session),
        TestRequest::of(Operation::LeaveSession)
            .with(&session)
            .json(&json!({ "last_heartbeat_at": "2999-01-01T00:00:00Z" })),
        colleague.ask_create_handoff(&session, json!({})),
        colleague.ask_end_day(&session, json!({})),
        TestRequest::of(Operation::CreateToken).json(&json!({ "name": "mine", "scopes": ["context"] })),
    ] {
        own.send(ask).await.problem(ErrorCode::Forbidden);
    }
    assert_eq!(api.db_records_of(&agent.venture).await, before);
    // It reads what others do, and does everything for its own agent.
    let _: Session = own.send(TestRequest::of(Operation::GetSession).with(&session)).await.of(200);
    let mine = own.send(agent.ask_start_day(json!({}))).await.of::<DayStarted>(201).session.id;
    let _: Heartbeat = own.send(TestRequest::of(Operation::Heartbeat).with(&mine)).await.of(200);
    let _: deckwatch_protocol::Handoff = own.send(agent.ask_create_handoff(&mine, json!({}))).await.of(201);
    let _: deckwatch_protocol::DayEnded = own.send(agent.ask_end_day(&mine, json!({}))).await.of(200);
}

#[tokio::test]
async fn the_name_belongs_to_the_key_that_was_exchanged() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let machine = fresh_uuid();
    let by_machine = || json!({ "machine_id": machine });
    // The agent was started with the key before, and is now started with a token.
    agent.started_with(by_machine()).await;
    let (own, token) = exchanged(&agent, &machine).await;
    let _: DayStarted = own.send(agent.ask_start_day(by_machine())).await.of(200);
    // The token's machine is known without the field, so the name is checked.
    let (elsewhere, _) = exchanged(&agent, &fresh_uuid()).await;
    elsewhere.send(agent.ask_start_day(json!({}))).await.problem(ErrorCode::AgentNameTaken);
    // After the token was revoked, a new one has the same name.
    let revoke = TestRequest::of(Operation::RevokeToken).with(&token.record.id);
    let _: Token = api.admin().send(revoke).await.of(200);
    let (next, new) = exchanged(&agent, &machine).await;
    assert_ne!((&new.token, &new.record.id), (&token.token, &token.record.id));
    let _: DayStarted = next.send(agent.ask_start_day(by_machine())).await.of(200);
}

#[tokio::test]
async fn revoking_one_token_stops_one_agent() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let colleague = agent.colleague();
    let machine = fresh_uuid();
    let (stopped, token) = exchanged(&agent, &machine).await;
    let (other, _) = exchanged(&colleague, &machine).await;
    let revoke = TestRequest::of(Operation::RevokeToken).with(&token.record.id);
    let _: Token = api.admin().send(revoke).await.of(200);
    stopped.send(agent.ask_start_day(json!({}))).await.problem(ErrorCode::Unauthorized);
    stopped.send(ask_exchange(&agent, &machine)).await.problem(ErrorCode::Unauthorized);
    let _: DayStarted = other.send(colleague.ask_start_day(json!({}))).await.of(201);
}

#[tokio::test]
async fn a_token_is_renewed_only_while_the_key_is_valid_that_it_was_exchanged_for() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let machine = fresh_uuid();
    let plain = mint(&api, json!({ "scopes": ["context"], "venture": agent.venture })).await;
    let holder = KeyCaller::of(&api, plain.token);
    let token: MintedToken = holder.send(ask_exchange(&agent, &machine)).await.of(201);
    let own = KeyCaller::of(&api, token.token.clone());
    let _: MintedToken = own.send(ask_exchange(&agent, &machine)).await.of(200);
    // It is not valid for longer than its parent.
    let tomorrow = Timestamp::from_millis(api.minutes_ago(-24 * 60).as_millis());
    api.db_execute("update tokens set expires_at = ?1 where id = ?2", json!([tomorrow, plain.record.id])).await;
    for caller in [&own, &holder] {
        let renewed: MintedToken = caller.send(ask_exchange(&agent, &machine)).await.of(200);
        assert_eq!(renewed.record.expires_at, Some(tomorrow));
    }
    let revoke = TestRequest::of(Operation::RevokeToken).with(&plain.record.id);
    let _: Token = api.admin().send(revoke).await.of(200);
    own.send(ask_exchange(&agent, &machine)).await.problem(ErrorCode::Forbidden);
    // The same for a configured key that was replaced.
    let (own, token) = exchanged(&agent, &machine).await;
    api.db_execute("update tokens set created_by = 'ffffffffffffffff' where id = ?1", json!([token.record.id])).await;
    own.send(ask_exchange(&agent, &machine)).await.problem(ErrorCode::Forbidden);
    let _: DayStarted = own.send(agent.ask_start_day(json!({}))).await.of(201);
}

#[tokio::test]
async fn a_key_without_the_context_scope_gets_no_token_and_a_restricted_one_only_in_its_venture() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for scopes in [json!(["read-only"]), json!(["docs:write"])] {
        let holder = KeyCaller::of(&api, mint(&api, json!({ "scopes": scopes })).await.token);
        holder.send(ask_exchange(&agent, &fresh_uuid())).await.problem(ErrorCode::Forbidden);
    }
    let restricted =
        KeyCaller::of(&api, mint(&api, json!({ "scopes": ["context"], "venture": api.venture().await })).await.token);
    restricted.send(ask_exchange(&agent, &fresh_uuid())).await.problem(ErrorCode::Forbidden);
    let nowhere = api.agent_nowhere();
    nowhere.send(ask_exchange(&nowhere, &fresh_uuid())).await.problem(ErrorCode::VentureNotRegistered);
    let wrong = json!({ "venture": agent.venture, "agent": "a b", "machine_id": "x", "scopes": ["admin"] });
    let ask = TestRequest::of(Operation::CreateAgentToken).json(&wrong);
    agent.send(ask).await.problem_at(ErrorCode::InvalidRequest, &["/agent", "/machine_id", "/scopes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_at_the_same_moment_give_one_token() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let machine = fresh_uuid();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (agent, ask) = (agent.clone(), ask_exchange(&agent, &machine));
        running.spawn(async move { agent.send(ask).await });
    }
    let answers: Vec<Response> = running.join_all().await;
    let tokens: std::collections::BTreeSet<_> =
        answers.iter().map(|answer| answer.of::<MintedToken>(answer.status).token).collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
}

#[tokio::test]
async fn a_long_name_of_an_agent_gets_a_token_too() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let body = json!({ "venture": agent.venture, "agent": "a".repeat(128), "machine_id": fresh_uuid() });
    let token: MintedToken = agent.send(TestRequest::of(Operation::CreateAgentToken).json(&body)).await.of(201);
    assert_eq!(token.record.name.as_str().len(), 100);
}

#[tokio::test]
async fn the_sweep_deletes_tokens_of_agents_that_expired_long_ago() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let mut kept = Vec::new();
    for days in [31, 29, 0] {
        let (_, token) = exchanged(&agent.colleague(), &fresh_uuid()).await;
        let past = json!([api.minutes_ago(days * 24 * 60), token.record.id]);
        api.db_execute("update tokens set expires_at = ?1 where id = ?2", past).await;
        kept.extend((days != 31).then(|| token.record.id.to_string()));
    }
    // The token of an admin stays, because it is not renewed and its name may be of use.
    let other = mint(&api, json!({ "venture": agent.venture })).await;
    let past = json!([api.minutes_ago(400 * 24 * 60), other.record.id]);
    api.db_execute("update tokens set expires_at = ?1 where id = ?2", past).await;
    kept.push(other.record.id.to_string());
    api.sweep().await;
    let left = api.db_query("select id from tokens where venture = ?1 order by id", json!([agent.venture])).await;
    assert_eq!(left.iter().map(|row| row["id"].as_str().unwrap()).collect::<Vec<_>>(), kept);
}
