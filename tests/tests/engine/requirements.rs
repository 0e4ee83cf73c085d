//! Requirements with a controlled clock: the moment when a document becomes stale, and the maximum number of
//! requirements.

use std::sync::Arc;

use deckwatch_api::Statement;
use deckwatch_protocol::{Operation, Requirement, Timestamp};
use deckwatch_server::Sqlite;
use serde_json::{Value, json};

use crate::lab::Lab;

/// The number of documents of `alpha` with this verdict in the audit.
async fn count(lab: &Lab, verdict: &str) -> u64 {
    let answer = lab.ask(Operation::AuditDocs, ("", "venture=alpha"), None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["items"][0][verdict]["total"].as_u64().unwrap()
}

/// Inserts the document `project-instructions.md` of `alpha`, last changed at `changed`.
fn db_insert_doc(database: &Sqlite, changed: Timestamp) {
    let sql = "insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at,
                 updated_at, actor_key_id, content)
               values ('alpha', 'project-instructions.md', 't', 'markdown', 'h', 1, 1, ?1, ?1, 'a', 'c')";
    database.run(&[Statement::new(sql).bind(changed)]).unwrap();
}

#[tokio::test]
async fn a_document_becomes_stale_one_millisecond_after_its_last_fresh_day() {
    let database = Arc::new(Sqlite::in_memory().unwrap());
    let lab = Lab::on(Arc::clone(&database) as _);
    lab.register_alpha().await;
    assert_eq!(count(&lab, "missing").await, 1);
    // Each request advances the lab's clock by one second.
    let made = lab.ask(Operation::Health, ("", ""), None).await;
    assert_eq!(made.status, 200);
    let now = lab.now();
    db_insert_doc(&database, now);
    lab.pass_seconds(90 * 86_400 - 1);
    assert_eq!((lab.now().as_millis() + 1000) - now.as_millis(), 90 * 86_400 * 1000);
    assert_eq!(count(&lab, "present").await, 1);
    let earlier = Timestamp::from_millis(now.as_millis() + 999);
    let sql = "update context_docs set updated_at = ?1 where scope = 'alpha'";
    database.run(&[Statement::new(sql).bind(earlier)]).unwrap();
    assert_eq!(count(&lab, "stale").await, 1, "the document is one millisecond older than 90 days");
}

#[tokio::test]
async fn at_most_500_requirements_exist_and_each_can_still_be_changed() {
    let lab = Lab::new();
    lab.register_alpha().await;
    let put = async |body: Value| lab.ask(Operation::PutRequirement, ("", ""), Some(&body)).await;
    // Three requirements exist by default.
    for n in 3..Requirement::MAX {
        let made = put(json!({ "name_pattern": format!("{n}-*.md") })).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let refused = put(json!({ "name_pattern": "one-too-many.md" })).await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("requirements_full")));
    let changed = put(json!({ "name_pattern": "3-*.md", "staleness_days": 7 })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(count(&lab, "missing").await, 498);
    let id = changed.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(lab.ask(Operation::DeleteRequirement, (&id, ""), None).await.status, 200);
    assert_eq!(put(json!({ "name_pattern": "room-again.md" })).await.status, 201);
    let day = lab.ask(Operation::StartDay, ("", ""), Some(&crate::lab::day_of("agent-1"))).await;
    assert_eq!(day.json()["doc_audit"]["missing"].as_array().unwrap().len(), 498);
    assert!(day.text.len() < 300_000, "{} bytes", day.text.len());
}
