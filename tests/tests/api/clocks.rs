//! Writers whose clocks differ: what was written last comes first.

use deckwatch_protocol::{FoundNote, Handoff, Note, NoteId, Operation, Page, Session};
use deckwatch_tests::{Api, Caller, TestRequest};
use serde_json::json;

/// `id` as a clock mints it that is an hour ahead. Other tests share the engine: nothing is farther ahead.
fn ahead(api: &Api, id: &str) -> String {
    let (prefix, ulid) = id.split_once('_').unwrap();
    let of_time = NoteId::mint(api.minutes_ago(-60), 0);
    format!("{prefix}_{}{}", &of_time.as_str()[5..15], &ulid[10..])
}

#[tokio::test]
async fn a_handoff_follows_one_of_a_writer_whose_clock_was_ahead() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let first: Handoff = agent.create_handoff(&session, json!({ "summary": "first" })).await.of(201);
    let moved = ahead(&api, first.id.as_str());
    api.db_execute("update handoffs set id = ?1 where id = ?2", json!([moved, first.id])).await;
    let second: Handoff = agent.create_handoff(&session, json!({ "summary": "second" })).await.of(201);
    let latest = TestRequest::of(Operation::LatestHandoff).query(format!("venture={}", agent.venture));
    assert_eq!(agent.send(latest).await.of::<Handoff>(200), second);
    let colleague = agent.colleague().started().await;
    assert_eq!(colleague.last_handoff, Some(second.clone()));
    assert!(colleague.session.id.as_str()[5..15] > second.id.as_str()[3..13], "sessions and handoffs share an order");
    let newest = TestRequest::of(Operation::ListSessions).query(format!("venture={}&limit=1", agent.venture));
    let newest: Page<Session> = agent.send(newest).await.of(200);
    assert_eq!(newest.items[0].id, colleague.session.id);
    let last: Handoff = agent.ended(&session).await.handoff;
    let all = TestRequest::of(Operation::ListHandoffs).query(format!("venture={}", agent.venture));
    let all: Page<Handoff> = agent.send(all).await.of(200);
    let ids: Vec<&str> = all.items.iter().map(|handoff| handoff.id.as_str()).collect();
    assert_eq!(ids, [last.id.as_str(), second.id.as_str(), &moved]);
}

#[tokio::test]
async fn a_note_follows_one_of_a_writer_whose_clock_was_ahead() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let create = |title: &str| {
        let note = json!({ "title": title, "content": "zanzibar", "tags": ["a tag"], "venture": agent.venture });
        agent.send(TestRequest::of(Operation::CreateNote).json(&note))
    };
    let first: Note = create("first").await.of(201);
    let moved = ahead(&api, first.id.as_str());
    api.db_execute(
        "insert into notes (id, venture, title, tags_json, created_at, updated_at, actor_key_id, creation_correlation_id, content)
         select ?1, venture, title, tags_json, created_at, updated_at, actor_key_id, creation_correlation_id, content
         from notes where id = ?2",
        json!([moved, first.id]),
    )
    .await;
    let second: Note = create("second").await.of(201);
    for query in ["", "&tag=a%20tag", "&q=second"] {
        let list = TestRequest::of(Operation::ListNotes).query(format!("venture={}{query}", agent.venture));
        let list: Page<FoundNote> = agent.send(list).await.of(200);
        assert_eq!(list.items[0].id, second.id, "{query}");
    }
    assert_eq!(agent.send(TestRequest::of(Operation::GetNote).with(&second.id)).await.of::<Note>(200), second);
}
