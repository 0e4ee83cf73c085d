//! The events that each operation appends. The table of operations declares their kinds. A request that is refused or
//! replayed, or that changes nothing, appends none.

use std::collections::{BTreeMap, BTreeSet};

use deckwatch_protocol::operation::Effect;
use deckwatch_protocol::{DayStarted, EventKind, Operation, SessionId};
use deckwatch_tests::{Agent, Api, Caller, TestRequest, ask_register, fresh};
use serde_json::{Value, json};

use crate::examples::ExampleRecords;

/// An engine of its own, because other tests append events too, and the kinds that each operation has appended.
struct Observed {
    api: Api,
    agent: Agent,
    seen: BTreeMap<&'static str, BTreeSet<EventKind>>,
}

impl Observed {
    async fn new() -> Self {
        let api = Api::start_limited(1_000_000).await;
        let agent = api.agent().await;
        Self { api, agent, seen: BTreeMap::new() }
    }

    /// Sends a request as an admin. Checks that it appends these kinds, and that its replay appends none.
    async fn expect(&mut self, operation: Operation, ask: TestRequest, kinds: &[EventKind]) -> Value {
        let before = self.api.head().await;
        let answer = self.api.admin().send(ask.clone()).await;
        assert!((200..300).contains(&answer.status), "{}: {answer}", operation.id());
        let appended: Vec<_> =
            self.api.events_once(before, kinds.len()).await.into_iter().map(|event| event.kind).collect();
        assert_eq!(appended, kinds, "{} {ask:?}", operation.id());
        if operation.effect() == Effect::Write {
            assert!(self.api.admin().send(ask).await.is_replay(), "{}", operation.id());
            assert_eq!(self.api.kinds_after(before).await, kinds, "{}: the replay appends events", operation.id());
        }
        self.seen.entry(operation.id()).or_default().extend(appended);
        answer.json()
    }

    async fn start(&mut self, agent: &Agent, fields: Value, kinds: &[EventKind]) -> SessionId {
        let started = self.expect(Operation::StartDay, agent.ask_start_day(fields), kinds).await;
        serde_json::from_value::<DayStarted>(started).unwrap().session.id
    }

    async fn update(&mut self, session: &SessionId, patch: Value, kinds: &[EventKind]) {
        let ask = TestRequest::of(Operation::UpdateSession).with(session).json(&patch);
        self.expect(Operation::UpdateSession, ask, kinds).await;
    }

    async fn beat(&mut self, session: &SessionId, kinds: &[EventKind]) {
        self.expect(Operation::Heartbeat, TestRequest::of(Operation::Heartbeat).with(session), kinds).await;
    }

    /// Marks a session as abandoned, as the sweep does.
    async fn db_abandon(&self, session: &SessionId) {
        let sql = "update sessions set status = 'abandoned', ended_at = last_heartbeat_at, end_reason = 'stale' where id = ?1";
        self.api.db_execute(sql, json!([session])).await;
    }
}

async fn observe_sessions(observed: &mut Observed) {
    use EventKind::{AgentBlocked, AgentIdle, AgentWaiting, AgentWorking, SessionLost, SessionMoved, SessionStarted};
    let agent = observed.agent.clone();
    let session = observed.start(&agent, json!({ "branch": "main" }), &[SessionStarted]).await;
    observed.start(&agent, json!({}), &[]).await;
    observed.start(&agent, json!({ "branch": "main" }), &[]).await;
    observed.start(&agent, json!({ "branch": "fix", "issue_number": 87 }), &[SessionMoved]).await;
    observed.beat(&session, &[]).await;
    observed.update(&session, json!({ "branch": "fix", "issue_number": 87, "meta": { "n": 1 } }), &[]).await;
    observed.update(&session, json!({ "commit_sha": "0123456" }), &[]).await;
    observed.update(&session, json!({ "issue_number": null }), &[SessionMoved]).await;
    observed.update(&session, json!({ "track": 7 }), &[SessionMoved]).await;
    for (state, kind) in
        [("working", AgentWorking), ("idle", AgentIdle), ("waiting", AgentWaiting), ("blocked", AgentBlocked)]
    {
        let patch = json!({ "epoch": 1, "presence": { "state": state } });
        observed.update(&session, patch, &[kind]).await;
    }
    observed.db_abandon(&session).await;
    observed.beat(&session, &[SessionStarted]).await;
    observed.db_abandon(&session).await;
    observed.update(&session, json!({ "branch": "again" }), &[SessionStarted]).await;
    // The agent leaves and returns.
    let last = agent.session(&session).await.last_heartbeat_at;
    let leave = TestRequest::of(Operation::LeaveSession).with(&session).json(&json!({ "last_heartbeat_at": last }));
    observed.expect(Operation::LeaveSession, leave.clone(), &[SessionLost]).await;
    observed.expect(Operation::LeaveSession, leave, &[]).await;
    observed.start(&agent, json!({ "track": 7 }), &[SessionStarted]).await;
    // The agent leaves and returns on another branch.
    let last = agent.session(&session).await.last_heartbeat_at;
    let leave = TestRequest::of(Operation::LeaveSession).with(&session).json(&json!({ "last_heartbeat_at": last }));
    observed.expect(Operation::LeaveSession, leave, &[SessionLost]).await;
    let before = observed.api.head().await;
    observed.start(&agent, json!({ "track": 7, "branch": "other" }), &[SessionStarted]).await;
    assert_eq!(observed.api.events_after(before).await[0].data["branch"], "other");
    // Its own session and one of another agent are stale. The event of the other one follows after the answer.
    let silent = agent.colleague().started().await.session.id;
    observed.api.db_silence(&session, 46).await;
    observed.api.db_silence(&silent, 46).await;
    observed.start(&agent, json!({ "track": 7 }), &[SessionLost, SessionStarted, SessionLost]).await;
    observed.start(&agent, json!({ "track": 7 }), &[]).await;
}

async fn observe_handoffs(observed: &mut Observed) {
    use EventKind::{AgentBlocked, HandoffRecorded, SessionEnded, WorkDone};
    for (status, more) in
        [("in_progress", None), ("ready", None), ("blocked", Some(AgentBlocked)), ("done", Some(WorkDone))]
    {
        let agent = observed.agent.colleague();
        let session = agent.started().await.session.id;
        let mut kinds: Vec<_> = std::iter::once(HandoffRecorded).chain(more).collect();
        let handoff = json!({ "status": status });
        observed.expect(Operation::CreateHandoff, agent.ask_create_handoff(&session, handoff.clone()), &kinds).await;
        let end = agent.ask_end_day(&session, handoff.clone());
        let open = end.clone().json(&{
            let mut body = end.body();
            body["keep_open"] = json!(true);
            body
        });
        observed.expect(Operation::EndDay, open.key(&fresh("key-of-open-day")), &kinds).await;
        kinds.push(SessionEnded);
        observed.expect(Operation::EndDay, end, &kinds).await;
        observed.expect(Operation::EndDay, agent.ask_end_day(&session, handoff), &[]).await;
    }
}

async fn observe_claims(observed: &mut Observed) {
    use EventKind::{ClaimReleased, ClaimTaken, HandoffRecorded, SessionEnded, SessionLost, SessionStarted};
    let (one, two) = (observed.agent.colleague().holder().await, observed.agent.colleague().holder().await);
    let put = Operation::PutClaims;
    let both = ["issue:87", "path:src/**"];
    let taken = observed.expect(put, one.ask_claim(&both, json!({})), &[ClaimTaken, ClaimTaken]).await;
    observed.expect(put, one.ask_claim(&both, json!({})), &[]).await;
    observed.expect(put, one.ask_claim(&["issue:88", "issue:87"], json!({})), &[ClaimTaken]).await;
    let claim = serde_json::from_value(taken["items"][0].clone()).unwrap();
    observed.expect(Operation::ReleaseClaim, one.ask_release(&claim), &[ClaimReleased]).await;
    // What the starts of these days left for after their answers must not find the silent session.
    observed.api.after_answers().await;
    observed.api.db_silence(&one.session, 46).await;
    let take = two.ask_claim(&["issue:88", "issue:1"], json!({ "take": true, "reason": "The holder is gone." }));
    observed.expect(put, take, &[ClaimReleased, ClaimTaken, ClaimTaken]).await;
    let start = one.agent.ask_start_day(json!({}));
    observed.expect(Operation::StartDay, start, &[SessionLost, ClaimReleased, SessionStarted]).await;
    let end = two.agent.ask_end_day(&two.session, json!({}));
    let kinds = &[HandoffRecorded, SessionEnded, ClaimReleased, ClaimReleased];
    observed.expect(Operation::EndDay, end, kinds).await;
}

async fn observe_state(observed: &mut Observed) {
    let holder = observed.agent.colleague().holder().await;
    let changed: &[EventKind] = &[EventKind::StateChanged];
    let body = json!({ "session_id": holder.session, "epoch": 1, "value": 1 });
    let put = TestRequest::of(Operation::PutState).with(&holder.agent.venture).with("k").json(&body);
    observed.expect(Operation::PutState, put.header("if-none-match", "*"), changed).await;
    let delete = TestRequest::of(Operation::DeleteState).with(&holder.agent.venture).with("k");
    let delete = delete.query(format!("session_id={}&epoch=1", holder.session)).header("if-match", "*");
    observed.expect(Operation::DeleteState, delete, changed).await;
}

async fn observe_notes(observed: &mut Observed) {
    let saved: &[EventKind] = &[EventKind::NoteSaved];
    for venture in [json!(observed.agent.venture), Value::Null] {
        let note = json!({ "title": "T", "content": "C", "venture": venture });
        let note =
            observed.expect(Operation::CreateNote, TestRequest::of(Operation::CreateNote).json(&note), saved).await;
        let id = note["id"].as_str().unwrap();
        let change = |title: &str| TestRequest::of(Operation::UpdateNote).with(id).json(&json!({ "title": title }));
        observed.expect(Operation::UpdateNote, change("T"), &[]).await;
        observed.expect(Operation::UpdateNote, change("U"), saved).await;
        for (operation, kinds) in [
            (Operation::RestoreNote, &[] as &[EventKind]),
            (Operation::ArchiveNote, saved),
            (Operation::ArchiveNote, &[]),
            (Operation::RestoreNote, saved),
        ] {
            observed.expect(operation, TestRequest::of(operation).with(id), kinds).await;
        }
    }
}

async fn observe_memory(observed: &mut Observed) {
    let session = observed.agent.started().await.session.id;
    let memory = json!({ "kind": "memory", "session_id": session, "title": "T", "content": "C" });
    let memory = TestRequest::of(Operation::CreateNote).json(&memory);
    let memory = observed.expect(Operation::CreateNote, memory, &[EventKind::NoteSaved]).await;
    let forget = TestRequest::of(Operation::ArchiveNote).with(memory["id"].as_str().unwrap());
    observed.expect(Operation::ArchiveNote, forget, &[EventKind::NoteSaved]).await;
}

async fn observe_messages(observed: &mut Observed) {
    let mailbox = observed.agent.colleague().mailbox().await;
    let send = mailbox.ask_send(&["human"], json!({}));
    observed.expect(Operation::SendMessage, send, &[EventKind::MessageSent]).await;
    for (operation, more) in [
        (Operation::TakeInbox, json!({})),
        (
            Operation::ReportInbox,
            json!({ "items": [{
            "delivery_id": "dlv_01KDY02100000000000000000A", "status": "surfaced", "at": "2026-01-01T00:00:00.000Z" }] }),
        ),
    ] {
        let fence = json!({ "session_id": mailbox.session.id, "epoch": mailbox.session.epoch });
        let ask = TestRequest::of(operation).json(&deckwatch_tests::overlay(fence, more));
        observed.expect(operation, ask, &[]).await;
    }
}

async fn observe_docs_and_machines(observed: &mut Observed) {
    let changed: &[EventKind] = &[EventKind::DocChanged];
    for scope in [observed.agent.venture.clone(), "global".to_owned()] {
        let name = format!("{}.md", fresh("doc"));
        let put = |doc: Value| TestRequest::of(Operation::PutDoc).with(&scope).with(&name).json(&doc);
        observed.expect(Operation::PutDoc, put(json!({ "content": "# 1" })), changed).await;
        observed.expect(Operation::PutDoc, put(json!({ "content": "# 1" })), &[]).await;
        observed.expect(Operation::PutDoc, put(json!({ "content": "# 1", "title": "Other" })), &[]).await;
        observed.expect(Operation::PutDoc, put(json!({ "content": "# 2" })), changed).await;
        let delete = TestRequest::of(Operation::DeleteDoc).with(&scope).with(&name);
        observed.expect(Operation::DeleteDoc, delete, changed).await;
        observed.expect(Operation::PutDoc, put(json!({ "content": "# 2" })), changed).await;
    }
    let host = fresh("machine");
    let register = ask_register(&host, json!({}));
    let again = |ask: &TestRequest| ask.clone().key(&fresh("key-of-machine"));
    let registered: &[EventKind] = &[EventKind::MachineRegistered];
    observed.expect(Operation::RegisterMachine, register.clone(), registered).await;
    observed.expect(Operation::RegisterMachine, again(&register), &[]).await;
    observed.expect(Operation::RegisterMachine, ask_register(&host, json!({ "arch": "x86_64" })), registered).await;
}

async fn observe_moves(observed: &mut Observed) {
    use EventKind::{SessionLost, SessionMoved};
    let (agent, other) = (observed.api.agent().await, observed.api.agent().await);
    let colleague = agent.colleague();
    agent.started().await;
    let ended = agent.started_with(json!({ "track": 1 })).await.session.id;
    agent.ended(&ended).await;
    colleague.started().await;
    // The colleague has an active session under the new name too.
    let there = colleague.ask_start_day(json!({ "venture": other.venture, "repo": other.repo }));
    colleague.send(there).await.of::<DayStarted>(201);
    let body = json!({ "repo": agent.repo, "to_venture": other.venture, "to_repo": other.repo });
    let moving = TestRequest::of(Operation::MoveRecords).with(&agent.venture).json(&body);
    observed.expect(Operation::MoveRecords, moving.clone(), &[SessionMoved, SessionLost]).await;
    observed.expect(Operation::MoveRecords, moving, &[]).await;
}

#[tokio::test]
async fn each_operation_appends_the_kinds_that_it_declares_and_no_others() {
    let mut observed = Observed::new().await;
    observe_sessions(&mut observed).await;
    observe_handoffs(&mut observed).await;
    observe_claims(&mut observed).await;
    observe_state(&mut observed).await;
    observe_notes(&mut observed).await;
    observe_memory(&mut observed).await;
    observe_messages(&mut observed).await;
    observe_docs_and_machines(&mut observed).await;
    observe_moves(&mut observed).await;
    for operation in Operation::ALL {
        let seen = observed.seen.remove(operation.id()).unwrap_or_default();
        let declared: BTreeSet<_> = operation.events().iter().copied().collect();
        assert_eq!(seen, declared, "{}: extend its `events` in the table, or a function of this file", operation.id());
    }
}

#[test]
fn each_kind_has_something_that_appends_it() {
    for kind in EventKind::ALL {
        let by_operation = Operation::ALL.iter().any(|operation| operation.events().contains(kind));
        // `github::events` compares these with what deliveries append.
        assert!(by_operation != EventKind::OF_GITHUB.contains(kind), "{kind:?}");
    }
}

#[tokio::test]
async fn no_operation_appends_events_that_it_does_not_declare() {
    let api = Api::start_limited(1_000_000).await;
    let records = ExampleRecords::on(api.clone()).await;
    for operation in Operation::ALL {
        let before = api.head().await;
        let (bad, code) = records.bad(*operation);
        records.send(*operation, bad).await.problem(code);
        let wrong_key = records.good(*operation).header("authorization", "Bearer a-wrong-key-of-a-test");
        let _ = api.anonymous().send(wrong_key).await;
        assert_eq!(api.kinds_after(before).await, [], "{}: a refused request appends events", operation.id());
        let answer = records.send(*operation, records.good(*operation)).await;
        assert!(answer.status < 300, "{answer}");
        let appended = api.kinds_after(before).await;
        let declared = operation.events();
        assert!(appended.iter().all(|kind| declared.contains(kind)), "{}: {appended:?}", operation.id());
    }
}

#[tokio::test]
async fn requests_at_the_same_moment_append_each_event_once() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(agent.colleague().started().await.session.id);
    }
    for session in &silent {
        api.db_silence(session, 46).await;
    }
    let before = api.head().await;
    let mut requests = tokio::task::JoinSet::new();
    for n in 0..24 {
        let agent = agent.clone();
        // The embedded engine runs several requests in one transaction. A note also changes the full text index.
        let note = TestRequest::of(Operation::CreateNote).json(&json!({ "title": "T", "content": format!("word{n}") }));
        let ask = if n % 3 == 0 { note } else { agent.ask_start_day(json!({})) };
        requests.spawn(async move { (n % 3 == 0, agent.send(ask).await.status) });
    }
    let statuses = requests.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == (false, 201)).count(), 1, "{statuses:?}");
    let events = api.events_once(before, 19).await;
    let of = |kind: EventKind| events.iter().filter(move |event| event.kind == kind).map(|event| event.subject.clone());
    assert_eq!(of(EventKind::SessionStarted).count(), 1);
    let lost: Vec<_> = of(EventKind::SessionLost).collect();
    let expected: Vec<_> = silent.iter().map(ToString::to_string).collect();
    assert_eq!(lost, expected);
    assert_eq!(of(EventKind::NoteSaved).count(), 8);
    assert_eq!(events.len(), 19);
}

#[tokio::test]
async fn the_sweep_appends_an_event_for_each_session_that_it_abandons() {
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let silent = agent.started_with(json!({ "issue_number": 87 })).await.session.id;
    agent.colleague().started().await;
    api.db_silence(&silent, 46).await;
    let before = api.head().await;
    api.sweep().await;
    api.sweep().await;
    let events = api.events_after(before).await;
    let [lost] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((lost.kind, lost.subject.as_str()), (EventKind::SessionLost, silent.as_str()));
    assert_eq!((&lost.data["end_reason"], &lost.data["issue_number"]), (&json!("stale"), &json!(87)));
}
