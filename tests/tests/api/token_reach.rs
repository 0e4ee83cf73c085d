//! The rights of tokens: every operation with every kind of token, and nothing outside the token's venture.

use deckwatch_protocol::operation::{Effect, Tier};
use deckwatch_protocol::{ErrorCode, FoundNote, Handoff, MintedToken, Operation, Page, Session, Venture};
use deckwatch_tests::{Api, Caller, KeyCaller, TestRequest, fresh, overlay};
use serde_json::{Value, json};

use crate::examples::ExampleRecords;
use crate::tokens::{altered, mint};

/// A caller with a new token with these fields.
async fn holder(api: &Api, fields: Value) -> KeyCaller {
    KeyCaller::of(api, mint(api, fields).await.token)
}

/// Sends a valid request for every operation. `grants` says which must succeed; the others must have one of `refusals`.
async fn check_operations(
    records: &ExampleRecords,
    holder: &KeyCaller,
    grants: impl Fn(Operation) -> bool,
    refusals: &[ErrorCode],
) {
    // Only the agents of its sender and its recipients, and admins, read a message: see `messages`.
    let mut known = None;
    for operation in Operation::ALL.iter().filter(|operation| **operation != Operation::GetMessage) {
        // Only an operation that is granted changes records.
        let before = match known.take() {
            Some(known) => known,
            None => records.api.db_records_of(&records.agent.venture).await,
        };
        let response = holder.send(records.good(*operation)).await;
        if operation.tier() == Tier::Public || grants(*operation) {
            assert!((200..300).contains(&response.status), "{}: {response}", operation.id());
        } else {
            let code = response.refusal().code;
            assert!(refusals.contains(&code), "{}: {response}", operation.id());
            let after = records.api.db_records_of(&records.agent.venture).await;
            assert_eq!(after, before, "{} was refused but has changed records", operation.id());
            known = Some(after);
        }
    }
}

#[tokio::test]
async fn a_revoked_expired_or_unknown_token_has_no_rights() {
    let records = ExampleRecords::new().await;
    let api = &records.api;
    let all = json!({ "scopes": ["admin"] });
    let revoked = mint(api, all.clone()).await;
    api.admin()
        .send(TestRequest::of(Operation::RevokeToken).with(&revoked.record.id))
        .await
        .of::<deckwatch_protocol::Token>(200);
    let expired = mint(api, overlay(all.clone(), json!({ "expires_at": "2999-01-01T00:00:00Z" }))).await;
    let past = json!([api.minutes_ago(1), expired.record.id]);
    api.db_execute("update tokens set expires_at = ?1 where id = ?2", past).await;
    let unknown = mint(api, all.clone()).await;
    api.db_execute("delete from tokens where id = ?1", json!([unknown.record.id])).await;
    let misspelt = altered(&mint(api, all.clone()).await.token);
    // A token with a known id and a valid checksum, but with the secret of another token.
    let swapped = mint(api, all).await;
    api.db_execute(
        "update tokens set token_hash = ?1, actor_key_id = substr(?1, 1, 16) where id = ?2",
        json!(["0".repeat(64), swapped.record.id]),
    )
    .await;
    for key in [revoked.token, expired.token, unknown.token, misspelt, swapped.token, "dw_".to_owned()] {
        check_operations(&records, &KeyCaller::of(api, &key), |_| false, &[ErrorCode::Unauthorized]).await;
        let logged =
            "select count(*) as n from request_log l join tokens t on t.actor_key_id = l.actor_key_id where t.id = ?1";
        assert_eq!(api.db_count(logged, json!([expired.record.id])).await, 0, "a stranger is not logged");
    }
}

#[tokio::test]
async fn a_token_may_use_only_the_operations_of_its_scopes() {
    let forbidden = [ErrorCode::Forbidden];
    // A claim is released once, so each token has records of its own.
    for (scope, name) in [("context", "A token"), ("human", "ann")] {
        let records = ExampleRecords::new().await;
        let context = holder(&records.api, json!({ "scopes": [scope], "name": name })).await;
        check_operations(&records, &context, |operation| operation.tier() != Tier::Admin, &forbidden).await;
    }
    let records = ExampleRecords::new().await;
    let reader = holder(&records.api, json!({ "scopes": ["read-only"] })).await;
    let reads = |operation: Operation| operation.tier() == Tier::Context && operation.effect() == Effect::Read;
    check_operations(&records, &reader, reads, &forbidden).await;
    let writer = holder(&records.api, json!({ "scopes": ["docs:write"] })).await;
    let granted = ["put_doc", "delete_doc", "put_requirement", "delete_requirement"];
    check_operations(&records, &writer, |operation| granted.contains(&operation.id()), &forbidden).await;
    let admin = holder(&records.api, json!({ "scopes": ["admin"] })).await;
    check_operations(&records, &admin, |_| true, &[]).await;
    let both = holder(&records.api, json!({ "scopes": ["docs:write", "context"] })).await;
    both.send(records.good(Operation::StartDay)).await.of::<deckwatch_protocol::DayStarted>(201);
}

#[tokio::test]
async fn a_token_for_one_venture_has_no_access_to_another() {
    let records = ExampleRecords::new().await;
    let elsewhere = records.api.venture().await;
    let refusals = [
        ErrorCode::Forbidden,
        ErrorCode::SessionNotFound,
        ErrorCode::HandoffNotFound,
        ErrorCode::NoteNotFound,
        ErrorCode::RequirementNotFound,
    ];
    for scope in ["context", "admin"] {
        let holder = holder(&records.api, json!({ "scopes": [scope], "venture": elsewhere })).await;
        // `list_ventures` succeeds and shows one venture. `put_venture` names another venture.
        check_operations(&records, &holder, |operation| operation == Operation::ListVentures, &refusals).await;
        let page: Page<Venture> = holder.send(TestRequest::of(Operation::ListVentures)).await.of(200);
        let codes: Vec<&str> = page.items.iter().map(|venture| venture.code.as_str()).collect();
        assert_eq!((codes, page.total), (vec![elsewhere.as_str()], 1));
    }
}

#[tokio::test]
async fn a_token_for_one_venture_may_use_all_operations_of_a_day_there() {
    let records = ExampleRecords::new().await;
    let own = holder(&records.api, json!({ "scopes": ["context"], "venture": records.agent.venture })).await;
    // Machines belong to the team, not to a venture.
    let day = |operation: Operation| operation.tier() == Tier::Context && !operation.path().starts_with("/v1/machines");
    check_operations(&records, &own, day, &[ErrorCode::Forbidden]).await;
    let venture = format!("venture={}", records.agent.venture);
    let sessions: Page<Session> = own.send(TestRequest::of(Operation::ListSessions).query(&venture)).await.of(200);
    assert!(!sessions.items.is_empty() && sessions.items.iter().all(|s| s.venture.as_str() == records.agent.venture));
    // A list without a venture would cover all ventures.
    for operation in [Operation::ListSessions, Operation::ListHandoffs, Operation::LatestHandoff] {
        own.send(TestRequest::of(operation)).await.problem(ErrorCode::Forbidden);
    }
    let handoffs: Page<Handoff> = own.send(TestRequest::of(Operation::ListHandoffs).query(&venture)).await.of(200);
    assert!(!handoffs.items.is_empty());
}

#[tokio::test]
async fn a_record_of_another_venture_is_not_found() {
    let api = Api::start().await;
    let (here, there) = (api.agent().await, api.agent().await);
    let session = there.started().await.session.id;
    let own = holder(&api, json!({ "scopes": ["context"], "venture": here.venture })).await;
    let of_another =
        own.send(TestRequest::of(Operation::GetSession).with(&session)).await.problem(ErrorCode::SessionNotFound);
    let of_nobody =
        own.send(TestRequest::of(Operation::GetSession).with("sess_nothing")).await.problem(ErrorCode::SessionNotFound);
    assert_eq!(of_another.detail, of_nobody.detail, "the answer must not show that the record exists");
    own.send(there.ask_create_handoff(&session, json!({}))).await.problem(ErrorCode::SessionNotFound);
    own.send(there.ask_end_day(&session, json!({}))).await.problem(ErrorCode::SessionNotFound);
    assert_eq!(there.session(&session).await.final_handoff_id, None);
}

#[tokio::test]
async fn a_token_for_one_venture_can_not_create_a_token_with_more_rights() {
    let api = Api::start().await;
    let venture = api.venture().await;
    let admin = holder(&api, json!({ "scopes": ["admin"], "venture": venture })).await;
    let wider = TestRequest::of(Operation::CreateToken).json(&json!({ "name": "wider", "scopes": ["admin"] }));
    admin.send(wider).await.problem(ErrorCode::Forbidden);
    let name = fresh("renamed");
    let put = TestRequest::of(Operation::PutVenture).with(&venture).json(&json!({ "name": name }));
    assert_eq!(admin.send(put).await.of::<Venture>(200).name.as_str(), name);
}

#[tokio::test]
async fn the_creation_of_a_token_by_a_token_replays() {
    let api = Api::start().await;
    let admin = holder(&api, json!({ "scopes": ["admin"] })).await;
    let ask = TestRequest::of(Operation::CreateToken).json(&json!({ "name": "second", "scopes": ["read-only"] }));
    let first = admin.send(ask.clone()).await;
    let minted: MintedToken = first.of(201);
    let again = admin.send(ask).await;
    assert_eq!((again.is_replay(), &again.body), (true, &first.body));
    KeyCaller::of(&api, minted.token).send(TestRequest::of(Operation::ListVentures)).await.of::<Page<Venture>>(200);
}

#[tokio::test]
async fn a_token_for_one_venture_reads_global_notes_and_changes_only_its_own() {
    let api = Api::start().await;
    let venture = api.venture().await;
    let own = holder(&api, json!({ "scopes": ["context"], "venture": venture })).await;
    let note = |of: Value| {
        TestRequest::of(Operation::CreateNote).json(&json!({ "title": "t", "content": "c", "venture": of }))
    };
    let global: deckwatch_protocol::Note = api.admin().send(note(Value::Null)).await.of(201);
    let read = own.send(TestRequest::of(Operation::GetNote).with(&global.id)).await;
    assert_eq!(read.of::<deckwatch_protocol::Note>(200).id, global.id);
    let change = json!({ "title": "changed" });
    let refused = own.send(TestRequest::of(Operation::UpdateNote).with(&global.id).json(&change)).await;
    refused.problem(ErrorCode::NoteNotFound);
    own.send(note(Value::Null)).await.problem(ErrorCode::Forbidden);
    let mine: deckwatch_protocol::Note = own.send(note(json!(venture))).await.of(201);
    own.send(TestRequest::of(Operation::UpdateNote).with(&mine.id).json(&change))
        .await
        .of::<deckwatch_protocol::Note>(200);
    let away = json!({ "venture": null });
    own.send(TestRequest::of(Operation::UpdateNote).with(&mine.id).json(&away)).await.problem(ErrorCode::Forbidden);
}

/// The ids on all pages of the list, and the total on its first page.
async fn list_all(holder: &KeyCaller, query: &str) -> (Vec<String>, u32) {
    let (mut ids, mut total, mut cursor) = (Vec::new(), None, String::new());
    loop {
        let ask = TestRequest::of(Operation::ListNotes).query(format!("{query}limit=2{cursor}"));
        let page: Page<FoundNote> = holder.send(ask).await.of(200);
        ids.extend(page.items.iter().map(|note| note.id.to_string()));
        total.get_or_insert(page.total);
        let Some(next) = page.next_cursor else { return (ids, total.unwrap_or_default()) };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn a_token_for_one_venture_lists_and_finds_its_notes_and_the_global_ones() {
    // A new engine, because global notes would come from other tests too.
    let api = Api::start_limited(1_000_000).await;
    let (here, there) = (api.venture().await, api.venture().await);
    let mut notes = Vec::new();
    for n in 0..9 {
        let venture = [Some(&here), None, Some(&there)][n % 3];
        let note = json!({ "title": format!("Heron {n}"), "content": "c", "venture": venture, "tags": ["strategy"] });
        let saved = api.admin().send(TestRequest::of(Operation::CreateNote).json(&note)).await;
        notes.push((venture.cloned(), saved.of::<deckwatch_protocol::Note>(201).id.to_string()));
    }
    let ids = |shown: &dyn Fn(&Option<String>) -> bool| -> std::collections::BTreeSet<String> {
        notes.iter().filter(|(venture, _)| shown(venture)).map(|(_, id)| id.clone()).collect()
    };
    let own = holder(&api, json!({ "scopes": ["context"], "venture": here })).await;
    let team = holder(&api, json!({ "scopes": ["context"] })).await;
    let global = ids(&|venture| venture.is_none());
    for kind in ["", "q=heron&", "tag=strategy&", "q=heron&tag=strategy&"] {
        for (holder, query, shown) in [
            (&own, kind.to_owned(), ids(&|venture| *venture != Some(there.clone()))),
            (&own, format!("{kind}scope=global&"), global.clone()),
            (&own, format!("{kind}venture={here}&"), ids(&|venture| *venture == Some(here.clone()))),
            (&team, kind.to_owned(), ids(&|_| true)),
        ] {
            let (found, total) = list_all(holder, &query).await;
            assert_eq!((found.len(), usize::try_from(total).unwrap()), (shown.len(), shown.len()), "{query}");
            assert_eq!(found.into_iter().collect::<std::collections::BTreeSet<_>>(), shown, "{query}");
        }
        let other = TestRequest::of(Operation::ListNotes).query(format!("{kind}venture={there}"));
        own.send(other).await.problem(ErrorCode::Forbidden);
    }
    let archived = api.admin().send(TestRequest::of(Operation::ArchiveNote).with(&notes[1].1)).await;
    assert_eq!(archived.status, 200);
    assert_eq!(list_all(&own, "archived=true&").await, (vec![notes[1].1.clone()], 1));
    let newest: Vec<String> = [7, 6, 4, 3, 0].map(|n: usize| notes[n].1.clone()).into();
    assert_eq!(list_all(&own, "").await, (newest, 5), "newest first");
}
