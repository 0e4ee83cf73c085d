//! Requirements with a controlled clock: the moment when a document becomes stale, and the maximum number of
//! requirements.

use std::sync::Arc;

use deckwatch_api::Statement;
use deckwatch_protocol::{Operation, Requirement, Timestamp};
use deckwatch_server::Sqlite;
use serde_json::{Value, json};

use crate::lab::TestApi;

/// The number of documents of `alpha` with this verdict in the audit.
async fn count(lab: &TestApi, verdict: &str) -> u64 {
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
    let lab = TestApi::on(Arc::clone(&database) as _);
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
    let lab = TestApi::new();
    lab.register_alpha().await;
    let put = async |body: Value| lab.ask(Operation::PutRequirement, ("", ""), Some(&body)).await;
    // Three requirements exist by default.
    for n in 3..Requirement::MAX {
        let made = put(json!({ "name_pattern": format!("{n}.md") })).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let refused = put(json!({ "name_pattern": "one-too-many.md" })).await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("requirements_full")));
    let changed = put(json!({ "name_pattern": "3.md", "staleness_days": 7 })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(count(&lab, "missing").await, 498);
    let id = changed.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(lab.ask(Operation::DeleteRequirement, (&id, ""), None).await.status, 200);
    assert_eq!(put(json!({ "name_pattern": "room-again.md" })).await.status, 201);
    let day = lab.ask(Operation::StartDay, ("", ""), Some(&crate::lab::day_of("agent-1"))).await;
    let audit = &day.json()["doc_audit"];
    assert_eq!((audit["missing"].as_array().unwrap().len(), &audit["totals"]["missing"]), (50, &json!(498)));
    let last = audit["missing"].as_array().unwrap().last().unwrap();
    assert_eq!(last["name"], "project-instructions.md", "what can be generated is shown");
    assert!(day.text.len() < 30_000, "{} bytes", day.text.len());
}

/// Requirements as an older version accepted them: `count` patterns with a `*` that no document fits.
fn db_insert_patterns(database: &Sqlite, count: u32) {
    let sql = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1)
        insert into doc_requirements (id, name_pattern, scope_type, created_at, updated_at)
        select printf('req_01%024d', i), printf('*-%04d.txt', i), 'venture', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'
        from n";
    database.run(&[Statement::new(sql).bind(count)]).unwrap();
}

fn db_insert_docs(database: &Sqlite, count: u32) {
    let sql = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1)
        insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at, updated_at,
          actor_key_id, content)
        select 'alpha', printf('doc-%06d.md', i), 't', 'markdown', 'h', 1, 1, '2026-01-01T00:00:00.000Z',
          '2026-11-01T00:00:00.000Z', 'a', 'c' from n";
    database.run(&[Statement::new(sql).bind(count)]).unwrap();
}

#[tokio::test]
async fn a_venture_has_at_most_20_requirements_with_a_pattern() {
    let lab = TestApi::new();
    lab.register_alpha().await;
    let other = lab.ask(Operation::PutVenture, ("beta", ""), Some(&json!({ "name": "Beta" }))).await;
    assert_eq!(other.status, 201);
    let put = async |pattern: String, venture: Value| {
        let body = json!({ "name_pattern": pattern, "venture": venture });
        lab.ask(Operation::PutRequirement, ("", ""), Some(&body)).await
    };
    for n in 0..8 {
        assert_eq!(put(format!("every-{n}-*.md"), Value::Null).await.status, 201);
    }
    for venture in ["alpha", "beta"] {
        for n in 0..12 {
            assert_eq!(put(format!("{n}-*.md"), json!(venture)).await.status, 201, "{venture} {n}");
        }
    }
    for venture in [json!("alpha"), Value::Null] {
        let refused = put("one-too-many-*.md".to_owned(), venture.clone()).await;
        assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("requirements_full")), "{venture}");
        assert_eq!(put("without.md".to_owned(), venture).await.status, 201, "a name is no pattern");
    }
    assert_eq!(put("0-*.md".to_owned(), json!("alpha")).await.status, 200, "one that is there can be put again");
}

#[tokio::test]
async fn an_audit_says_which_patterns_it_did_not_compare_with_every_document() {
    for patterns in [5, 10, 20] {
        let database = Arc::new(Sqlite::in_memory().unwrap());
        let lab = TestApi::on(Arc::clone(&database) as _);
        lab.register_alpha().await;
        db_insert_patterns(&database, patterns);
        db_insert_docs(&database, 40);
        // One of the default requirements applies, and its document is missing.
        let patterns = u64::from(patterns);
        assert_eq!((count(&lab, "missing").await, count(&lab, "unchecked").await), (patterns + 1, 0), "{patterns}");
        lab.put_doc("alpha/one-too-many.md", "x").await;
        assert_eq!((count(&lab, "missing").await, count(&lab, "unchecked").await), (1, patterns), "{patterns}");
        let sql = "update doc_requirements set name_pattern = 'doc-0000*.md' where name_pattern = '*-0001.txt'";
        database.run(&[Statement::new(sql)]).unwrap();
        assert_eq!((count(&lab, "present").await, count(&lab, "unchecked").await), (1, patterns - 1), "{patterns}");
        let day = lab.ask(Operation::StartDay, ("", ""), Some(&crate::lab::day_of("agent-1"))).await.json();
        assert_eq!(
            day["doc_audit"]["totals"],
            json!({ "missing": 1, "stale": 0, "optional": 0, "unchecked": patterns - 1 })
        );
    }
}

#[tokio::test]
async fn an_audit_counts_the_patterns_that_are_too_many_for_it() {
    for (patterns, shown) in [(30, 10), (70, 50), (71, 50), (450, 50)] {
        let database = Arc::new(Sqlite::in_memory().unwrap());
        let lab = TestApi::on(Arc::clone(&database) as _);
        lab.register_alpha().await;
        db_insert_patterns(&database, patterns);
        let audit = lab.ask(Operation::AuditDocs, ("", "venture=alpha"), None).await.json();
        let (missing, unchecked) = (&audit["items"][0]["missing"], &audit["items"][0]["unchecked"]);
        assert_eq!(missing["total"], 21, "the 20 oldest patterns are checked");
        assert_eq!((&unchecked["total"], &unchecked["shown"]), (&json!(patterns - 20), &json!(shown)), "{patterns}");
        assert_eq!(unchecked["items"].as_array().unwrap().len(), shown, "{patterns}");
        let day = lab.ask(Operation::StartDay, ("", ""), Some(&crate::lab::day_of("agent-1"))).await.json();
        assert_eq!(day["doc_audit"]["totals"]["unchecked"], patterns - 20);
        assert_eq!(day["doc_audit"]["unchecked"].as_array().unwrap().len(), shown);
    }
}
