//! Memory: what agents remember, apart from the notes that a human wants to keep.

use deckwatch_protocol::{DayStarted, ErrorCode, EventKind, FoundNote, Note, NoteKind, Operation, Page};
use deckwatch_tests::{Agent, Api, Caller, KeyCaller, Mailbox, TestRequest, fresh_uuid, overlay};
use serde_json::{Value, json};

use crate::tokens::mint;

/// The request that remembers something; `fields` adds or replaces fields of the body.
fn ask(agent: &Mailbox, fields: Value) -> TestRequest {
    let memory = json!({
        "kind": "memory", "session_id": agent.session.id, "title": "The build", "content": "It needs node 20.",
    });
    TestRequest::of(Operation::CreateNote).json(&overlay(memory, fields))
}

async fn remember(agent: &Mailbox, fields: Value) -> Note {
    agent.agent.send(ask(agent, fields)).await.of(201)
}

/// Saves a note of a human on the venture of the agent.
async fn note(agent: &Mailbox, fields: Value) -> Note {
    let note = json!({ "title": "The plan", "content": "Grow slowly.", "venture": agent.agent.venture });
    agent.agent.send(TestRequest::of(Operation::CreateNote).json(&overlay(note, fields))).await.of(201)
}

async fn recall(agent: &Agent, more: &str) -> Page<FoundNote> {
    let query = format!("venture={}{more}", agent.venture);
    agent.send(TestRequest::of(Operation::ListNotes).query(query)).await.of(200)
}

fn ids(page: &Page<FoundNote>) -> Vec<&str> {
    page.items.iter().map(|note| note.id.as_str()).collect()
}

#[tokio::test]
async fn a_memory_has_an_author_and_a_commit() {
    let api = Api::start().await;
    let agent = api.agent().await.mailbox_with(json!({ "commit_sha": "abcdef1" })).await;
    let before = api.head().await;
    let request = ask(&agent, json!({ "tags": ["build"] }));
    let memory: Note = agent.agent.send(request.clone()).await.of(201);
    let author = |commit: &str| json!({ "agent": agent.name(), "session_id": agent.session.id, "commit_sha": commit });
    assert_eq!(json!(memory.author), author("abcdef1"));
    assert_eq!(
        (memory.kind, memory.venture.as_ref().unwrap().as_str()),
        (NoteKind::Memory, agent.agent.venture.as_str())
    );
    assert!(memory.id.as_str().starts_with("mem_"), "{memory:?}");
    let again = agent.agent.send(request).await;
    assert!(again.is_replay(), "{again}");
    let event = api.events_after(before).await.into_iter().find(|event| event.subject == memory.id.as_str()).unwrap();
    assert_eq!((event.kind, event.session_id.as_ref()), (EventKind::NoteSaved, Some(&agent.session.id)));
    assert_eq!(Value::Object(event.data), json!({ "outcome": "created", "version": 1, "kind": "memory" }));
    let other = remember(&agent, json!({ "commit_sha": "1234567" })).await;
    assert_eq!(json!(other.author), author("1234567"));
    let read: Note = agent.agent.send(TestRequest::of(Operation::GetNote).with(&memory.id)).await.of(200);
    assert_eq!(read, memory);
    // A note of a human has no author of this kind.
    let saved: Note = note(&agent, json!({})).await;
    assert_eq!((saved.kind, saved.author), (NoteKind::Note, None));
}

#[tokio::test]
async fn lists_and_searches_show_memories_only_if_asked() {
    let api = Api::start().await;
    let agent = api.agent().await.mailbox().await;
    let saved: Note = note(&agent, json!({ "content": "node and npm", "tags": ["build"] })).await;
    let memories =
        [remember(&agent, json!({ "tags": ["build"] })).await, remember(&agent, json!({ "tags": ["build"] })).await];
    let memories: Vec<&str> = memories.iter().rev().map(|memory| memory.id.as_str()).collect();
    for filter in ["", "&tag=build", "&q=node", "&q=node&tag=build", "&kind=note"] {
        assert_eq!(ids(&recall(&agent.agent, filter).await), [saved.id.as_str()], "{filter}");
        if filter != "&kind=note" {
            let page = recall(&agent.agent, &format!("{filter}&kind=memory")).await;
            assert_eq!((ids(&page), page.total), (memories.clone(), 2), "{filter}");
            assert_eq!(page.items[0].author.as_ref().unwrap().agent.as_ref(), agent.name());
        }
    }
    // The pages of each kind end with its last record.
    for kind in ["note", "memory"] {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = recall(&agent.agent, &format!("&kind={kind}&limit=1{cursor}")).await;
            all.extend(page.items.iter().map(|note| note.id.to_string()));
            let Some(next) = page.next_cursor else { break };
            cursor = format!("&cursor={}", next.as_str());
        }
        let expected = if kind == "note" { vec![saved.id.as_str()] } else { memories.clone() };
        assert_eq!(all, expected, "{kind}");
    }
    let wrong = agent.agent.send(TestRequest::of(Operation::ListNotes).query("kind=other")).await;
    wrong.problem_at(ErrorCode::InvalidRequest, &["/kind"]);
}

#[tokio::test]
async fn the_start_of_a_day_never_shows_a_memory() {
    let api = Api::start().await;
    let agent = api.agent().await.mailbox().await;
    remember(&agent, json!({ "tags": ["executive-summary"], "content": "a secret plan of an agent" })).await;
    let summary: Note = note(&agent, json!({ "tags": ["executive-summary"] })).await;
    let day = agent.agent.start_day(json!({})).await;
    assert!(!day.json().to_string().contains("secret plan"), "{day}");
    let day: DayStarted = day.of(200);
    // Other tests may have summaries for all ventures.
    let summaries = day.executive_summaries.excerpt.items.iter().map(|summary| summary.id.as_str());
    assert!(
        summaries.clone().all(|id| id.starts_with("note_")) && summaries.clone().any(|id| id == summary.id.as_str())
    );
}

#[tokio::test]
async fn forgotten_memories_are_archived_and_can_be_restored() {
    let api = Api::start().await;
    let agent = api.agent().await.mailbox().await;
    let memory = remember(&agent, json!({ "tags": ["build"] })).await;
    let colleague = agent.agent.colleague();
    let change = async |operation: Operation| -> Note {
        colleague.send(TestRequest::of(operation).with(&memory.id)).await.of(200)
    };
    assert!(change(Operation::ArchiveNote).await.archived_at.is_some());
    for filter in ["", "&tag=build", "&q=node"] {
        assert_eq!(recall(&agent.agent, &format!("&kind=memory{filter}")).await.total, 0, "{filter}");
        let page = recall(&agent.agent, &format!("&kind=memory&archived=true{filter}")).await;
        assert_eq!(ids(&page), [memory.id.as_str()], "{filter}");
        assert_eq!(recall(&agent.agent, &format!("&archived=true{filter}")).await.total, 0, "{filter}");
    }
    assert_eq!(change(Operation::RestoreNote).await.archived_at, None);
    assert_eq!(ids(&recall(&agent.agent, "&kind=memory&q=node").await), [memory.id.as_str()]);
    // Its author and its commit stay true, because its text does not change.
    let patch = TestRequest::of(Operation::UpdateNote).with(&memory.id).json(&json!({ "content": "other" }));
    agent.agent.send(patch).await.problem(ErrorCode::Forbidden);
}

#[tokio::test]
async fn a_token_of_an_agent_remembers_and_forgets_only_on_its_venture() {
    let api = Api::start().await;
    let (agent, stranger) = (api.agent().await.mailbox().await, api.agent().await.mailbox().await);
    let bound = json!({ "venture": agent.agent.venture, "agent": agent.name(), "machine_id": fresh_uuid() });
    let bound = agent.agent.send(TestRequest::of(Operation::CreateAgentToken).json(&bound)).await;
    let token = KeyCaller::of(&api, bound.json()["token"].as_str().unwrap());
    let own: Note = token.send(ask(&agent, json!({}))).await.of(201);
    let foreign = remember(&stranger, json!({})).await;
    token.send(ask(&stranger, json!({}))).await.problem(ErrorCode::SessionNotFound);
    let colleague = agent.agent.colleague().mailbox().await;
    token.send(ask(&colleague, json!({}))).await.problem(ErrorCode::Forbidden);
    for operation in [Operation::GetNote, Operation::ArchiveNote, Operation::RestoreNote] {
        token.send(TestRequest::of(operation).with(&foreign.id)).await.problem(ErrorCode::NoteNotFound);
        let _: Note = token.send(TestRequest::of(operation).with(&own.id)).await.of(200);
    }
    // What a colleague remembers belongs to the venture.
    let shared = remember(&colleague, json!({})).await;
    let _: Note = token.send(TestRequest::of(Operation::ArchiveNote).with(&shared.id)).await.of(200);
    let page: Page<FoundNote> = token.send(TestRequest::of(Operation::ListNotes).query("kind=memory")).await.of(200);
    assert_eq!(ids(&page), [own.id.as_str()]);
    let reader = KeyCaller::of(&api, mint(&api, json!({ "scopes": ["read-only"] })).await.token);
    reader.send(ask(&agent, json!({}))).await.problem(ErrorCode::Forbidden);
}

#[tokio::test]
async fn a_memory_is_checked_before_it_is_saved() {
    let api = Api::start().await;
    let agent = api.agent().await.mailbox().await;
    for (fields, pointer) in [
        (json!({ "session_id": null }), "/session_id"),
        (json!({ "venture": agent.agent.venture }), "/venture"),
        (json!({ "content": "é".repeat(4_097) }), "/content"),
        (json!({ "kind": "note" }), "/session_id"),
        (json!({ "kind": "note", "session_id": null, "commit_sha": "abcdef1" }), "/commit_sha"),
        (json!({ "kind": "dream" }), "/kind"),
    ] {
        agent.agent.send(ask(&agent, fields)).await.problem_at(ErrorCode::InvalidRequest, &[pointer]);
    }
    let unknown = json!({ "session_id": "sess_01KAY7B3G0000000000000000A" });
    agent.agent.send(ask(&agent, unknown)).await.problem(ErrorCode::SessionNotFound);
    let memory = remember(&agent, json!({ "content": "é".repeat(4_096) })).await;
    assert_eq!(memory.size_bytes, 8_192);
    // A session that has ended has an author too.
    agent.agent.ended(&agent.session.id).await;
    remember(&agent, json!({})).await;
}

#[tokio::test]
async fn a_venture_has_at_most_500_memories() {
    let api = Api::start().await;
    let agent = api.agent().await.mailbox().await;
    let memory = remember(&agent, json!({})).await;
    let copy = "
        with recursive n (i) as (select 1 union all select i + 1 from n where i < 499)
        insert into notes (id, venture, title, created_at, updated_at, actor_key_id, creation_correlation_id, content, agent, session_id)
        select printf('mem_0000000000%s%06d', substr(m.id, 15, 10), i), m.venture, m.title, m.created_at, m.updated_at, m.actor_key_id,
          m.creation_correlation_id, m.content, m.agent, m.session_id from n cross join notes m where m.id = ?1";
    api.db_execute(copy, json!([memory.id])).await;
    assert_eq!(recall(&agent.agent, "&kind=memory").await.total, 500);
    let refused = agent.agent.send(ask(&agent, json!({}))).await.problem(ErrorCode::MemoryFull);
    assert!(refused.detail.contains("500"), "{refused:?}");
    let change = |operation: Operation| TestRequest::of(operation).with(&memory.id);
    let _: Note = agent.agent.send(change(Operation::ArchiveNote)).await.of(200);
    remember(&agent, json!({})).await;
    agent.agent.send(change(Operation::RestoreNote)).await.problem(ErrorCode::MemoryFull);
    // Notes of people have no part in it.
    let _: Note = note(&agent, json!({})).await;
}

#[tokio::test]
async fn memories_move_with_their_venture() {
    let api = Api::start().await;
    let (old, new) = (api.agent().await, api.agent().await);
    let agent = old.mailbox().await;
    let memory = remember(&agent, json!({ "tags": ["build"] })).await;
    let forgotten = remember(&agent, json!({})).await;
    let _: Note = old.send(TestRequest::of(Operation::ArchiveNote).with(&forgotten.id)).await.of(200);
    old.ended(&agent.session.id).await;
    let names = json!({ "repo": old.repo, "to_venture": new.venture, "to_repo": new.repo });
    let ask = TestRequest::of(Operation::MoveRecords).with(&old.venture).json(&names);
    while api.admin().send(ask.clone()).await.json()["more"] == json!(true) {}
    for filter in ["", "&tag=build", "&q=node"] {
        assert_eq!(ids(&recall(&new, &format!("&kind=memory{filter}")).await), [memory.id.as_str()], "{filter}");
        assert_eq!(recall(&old, &format!("&kind=memory{filter}")).await.total, 0, "{filter}");
    }
    assert_eq!(ids(&recall(&new, "&kind=memory&archived=true").await), [forgotten.id.as_str()]);
}
