//! Notes: save, read, change, archive, restore.

use deckwatch_protocol::{DayStarted, ErrorCode, FoundNote, Note, Operation, Page};
use deckwatch_tests::{Agent, Api, Caller, Response, TestRequest, a_moment_later, overlay};
use serde_json::{Value, json};

/// The request that saves a note of the agent's venture.
pub(crate) fn ask_create(agent: &Agent, fields: Value) -> TestRequest {
    let note = json!({ "title": "The plan", "content": "Grow slowly.", "venture": agent.venture });
    TestRequest::of(Operation::CreateNote).json(&overlay(note, fields))
}

/// Saves a note of the agent's venture.
pub(crate) async fn saved(agent: &Agent, fields: Value) -> Note {
    agent.send(ask_create(agent, fields)).await.of(201)
}

/// Changes a note.
pub(crate) async fn update(agent: &Agent, note: &Note, patch: Value) -> Response {
    agent.send(TestRequest::of(Operation::UpdateNote).with(&note.id).json(&patch)).await
}

async fn read(agent: &Agent, note: &Note) -> Note {
    agent.send(TestRequest::of(Operation::GetNote).with(&note.id)).await.of(200)
}

async fn act(agent: &Agent, operation: Operation, note: &Note) -> Note {
    agent.send(TestRequest::of(operation).with(&note.id)).await.of(200)
}

async fn tag_rows(api: &Api, note: &Note) -> Vec<(String, String)> {
    let rows = api.db_query("select tag, scope from note_tags where note_id = ?1 order by tag", json!([note.id])).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(&row["tag"]), text(&row["scope"]))).collect()
}

#[tokio::test]
async fn a_note_with_every_field_is_returned_unchanged() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let fields = json!({
        "title": "Größe & 😀 \"quoted\"", "content": "a\tb\nc \u{1} \\ 😀 '", "tags": ["prd", "our own", "prd", "😀"],
    });
    let response = agent.send(ask_create(&agent, fields.clone())).await;
    let note: Note = response.of(201);
    assert_eq!(response.json()["title"], fields["title"]);
    assert_eq!(response.json()["content"], fields["content"]);
    assert_eq!(response.json()["tags"], json!(["prd", "our own", "😀"]), "each tag once");
    assert_eq!((note.version, note.archived_at, note.updated_at), (1, None, note.created_at));
    assert_eq!(note.venture.as_ref().map(AsRef::as_ref), Some(agent.venture.as_str()));
    assert_eq!(response.header("etag"), Some("\"1\""));
    assert_eq!(read(&agent, &note).await, note);
}

#[tokio::test]
async fn a_note_without_a_venture_is_global() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let note = saved(&agent, json!({ "venture": null, "tags": ["t"] })).await;
    assert_eq!(note.venture, None);
    assert_eq!(tag_rows(&api, &note).await, [("t".to_owned(), "global".to_owned())]);
}

#[tokio::test]
async fn an_executive_summary_is_shown_at_the_start_of_day_until_it_is_archived() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let note = saved(&agent, json!({ "tags": ["executive-summary"] })).await;
    let shown = |day: DayStarted| day.executive_summaries.excerpt.items.iter().any(|summary| summary.id == note.id);
    let day = async || agent.start_day(json!({})).await.of::<DayStarted>(200);
    assert!(shown(agent.started().await));
    act(&agent, Operation::ArchiveNote, &note).await;
    assert!(!shown(day().await));
    act(&agent, Operation::RestoreNote, &note).await;
    assert!(shown(day().await));
    update(&agent, &note, json!({ "tags": [] })).await.of::<Note>(200);
    assert!(!shown(day().await));
}

#[tokio::test]
async fn every_field_can_be_changed_separately() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let mut note = saved(&agent, json!({ "tags": ["a"] })).await;
    let patches = [
        json!({ "title": "Other" }),
        json!({ "content": "Grow fast." }),
        json!({ "tags": ["b", "c"] }),
        json!({ "venture": null }),
        json!({ "venture": agent.venture }),
        json!({ "title": "Both", "content": "At once." }),
    ];
    for patch in patches {
        a_moment_later().await;
        let response = update(&agent, &note, patch.clone()).await;
        let changed: Note = response.of(200);
        let expected = overlay(
            serde_json::to_value(&note).unwrap(),
            overlay(
                patch,
                json!({ "version": note.version + 1, "updated_at": changed.updated_at, "size_bytes": changed.size_bytes }),
            ),
        );
        assert_eq!(response.json(), expected);
        assert!(changed.updated_at > note.updated_at);
        assert_eq!(response.header("etag"), Some(format!("\"{}\"", note.version + 1).as_str()));
        assert_eq!(read(&agent, &note).await, changed);
        note = changed;
    }
}

#[tokio::test]
async fn the_rows_of_tags_follow_the_note() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let note = saved(&agent, json!({ "tags": ["a", "b"] })).await;
    let of = |tags: &[&str], scope: &str| -> Vec<(String, String)> {
        tags.iter().map(|tag| ((*tag).to_owned(), scope.to_owned())).collect()
    };
    assert_eq!(tag_rows(&api, &note).await, of(&["a", "b"], &agent.venture));
    update(&agent, &note, json!({ "tags": ["b", "c"] })).await.of::<Note>(200);
    assert_eq!(tag_rows(&api, &note).await, of(&["b", "c"], &agent.venture));
    update(&agent, &note, json!({ "venture": null })).await.of::<Note>(200);
    assert_eq!(tag_rows(&api, &note).await, of(&["b", "c"], "global"));
    act(&agent, Operation::ArchiveNote, &note).await;
    update(&agent, &note, json!({ "tags": ["d"] })).await.of::<Note>(200);
    assert_eq!(tag_rows(&api, &note).await, []);
    let restored = act(&agent, Operation::RestoreNote, &note).await;
    assert_eq!(restored.tags.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["d"]);
    assert_eq!(tag_rows(&api, &note).await, of(&["d"], "global"));
}

#[tokio::test]
async fn an_equal_change_changes_nothing() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let note = saved(&agent, json!({ "tags": ["a"] })).await;
    a_moment_later().await;
    let same = json!({ "title": note.title, "content": note.content, "tags": ["a", "a"], "venture": agent.venture });
    for patch in [json!({}), same, json!({ "title": null, "tags": null })] {
        assert_eq!(update(&agent, &note, patch).await.of::<Note>(200), note);
    }
    assert_eq!(act(&agent, Operation::RestoreNote, &note).await, note);
    let archived = act(&agent, Operation::ArchiveNote, &note).await;
    assert_eq!((archived.version, archived.archived_at), (2, Some(archived.updated_at)));
    a_moment_later().await;
    assert_eq!(act(&agent, Operation::ArchiveNote, &note).await, archived);
}

#[tokio::test]
async fn a_note_that_was_changed_since_is_not_overwritten() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let note = saved(&agent, json!({})).await;
    let patch = |tag: &str, title: &str| {
        TestRequest::of(Operation::UpdateNote).with(&note.id).json(&json!({ "title": title })).header("if-match", tag)
    };
    agent.send(patch("\"1\"", "Mine")).await.of::<Note>(200);
    for stale in ["\"1\"", "W/\"2\"", "2", "\"x\"", "\"1\", \"3\""] {
        agent.send(patch(stale, "Late")).await.problem(ErrorCode::NoteChanged);
    }
    for operation in [Operation::ArchiveNote, Operation::RestoreNote] {
        let late = TestRequest::of(operation).with(&note.id).header("if-match", "\"1\"");
        agent.send(late).await.problem(ErrorCode::NoteChanged);
    }
    assert_eq!(read(&agent, &note).await.title.as_ref(), "Mine");
    agent.send(patch("\"1\", \"2\"", "Either")).await.of::<Note>(200);
    agent.send(patch("*", "Any")).await.of::<Note>(200);
    let nobody = TestRequest::of(Operation::UpdateNote).with("note_00000000000000000000000000").json(&json!({}));
    agent.send(nobody.header("if-match", "*")).await.problem(ErrorCode::NoteNotFound);
}

#[tokio::test]
async fn of_ten_changes_to_one_version_one_succeeds() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let note = saved(&agent, json!({})).await;
    let racers = (0..10).map(|n| {
        let patch =
            TestRequest::of(Operation::UpdateNote).with(&note.id).json(&json!({ "title": format!("Racer {n}") }));
        let (agent, patch) = (agent.clone(), patch.header("if-match", "\"1\""));
        tokio::spawn(async move { agent.send(patch).await })
    });
    let mut won = 0;
    for racer in racers.collect::<Vec<_>>() {
        let response = racer.await.unwrap();
        if response.status == 200 {
            won += 1;
        } else {
            response.problem(ErrorCode::NoteChanged);
        }
    }
    assert_eq!((won, read(&agent, &note).await.version), (1, 2));
}

#[tokio::test]
async fn a_note_that_the_client_has_is_not_sent_again() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let note = saved(&agent, json!({})).await;
    let get = |known: &str| TestRequest::of(Operation::GetNote).with(&note.id).header("if-none-match", known);
    for known in ["\"1\"", "W/\"1\"", "\"0\", \"1\"", "*"] {
        let response = agent.send(get(known)).await;
        assert_eq!((response.status, response.body.len(), response.header("etag")), (304, 0, Some("\"1\"")), "{known}");
        assert!(response.header("x-correlation-id").is_some());
    }
    agent.send(get("\"2\"")).await.of::<Note>(200);
    update(&agent, &note, json!({ "title": "New" })).await.of::<Note>(200);
    agent.send(get("\"1\"")).await.of::<Note>(200);
}

#[tokio::test]
async fn a_large_note_replays_byte_for_byte_after_it_has_changed() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for content in ["😀 \"é\"\n".repeat(30_000), "x".repeat(512_000), "\u{1}".repeat(150_000)] {
        let create = ask_create(&agent, json!({ "content": content }));
        let first = agent.send(create.clone()).await;
        let note: Note = first.of(201);
        assert_eq!(note.content.as_ref().map(AsRef::as_ref), Some(content.as_str()));
        let change = TestRequest::of(Operation::UpdateNote).with(&note.id).json(&json!({ "content": content[4..] }));
        let changed = agent.send(change.clone()).await;
        assert!(changed.of::<Note>(200).content.is_some(), "the answer must have the text if the request changed it");
        let retitle = TestRequest::of(Operation::UpdateNote).with(&note.id).json(&json!({ "title": "Renamed" }));
        let renamed = agent.send(retitle.clone()).await;
        assert_eq!(
            renamed.of::<Note>(200).content,
            None,
            "the answer must not have the text if the request did not change it"
        );
        update(&agent, &note, json!({ "content": "Short now." })).await.of::<Note>(200);
        for (ask, then) in [(create, first), (change, changed), (retitle, renamed)] {
            let again = agent.send(ask).await;
            assert!(again.is_replay());
            assert_eq!(
                (again.status, &again.body, again.header("etag")),
                (then.status, &then.body, then.header("etag"))
            );
        }
        assert_eq!(read(&agent, &note).await.content.unwrap().as_ref(), "Short now.");
    }
}

#[tokio::test]
async fn all_invalid_fields_are_named_together() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let refused = [
        (json!({}), vec!["/title", "/content"]),
        (json!({ "title": "", "content": "", "tags": [""] }), vec!["/title", "/content", "/tags/0"]),
        (json!({ "title": "a\nb", "content": 7, "tags": "prd" }), vec!["/title", "/content", "/tags"]),
        (
            json!({ "title": "a".repeat(201), "content": "c", "tags": ["a\tb", "t".repeat(51)] }),
            vec!["/title", "/tags/0", "/tags/1"],
        ),
        (json!({ "title": "t", "content": "é".repeat(256_001) }), vec!["/content"]),
        (
            json!({ "title": "t", "content": "c", "tags": (0..21).map(|n| n.to_string()).collect::<Vec<_>>() }),
            vec!["/tags"],
        ),
        (json!({ "title": "t", "content": "a\u{0}b", "venture": "A b" }), vec!["/content"]),
        (json!({ "title": "t", "content": "c", "venture": "A b", "id": "x" }), vec!["/venture", "/id"]),
    ];
    for (body, named) in refused {
        agent
            .send(TestRequest::of(Operation::CreateNote).json(&body))
            .await
            .problem_at(ErrorCode::InvalidRequest, &named);
    }
    let full = json!({ "title": "ü".repeat(200), "tags": (0..20).map(|n| format!("{n:050}")).collect::<Vec<_>>() });
    let note = saved(&agent, full).await;
    for (body, named) in [(json!({ "title": "" }), "/title"), (json!({ "tags": vec!["t"; 21] }), "/tags")] {
        update(&agent, &note, body).await.problem_at(ErrorCode::InvalidRequest, &[named]);
    }
    let with_body = TestRequest::of(Operation::ArchiveNote).with(&note.id).json(&json!({ "why": "old" }));
    agent.send(with_body).await.problem_at(ErrorCode::InvalidRequest, &["/why"]);
    let with_query = TestRequest::of(Operation::GetNote).with(&note.id).query("full=1");
    agent.send(with_query).await.problem_at(ErrorCode::InvalidRequest, &["/full"]);
}

#[tokio::test]
async fn a_note_of_an_unregistered_venture_is_refused() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let nowhere = api.agent_nowhere();
    nowhere.send(ask_create(&nowhere, json!({}))).await.problem_at(ErrorCode::VentureNotRegistered, &["/venture"]);
    let note = saved(&agent, json!({})).await;
    update(&agent, &note, json!({ "venture": nowhere.venture })).await.problem(ErrorCode::VentureNotRegistered);
    assert_eq!(read(&agent, &note).await, note);
    let empty: Page<FoundNote> =
        agent.send(TestRequest::of(Operation::ListNotes).query(format!("venture={}", nowhere.venture))).await.of(200);
    assert_eq!((empty.total, empty.items.len()), (0, 0));
}

#[tokio::test]
async fn an_unknown_note_is_not_found() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for id in ["note_00000000000000000000000000", "note_x", "sess_00000000000000000000000000", "%00"] {
        for operation in [Operation::GetNote, Operation::ArchiveNote, Operation::RestoreNote] {
            agent.send(TestRequest::of(operation).with(id)).await.problem(ErrorCode::NoteNotFound);
        }
        let patch = TestRequest::of(Operation::UpdateNote).with(id).json(&json!({ "title": "x" }));
        agent.send(patch).await.problem(ErrorCode::NoteNotFound);
    }
}
