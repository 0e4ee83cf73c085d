//! The other parts of the answer to a start of day: summaries and documents. `doc_audit` tests the audit. These tests
//! insert notes and documents directly into the database.

use deckwatch_protocol::DayStarted;
use deckwatch_tests::{Agent, Api, Caller, fresh};
use serde_json::json;

struct Note<'a> {
    venture: Option<&'a str>,
    /// The age of the note relative to the other notes of the test.
    age: u32,
    content: String,
    tag: &'a str,
}

impl<'a> Note<'a> {
    fn summary(venture: Option<&'a str>, age: u32, content: impl Into<String>) -> Self {
        Self { venture, age, content: content.into(), tag: "executive-summary" }
    }

    /// Inserts the note into the database and returns its id.
    async fn db_insert(&self, api: &Api) -> String {
        let random: String = fresh("").to_uppercase()[1..].to_owned();
        let id = format!("note_0{:09}{random}", 999_999_999 - self.age);
        let now = api.minutes_ago(0);
        let insert = "insert into notes (id, venture, title, content, created_at, updated_at, actor_key_id,
                        creation_correlation_id) values (?1, ?2, 'A title', ?3, ?4, ?4, '0123456789abcdef', 'corr_x')";
        api.db_execute(insert, json!([id, self.venture, self.content, now])).await;
        let scope = self.venture.unwrap_or("global");
        api.db_execute("insert into note_tags (tag, scope, note_id) values (?1, ?2, ?3)", json!([self.tag, scope, id]))
            .await;
        id
    }
}

/// Inserts a document that was last changed `minutes_ago` minutes ago.
pub(crate) async fn db_insert_doc(api: &Api, scope: &str, name: &str, minutes_ago: i64) {
    let changed = api.minutes_ago(minutes_ago);
    let sql = "insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at,
                 updated_at, actor_key_id, content) values (?1, ?2, 'A title', 'markdown', 'h', 1, 3, ?3, ?3, 'a', 'c')";
    api.db_execute(sql, json!([scope, name, changed])).await;
    let sql = "insert into doc_confirmations (scope, name, confirmed_at) values (?1, ?2, ?3)";
    api.db_execute(sql, json!([scope, name, changed])).await;
}

async fn start(agent: &Agent) -> DayStarted {
    agent.colleague().started().await
}

/// The summaries of this test's venture. Global summaries may come from other tests.
fn own_summaries(day: &DayStarted) -> Vec<String> {
    let own = day.executive_summaries.excerpt.items.iter().filter(|note| note.venture.is_some());
    own.map(|note| note.id.to_string()).collect()
}

#[tokio::test]
async fn summaries_of_the_venture_come_first_then_global_ones_newest_first() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let other = api.venture().await;
    let venture = Some(agent.venture.as_str());
    let old = Note::summary(venture, 9, "old").db_insert(&api).await;
    let new = Note::summary(venture, 5, "new").db_insert(&api).await;
    let global = Note::summary(None, 0, "global").db_insert(&api).await;
    Note::summary(Some(other.as_str()), 0, "of another venture").db_insert(&api).await;
    Note { tag: "other-tag", ..Note::summary(venture, 0, "of another tag") }.db_insert(&api).await;
    let day = start(&agent).await;
    let shown: Vec<String> = day.executive_summaries.excerpt.items.iter().map(|note| note.id.to_string()).collect();
    assert_eq!(shown[..2], [new, old]);
    assert!(shown[2..].contains(&global));
    assert!(day.executive_summaries.excerpt.items[2..].iter().all(|note| note.venture.is_none()));
    assert!(day.executive_summaries.excerpt.items.iter().all(|note| !note.truncated));
}

#[tokio::test]
async fn summaries_share_12_kb_and_the_last_one_is_truncated_at_a_character() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let venture = Some(agent.venture.as_str());
    let newest = Note::summary(venture, 1, "x".repeat(12_000)).db_insert(&api).await;
    let cut = Note::summary(venture, 2, "😀".repeat(1000)).db_insert(&api).await;
    Note::summary(venture, 3, "left out").db_insert(&api).await;
    let day = start(&agent).await;
    let own: Vec<_> = day.executive_summaries.excerpt.items.iter().filter(|note| note.venture.is_some()).collect();
    assert_eq!(own[0].id.as_str(), newest);
    assert!(!own[0].truncated);
    let bytes: usize = own.iter().map(|note| note.content.len()).sum();
    assert!(bytes <= 12 * 1024, "{bytes}");
    if let Some(second) = own.get(1) {
        assert_eq!((second.id.as_str(), second.truncated), (cut.as_str(), true));
        assert!("😀".repeat(1000).starts_with(&second.content));
    }
    let whole: usize = day.executive_summaries.excerpt.items.iter().map(|note| note.content.len()).sum();
    assert!(whole <= 12 * 1024, "the summaries have {whole} bytes, with the global ones");
    assert!(day.executive_summaries.excerpt.total >= 3, "the total must include the summaries that are left out");
    assert_eq!(
        usize::try_from(day.executive_summaries.excerpt.shown).unwrap(),
        day.executive_summaries.excerpt.items.len()
    );
}

#[tokio::test]
async fn a_summary_larger_than_12_kb_is_truncated_and_marked() {
    let api = Api::start().await;
    let agent = api.agent().await;
    Note::summary(Some(&agent.venture), 1, "y".repeat(20_000)).db_insert(&api).await;
    let note = start(&agent).await.executive_summaries.excerpt.items.remove(0);
    assert!(note.truncated);
    assert_eq!(note.content, "y".repeat(12 * 1024));
}

#[tokio::test]
async fn a_summary_of_multi_byte_characters_fills_the_12_kb() {
    let api = Api::start().await;
    for text in ["😀".repeat(6_000), "日".repeat(7_000), "é".repeat(20_000), format!("x{}", "😀".repeat(6_000))] {
        let agent = api.agent().await;
        Note::summary(Some(&agent.venture), 1, text.clone()).db_insert(&api).await;
        let note = start(&agent).await.executive_summaries.excerpt.items.remove(0);
        assert!(note.truncated && text.starts_with(&note.content), "{:.20}", note.content);
        let bytes = note.content.len();
        assert!((12 * 1024 - 3..=12 * 1024).contains(&bytes), "{bytes} bytes of {text:.20}");
    }
}

#[tokio::test]
async fn a_summary_is_truncated_at_a_paragraph_or_at_a_line_near_the_limit() {
    let api = Api::start().await;
    let paragraph = format!("{}end of a paragraph.\nIts last line is 終.", "word ".repeat(20));
    let line = format!("{}end of a line.", "word ".repeat(20));
    let unbroken = "語".repeat(9_000);
    let cases = [
        ("paragraphs", vec![paragraph; 200].join("\n\n"), "Its last line is 終."),
        ("lines", format!("Title\n\n{}", vec![line; 200].join("\n")), "end of a line."),
        ("neither", format!("Title\n\nby\n{unbroken}"), "語"),
    ];
    for (name, text, end) in cases {
        let agent = api.agent().await;
        Note::summary(Some(&agent.venture), 1, text.clone()).db_insert(&api).await;
        let note = start(&agent).await.executive_summaries.excerpt.items.remove(0);
        assert!(note.content.ends_with(end), "{name}: …{:?}", note.content.chars().rev().take(40).collect::<String>());
        assert!(text.starts_with(&note.content) && note.content.len() > 11 * 1024, "{name}: {}", note.content.len());
    }
}

#[tokio::test]
async fn a_replay_repeats_a_truncated_summary_byte_for_byte() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let text = vec!["A paragraph with \"quotes\" and a \\.\nIts last line."; 1_000].join("\n\n");
    Note::summary(Some(&agent.venture), 1, text).db_insert(&api).await;
    let ask = agent.ask_start_day(json!({}));
    let first = agent.send(ask.clone()).await;
    let note = first.of::<DayStarted>(201).executive_summaries.excerpt.items.remove(0);
    assert!(note.truncated && note.content.ends_with("\nIts last line."), "{:?}", note.content.get(12_000..));
    let members = first.json()["executive_summaries"]["items"][0].as_object().unwrap().len();
    assert_eq!(members, 7, "an item has only the members of its type");
    let again = agent.send(ask).await;
    assert_eq!((again.is_replay(), &again.body), (true, &first.body));
}

#[tokio::test]
async fn summaries_beyond_the_12_kb_are_listed_without_their_text() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let venture = Some(agent.venture.as_str());
    Note::summary(venture, 1, "x".repeat(12_200)).db_insert(&api).await;
    // Only a few characters of this one would fit.
    let next = Note::summary(venture, 2, "y".repeat(500)).db_insert(&api).await;
    let last = Note::summary(venture, 3, "z".repeat(20)).db_insert(&api).await;
    let summaries = start(&agent).await.executive_summaries;
    assert_eq!((summaries.excerpt.items.len(), summaries.excerpt.shown), (1, 1));
    assert!(summaries.excerpt.total >= 3);
    let named: Vec<_> = summaries.left_out.iter().take(2).map(|note| (note.id.as_str(), note.title.as_str())).collect();
    assert_eq!(named, [(next.as_str(), "A title"), (last.as_str(), "A title")]);
    assert!(summaries.left_out.len() <= 40);
}

#[tokio::test]
async fn an_archived_summary_is_not_shown() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let kept = Note::summary(Some(&agent.venture), 2, "kept").db_insert(&api).await;
    let archived = Note::summary(Some(&agent.venture), 1, "archived").db_insert(&api).await;
    api.db_execute("update notes set archived_at = updated_at where id = ?1", json!([archived])).await;
    api.db_execute("delete from note_tags where note_id = ?1", json!([archived])).await;
    assert_eq!(own_summaries(&start(&agent).await), [kept]);
}

#[tokio::test]
async fn the_index_has_the_documents_of_the_venture_without_content() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for name in ["b.md", "a.md"] {
        db_insert_doc(&api, &agent.venture, name, 0).await;
    }
    db_insert_doc(&api, &agent.venture, "deleted.md", 0).await;
    let delete = "update context_docs set deleted_at = updated_at where scope = ?1 and name = 'deleted.md'";
    api.db_execute(delete, json!([agent.venture])).await;
    db_insert_doc(&api, &api.venture().await, "of-another-venture.md", 0).await;
    let index = start(&agent).await.doc_index;
    let own: Vec<&str> =
        index.items.iter().filter(|doc| doc.scope == agent.venture).map(|doc| doc.name.as_str()).collect();
    assert_eq!(own, ["a.md", "b.md"]);
    assert!(index.items.iter().all(|doc| doc.scope == agent.venture || doc.scope == "global"));
    assert!(index.items.iter().all(|doc| doc.version == 3 && doc.doc_type == "markdown"));
}

#[tokio::test]
async fn of_60_documents_50_are_shown_and_all_are_counted() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for n in 0..60 {
        db_insert_doc(&api, &agent.venture, &format!("doc-{n:02}.md"), 0).await;
    }
    let index = start(&agent).await.doc_index;
    assert_eq!((index.shown, index.items.len()), (50, 50));
    assert!(index.total >= 60);
}
