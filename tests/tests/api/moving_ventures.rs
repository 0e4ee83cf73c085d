//! Notes, documents and requirements that follow a repository to another venture.

use deckwatch_protocol::{DocText, FoundNote, Note, Operation, Page, RecordsMoved, Requirement};
use deckwatch_tests::{Agent, Api, Caller, KeyCaller, Response, TestRequest};
use serde_json::{Value, json};

use crate::moving::ask_move;
use crate::notes::saved;
use crate::tokens::mint;

/// Moves the records until none are left to move, at most 100 times.
async fn move_all(from: &Agent, to: &Agent) -> RecordsMoved {
    let mut requests = 0;
    loop {
        let moved: RecordsMoved = from.api().admin().send(ask_move(from, to)).await.of(200);
        if !moved.more {
            return moved;
        }
        requests += 1;
        assert!(requests < 100, "the move does not end");
    }
}

async fn put_doc(api: &Api, scope: &str, name: &str, content: &str) {
    let put = TestRequest::of(Operation::PutDoc).with(scope).with(name).json(&json!({ "content": content }));
    let response = api.admin().send(put).await;
    assert!(response.status < 300, "{response}");
}

async fn delete_doc(api: &Api, scope: &str, name: &str) {
    api.admin().send(TestRequest::of(Operation::DeleteDoc).with(scope).with(name)).await.of::<Value>(200);
}

fn read_doc(scope: &str, name: &str) -> TestRequest {
    TestRequest::of(Operation::GetDoc).with(scope).with(name)
}

async fn content(api: &Api, scope: &str, name: &str) -> String {
    api.admin().send(read_doc(scope, name)).await.of::<DocText>(200).content
}

/// The titles that a list of notes with this query has, oldest first.
async fn titles(agent: &Agent, query: &str) -> Vec<String> {
    let ask = TestRequest::of(Operation::ListNotes).query(format!("venture={}&limit=100{query}", agent.venture));
    let page: Page<FoundNote> = agent.send(ask).await.of(200);
    page.items.iter().rev().map(|note| note.title.to_string()).collect()
}

async fn require(api: &Api, venture: &str, pattern: &str, days: u32) {
    let body = json!({ "name_pattern": pattern, "venture": venture, "staleness_days": days });
    let response: Response = api.admin().send(TestRequest::of(Operation::PutRequirement).json(&body)).await;
    assert!(response.status < 300, "{response}");
}

/// The patterns of the requirements that name the venture, with their days.
async fn required(api: &Api, venture: &str) -> Vec<(String, u32)> {
    let ask = TestRequest::of(Operation::ListRequirements).query(format!("venture={venture}&limit=100"));
    let page: Page<Requirement> = api.admin().send(ask).await.of(200);
    let own = page.items.into_iter().filter(|rule| rule.venture.as_ref().is_some_and(|code| code.as_str() == venture));
    own.map(|rule| (rule.name_pattern.to_string(), rule.staleness_days.get())).rev().collect()
}

#[tokio::test]
async fn notes_documents_and_requirements_follow_and_come_back() {
    let api = Api::start().await;
    let (old, new) = (api.agent().await, api.agent().await);
    let first = old.started().await.session.id;
    old.ended(&first).await;
    let live = saved(&old, json!({ "title": "Plan", "content": "Sell umbrellas.", "tags": ["prd"] })).await;
    let archived = saved(&old, json!({ "title": "Archive", "content": "Old umbrellas.", "tags": ["prd"] })).await;
    old.send(TestRequest::of(Operation::ArchiveNote).with(&archived.id)).await.of::<Note>(200);
    put_doc(&api, &old.venture, "api.md", "# One").await;
    put_doc(&api, &old.venture, "api.md", "# Two").await;
    put_doc(&api, &old.venture, "gone.md", "# Gone").await;
    delete_doc(&api, &old.venture, "gone.md").await;
    require(&api, &old.venture, "guide.md", 7).await;

    for (from, to) in [(&old, &new), (&new, &old), (&old, &new)] {
        for _ in 0..2 {
            let moved = move_all(from, to).await;
            assert_eq!(moved, RecordsMoved::default());
        }
        assert_eq!(titles(to, "").await, ["Plan"]);
        assert_eq!(titles(to, "&tag=prd").await, ["Plan"]);
        assert_eq!(titles(to, "&q=umbrellas").await, ["Plan"]);
        assert_eq!(titles(to, "&q=umbrellas&archived=true").await, ["Archive"]);
        for query in ["", "&tag=prd", "&q=umbrellas", "&archived=true&tag=prd"] {
            assert_eq!(titles(from, query).await, [""; 0], "{query}");
        }
        let note: Note = to.send(TestRequest::of(Operation::GetNote).with(&live.id)).await.of(200);
        assert_eq!((note.version, note.updated_at), (live.version, live.updated_at));
        assert_eq!(content(&api, &to.venture, "api.md").await, "# Two");
        let version = read_doc(&to.venture, "api.md").query("version=1");
        assert_eq!(api.admin().send(version).await.of::<DocText>(200).content.as_str(), "# One");
        let deleted = read_doc(&to.venture, "gone.md").query("version=1");
        assert_eq!(api.admin().send(deleted).await.of::<DocText>(200).content.as_str(), "# Gone");
        assert_eq!(required(&api, &to.venture).await, [("guide.md".to_owned(), 7)]);
        assert_eq!(required(&api, &from.venture).await, []);
        let left = "select count(*) as n from context_docs where scope = ?1";
        assert_eq!(api.db_count(left, json!([from.venture])).await, 0);
    }
}

#[tokio::test]
async fn nothing_is_overwritten_when_the_new_venture_has_the_same_names() {
    let api = Api::start().await;
    let (old, new) = (api.agent().await, api.agent().await);
    for (agent, text) in [(&old, "old"), (&new, "new")] {
        saved(agent, json!({ "title": "Plan", "content": text })).await;
        put_doc(&api, &agent.venture, "api.md", text).await;
        require(&api, &agent.venture, "api.md", if text == "old" { 7 } else { 30 }).await;
    }
    put_doc(&api, &new.venture, "gone.md", "new").await;
    delete_doc(&api, &new.venture, "gone.md").await;
    put_doc(&api, &old.venture, "gone.md", "old").await;
    let long = "n".repeat(128);
    put_doc(&api, &old.venture, &long, "old").await;
    put_doc(&api, &new.venture, &long, "new").await;

    let renamed = |name: &str| format!("{}.{name}", old.venture);
    for _ in 0..2 {
        let moved = move_all(&old, &new).await;
        assert!(moved.docs_renamed && moved.left && !moved.venture_in_use, "{moved:?}");
        assert_eq!(titles(&new, "").await, ["Plan", "Plan"]);
        assert_eq!(content(&api, &new.venture, "api.md").await, "new");
        assert_eq!(content(&api, &new.venture, &renamed("api.md")).await, "old");
        assert_eq!(content(&api, &new.venture, &renamed("gone.md")).await, "old");
        assert_eq!(required(&api, &new.venture).await, [("api.md".to_owned(), 30)]);
        // A new name would be too long, and the requirement is in both ventures, so these stay.
        assert_eq!(content(&api, &old.venture, &long).await, "old");
        assert_eq!(required(&api, &old.venture).await, [("api.md".to_owned(), 7)]);
    }
    put_doc(&api, &old.venture, "api.md", "again").await;
    assert!(move_all(&old, &new).await.left, "both names are taken");
    assert_eq!(content(&api, &old.venture, "api.md").await, "again");
    assert_eq!(content(&api, &new.venture, &renamed("api.md")).await, "old");
}

#[tokio::test]
async fn the_records_of_a_venture_stay_while_another_repository_uses_it() {
    let api = Api::start().await;
    let (old, new) = (api.agent().await, api.agent().await);
    let (mut other, mut other_new) = (old.clone(), new.clone());
    (other.repo, other_new.repo) = ("example-org/other".to_owned(), "example-org/other".to_owned());
    for agent in [&old, &other] {
        let session = agent.started().await.session.id;
        agent.ended(&session).await;
    }
    saved(&old, json!({ "title": "Plan" })).await;
    put_doc(&api, &old.venture, "api.md", "# One").await;
    let moved = move_all(&old, &new).await;
    assert!(moved.venture_in_use && moved.left, "{moved:?}");
    assert_eq!(titles(&old, "").await, ["Plan"]);
    assert_eq!(content(&api, &old.venture, "api.md").await, "# One");

    // The last repository that leaves the venture takes them.
    assert_eq!(move_all(&other, &other_new).await, RecordsMoved::default());
    assert_eq!(titles(&new, "").await, ["Plan"]);
    assert_eq!(content(&api, &new.venture, "api.md").await, "# One");
}

#[tokio::test]
async fn a_venture_that_lists_another_repository_is_in_use_until_the_new_venture_lists_it_too() {
    let api = Api::start().await;
    let (old, new) = (api.agent().await, api.agent().await);
    let put = async |code: &str, repos: Value| {
        let body = json!({ "name": "Some", "repos": repos });
        api.admin().send(TestRequest::of(Operation::PutVenture).with(code).json(&body)).await.of::<Value>(200);
    };
    saved(&old, json!({ "title": "Plan" })).await;
    put(&old.venture, json!([old.repo, "example-org/unused"])).await;
    assert!(move_all(&old, &new).await.venture_in_use);
    assert_eq!(titles(&old, "").await, ["Plan"]);
    put(&new.venture, json!(["Example-Org/Unused"])).await;
    assert_eq!(move_all(&old, &new).await, RecordsMoved::default());
    assert_eq!(titles(&new, "").await, ["Plan"]);
}

#[tokio::test]
async fn many_records_move_in_several_requests_also_when_two_callers_move_them() {
    let api = Api::start().await;
    let (old, new) = (api.agent().await, api.agent().await);
    for n in 0..60 {
        saved(&old, json!({ "title": format!("Note {n:02}") })).await;
    }
    for n in 0..110 {
        put_doc(&api, &old.venture, &format!("doc-{n:03}.md"), "# A document").await;
    }
    let first: RecordsMoved = api.admin().send(ask_move(&old, &new)).await.of(200);
    assert!(first.more && first.left, "{first:?}");
    assert_eq!(titles(&new, "").await.len(), 4);
    let (one, two) = tokio::join!(move_all(&old, &new), move_all(&old, &new));
    assert_eq!((one, two), (RecordsMoved::default(), RecordsMoved::default()));
    assert_eq!(titles(&new, "").await.len(), 60);
    let docs = "select count(*) as n from context_docs where scope = ?1";
    assert_eq!(api.db_count(docs, json!([new.venture])).await, 110);
    let versions = "select count(*) as n from doc_versions where scope = ?1";
    assert_eq!(api.db_count(versions, json!([new.venture])).await, 110);
}

#[tokio::test]
async fn a_request_moves_about_one_megabyte_of_documents() {
    let api = Api::start().await;
    let (old, new) = (api.agent().await, api.agent().await);
    for n in 0..4 {
        put_doc(&api, &old.venture, &format!("doc-{n}.md"), &"x".repeat(900_000)).await;
    }
    let count = async || {
        let docs = "select count(*) as n from context_docs where scope = ?1";
        api.db_count(docs, json!([new.venture])).await
    };
    let first: RecordsMoved = api.admin().send(ask_move(&old, &new)).await.of(200);
    assert!(first.more, "{first:?}");
    assert_eq!(count().await, 2);
    assert_eq!(move_all(&old, &new).await, RecordsMoved::default());
    assert_eq!(count().await, 4);
}

#[tokio::test]
async fn requirements_with_patterns_stay_when_the_new_venture_has_as_many_as_it_may_have() {
    let api = Api::start().await;
    let (old, new) = (api.agent().await, api.agent().await);
    for n in 0..15 {
        for agent in [&old, &new] {
            require(&api, &agent.venture, &format!("{}-{n:02}-*.md", agent.repo.replace('/', "-")), 7).await;
        }
    }
    assert!(move_all(&old, &new).await.left);
    let (of_old, of_new) = (required(&api, &old.venture).await, required(&api, &new.venture).await);
    assert_eq!((of_old.len(), of_new.len()), (10, 20));
}

#[tokio::test]
async fn only_a_key_that_may_change_both_ventures_moves_records() {
    let api = Api::start().await;
    let (old, new) = (api.agent().await, api.agent().await);
    saved(&old, json!({ "title": "Plan" })).await;
    let before = api.db_records_of(&old.venture).await;
    for venture in [&old.venture, &new.venture] {
        let token = mint(&api, json!({ "scopes": ["admin"], "venture": venture })).await.token;
        let refused = KeyCaller::of(&api, token).send(ask_move(&old, &new)).await;
        assert_eq!(refused.status, 403, "{refused}");
    }
    for fields in [json!({ "scopes": ["context"] }), json!({ "scopes": ["docs:write"] })] {
        let token = mint(&api, fields).await.token;
        assert_eq!(KeyCaller::of(&api, token).send(ask_move(&old, &new)).await.status, 403);
    }
    assert_eq!(old.send(ask_move(&old, &new)).await.status, 403);
    assert_eq!(api.db_records_of(&old.venture).await, before);
    assert_eq!(titles(&new, "").await, [""; 0]);
}

#[tokio::test]
async fn messages_follow_and_are_taken_in_the_new_venture() {
    let api = Api::start_limited(1_000_000).await;
    let (old, new) = (api.agent().await, api.agent().await);
    let (sender, other) = (old.mailbox().await, old.colleague().mailbox().await);
    let mut sent = Vec::new();
    for n in 0..45 {
        sent.push(sender.sent(&[other.name(), "human"], json!({ "body": format!("text {n:02}") })).await.id);
    }
    let shown = other.taken().await;
    let at = api.minutes_ago(0);
    let item = |id: &deckwatch_protocol::DeliveryId| json!({ "delivery_id": id, "status": "surfaced", "at": at });
    let reports: Vec<_> = shown.items.iter().map(|taken| item(&taken.delivery_id)).collect();
    other.report(json!(reports)).await.of::<Value>(200);
    let moved = move_all(&old, &new).await;
    assert_eq!(moved, RecordsMoved::default());
    for table in ["messages", "deliveries"] {
        let left = format!("select count(*) as n from {table} where venture = ?1");
        assert_eq!(api.db_count(&left, json!([old.venture])).await, 0, "{table}");
    }
    let record: deckwatch_protocol::MessageRecord =
        api.admin().send(TestRequest::of(Operation::GetMessage).with(&sent[0])).await.of(200);
    assert_eq!(record.message.venture.as_str(), new.venture);
    assert_eq!(record.deliveries.len(), 2);
    let left = other.take(json!({ "limit": 50 })).await.of::<deckwatch_protocol::TakenInbox>(200);
    assert_eq!(left.items.len(), 25);
}
