//! The shared state of a venture: compare-and-set, versions, limits and the fence.

use deckwatch_protocol::{ErrorCode, EventKind, Operation, Page, StateEntry, StateRead};
use deckwatch_tests::{Api, Caller, Holder, KeyCaller, Response, TestRequest};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::tokens::mint;

fn ask_put(holder: &Holder, key: &str, value: &Value) -> TestRequest {
    let put = TestRequest::of(Operation::PutState).with(&holder.agent.venture).with(key);
    put.json(&json!({ "session_id": holder.session, "epoch": 1, "value": value }))
}

/// Creates a key.
async fn created(holder: &Holder, key: &str, value: Value) -> StateEntry {
    holder.agent.send(ask_put(holder, key, &value).header("if-none-match", "*")).await.of(201)
}

/// Changes a key of this version.
async fn put(holder: &Holder, key: &str, version: u32, value: Value) -> Response {
    holder.agent.send(ask_put(holder, key, &value).header("if-match", format!("\"{version}\""))).await
}

fn ask_delete(holder: &Holder, key: &str) -> TestRequest {
    let delete = TestRequest::of(Operation::DeleteState).with(&holder.agent.venture).with(key);
    delete.query(format!("session_id={}&epoch=1", holder.session))
}

fn ask_get(holder: &Holder, key: &str) -> TestRequest {
    TestRequest::of(Operation::GetState).with(&holder.agent.venture).with(key)
}

#[tokio::test]
async fn a_change_names_the_version_that_it_replaces() {
    let api = Api::start().await;
    let holder = api.agent().await.holder().await;
    holder.agent.send(ask_put(&holder, "k", &json!(1))).await.problem(ErrorCode::PreconditionRequired);
    let entry = created(&holder, "k", json!({ "a": [1, null] })).await;
    assert_eq!((entry.version, entry.by.as_str()), (1, holder.agent.name.as_str()));
    let again = ask_put(&holder, "k", &json!(2)).header("if-none-match", "*");
    holder.agent.send(again).await.problem(ErrorCode::StateChanged);
    for wrong in [2, 7] {
        put(&holder, "k", wrong, json!(2)).await.problem(ErrorCode::StateChanged);
    }
    let changed = put(&holder, "k", 1, json!(2)).await;
    assert_eq!((changed.header("etag"), changed.of::<StateEntry>(200).version), (Some("\"2\""), 2));
    put(&holder, "none", 1, json!(2)).await.problem(ErrorCode::StateChanged);
    let read = holder.agent.send(ask_get(&holder, "k")).await;
    assert_eq!(read.header("etag"), Some("\"2\""));
    assert_eq!(read.of::<StateRead>(200).value.0, json!(2));
    let old = holder.agent.send(ask_get(&holder, "k").query("version=1")).await.of::<StateRead>(200);
    assert_eq!(old.value.0, json!({ "a": [1, null] }));
    assert_eq!(holder.agent.send(ask_get(&holder, "k").header("if-none-match", "\"2\"")).await.status, 304);
    holder.agent.send(ask_get(&holder, "none")).await.problem(ErrorCode::StateNotFound);
}

#[tokio::test]
async fn version_numbers_go_on_after_a_deletion_until_the_sweep_forgets_them() {
    let api = Api::start_limited(1_000_000).await;
    let holder = api.agent().await.holder().await;
    created(&holder, "k", json!(1)).await;
    holder.agent.send(ask_delete(&holder, "k")).await.problem(ErrorCode::PreconditionRequired);
    let star = ask_delete(&holder, "k").header("if-none-match", "*");
    holder.agent.send(star).await.problem(ErrorCode::PreconditionRequired);
    holder.agent.send(ask_delete(&holder, "k").header("if-match", "\"2\"")).await.problem(ErrorCode::StateChanged);
    let deleted = holder.agent.send(ask_delete(&holder, "k").header("if-match", "\"1\"")).await.of::<StateEntry>(200);
    assert_eq!((deleted.version, deleted.size_bytes), (2, 0));
    holder.agent.send(ask_get(&holder, "k")).await.problem(ErrorCode::StateNotFound);
    holder.agent.send(ask_delete(&holder, "k").header("if-match", "*")).await.problem(ErrorCode::StateNotFound);
    assert_eq!(created(&holder, "k", json!(3)).await.version, 3);
    holder.agent.send(ask_delete(&holder, "k").header("if-match", "*")).await.of::<StateEntry>(200);
    let past = "update state_entries set deleted_at = '2020-01-01T00:00:00.000Z' where deleted_at is not null";
    api.db_execute(past, json!([])).await;
    api.sweep().await;
    assert_eq!(api.db_count("select count(*) as n from state_versions", json!([])).await, 0);
    assert_eq!(created(&holder, "k", json!(4)).await.version, 1);
}

#[tokio::test]
async fn twenty_versions_and_a_thousand_keys_are_kept() {
    let api = Api::start().await;
    let holder = api.agent().await.holder().await;
    created(&holder, "k", json!(1)).await;
    for version in 1..25 {
        put(&holder, "k", version, json!(version + 1)).await.of::<StateEntry>(200);
    }
    holder.agent.send(ask_get(&holder, "k").query("version=5")).await.problem(ErrorCode::StateNotFound);
    holder.agent.send(ask_get(&holder, "k").query("version=6")).await.of::<StateRead>(200);
    let large = json!("x".repeat(64 * 1024 - 1));
    put(&holder, "k", 25, large).await.problem_at(ErrorCode::InvalidRequest, &["/value"]);
    put(&holder, "k", 25, json!("x".repeat(64 * 1024 - 2))).await.of::<StateEntry>(200);
    let full = "update state_counts set keys = 1000 where venture = ?1";
    api.db_execute(full, json!([holder.agent.venture])).await;
    let refused = ask_put(&holder, "other", &json!(1)).header("if-none-match", "*");
    holder.agent.send(refused).await.problem(ErrorCode::StateFull);
    put(&holder, "k", 26, json!(1)).await.of::<StateEntry>(200);
    holder.agent.send(ask_delete(&holder, "k").header("if-match", "*")).await.of::<StateEntry>(200);
    created(&holder, "other", json!(1)).await;
}

#[tokio::test]
async fn a_change_is_an_event_without_the_value() {
    let api = Api::start_limited(1_000_000).await;
    let holder = api.agent().await.holder().await;
    let before = api.head().await;
    created(&holder, "deploy.lock", json!("a value that others must not see here")).await;
    let events = api.events_after(before).await;
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(
        (event.kind, event.subject.as_str()),
        (EventKind::StateChanged, format!("{}/deploy.lock", holder.agent.venture).as_str())
    );
    assert_eq!(Value::Object(event.data.clone()), json!({ "key": "deploy.lock", "version": 1, "deleted": false }));
    assert_eq!(event.session_id.as_ref(), Some(&holder.session));
}

#[tokio::test]
async fn only_the_current_process_of_an_agent_of_the_venture_changes_state() {
    let api = Api::start().await;
    let (here, there) = (api.agent().await.holder().await, api.agent().await.holder().await);
    created(&here, "k", json!(1)).await;
    let mut foreign = here.clone();
    foreign.session = there.session.clone();
    put(&foreign, "k", 1, json!(2)).await.problem(ErrorCode::Forbidden);
    let old = ask_put(&here, "k", &json!(2)).header("if-match", "*");
    let old = old.json(&json!({ "session_id": here.session, "epoch": 7, "value": 2 }));
    here.agent.send(old).await.problem(ErrorCode::Superseded);
    api.db_silence(&here.session, 46).await;
    put(&here, "k", 1, json!(2)).await.problem(ErrorCode::SessionNotActive);
    let fields = json!({ "scopes": ["context"], "venture": there.agent.venture });
    let restricted = KeyCaller::of(&api, mint(&api, fields).await.token);
    restricted.send(ask_get(&here, "k")).await.problem(ErrorCode::Forbidden);
    let list = |holder: &Holder| TestRequest::of(Operation::ListState).with(&holder.agent.venture);
    restricted.send(list(&here)).await.problem(ErrorCode::Forbidden);
    restricted.send(ask_put(&here, "k", &json!(2)).header("if-match", "*")).await.problem(ErrorCode::SessionNotFound);
    assert_eq!(restricted.send(list(&there)).await.of::<Page<StateEntry>>(200).total, 0);
    let secret = format!("gh{}_{}", "p", "Zk3Qw8Rt5Yb1Nm7Lp2Xc9Vd4Gh6Js0Fa8Te3");
    there
        .agent
        .send(ask_put(&there, "k", &json!({ "token": secret })).header("if-none-match", "*"))
        .await
        .problem(ErrorCode::HoldsSecret);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_agents_that_change_one_version_at_once_one_succeeds() {
    let api = Api::start().await;
    let holder = api.agent().await.holder().await;
    created(&holder, "counter", json!(0)).await;
    for version in 1..=5 {
        let mut racing = JoinSet::new();
        for n in 0..16 {
            let holder = holder.clone();
            racing.spawn(async move { put(&holder, "counter", version, json!(n)).await.status });
        }
        let statuses = racing.join_all().await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 412].contains(status)), "{statuses:?}");
    }
}

#[tokio::test]
async fn keys_are_listed_by_name() {
    let api = Api::start().await;
    let holder = api.agent().await.holder().await;
    for key in ["b", "a", "c"] {
        created(&holder, key, json!(key)).await;
    }
    holder.agent.send(ask_delete(&holder, "c").header("if-match", "*")).await.of::<StateEntry>(200);
    let list = TestRequest::of(Operation::ListState).with(&holder.agent.venture);
    let page: Page<StateEntry> = holder.agent.send(list.clone().query("limit=1")).await.of(200);
    assert_eq!((page.items[0].key.as_str(), page.total), ("a", 2));
    let next = list.query(format!("limit=1&cursor={}", page.next_cursor.unwrap()));
    let next: Page<StateEntry> = holder.agent.send(next).await.of(200);
    assert_eq!((next.items[0].key.as_str(), next.next_cursor), ("b", None));
}
