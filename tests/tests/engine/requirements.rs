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
    let confirm =
        "insert into doc_confirmations (scope, name, confirmed_at) values ('alpha', 'project-instructions.md', ?1)";
    database.run(&[Statement::new(sql).bind(changed), Statement::new(confirm).bind(changed)]).unwrap();
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
    let sql = "update doc_confirmations set confirmed_at = ?1 where scope = 'alpha'";
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
    let totals = &audit["totals"];
    assert_eq!((audit["missing"].as_array().unwrap().len(), &totals["missing"]), (50, &json!(81)));
    assert_eq!(totals["total_is_minimum"], true, "the day says that more requirements apply than it compares");
    assert_eq!(audit["missing"][0]["name"], "project-instructions.md", "what can be generated comes first");
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
    let confirm =
        "insert into doc_confirmations (scope, name, confirmed_at) select scope, name, updated_at from context_docs";
    database.run(&[Statement::new(sql).bind(count), Statement::new(confirm)]).unwrap();
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

/// The totals of missing and unchecked documents in the audit and in the answer to a start of day.
async fn missing_and_unchecked(lab: &TestApi) -> [(Value, Value); 2] {
    let audit = lab.ask(Operation::AuditDocs, ("", "venture=alpha"), None).await.json();
    let day = lab.ask(Operation::StartDay, ("", ""), Some(&crate::lab::day_of("agent-1"))).await.json();
    let (audit, day) = (&audit["items"][0], &day["doc_audit"]["totals"]);
    [
        (audit["missing"]["total"].clone(), audit["unchecked"]["total"].clone()),
        (day["missing"].clone(), day["unchecked"].clone()),
    ]
}

#[tokio::test]
async fn an_audit_says_which_patterns_it_did_not_compare_with_every_document() {
    for patterns in [4, 20] {
        let database = Arc::new(Sqlite::in_memory().unwrap());
        let lab = TestApi::on(Arc::clone(&database) as _);
        lab.register_alpha().await;
        db_insert_patterns(&database, patterns);
        db_insert_docs(&database, 90);
        // One of the default requirements applies, and its document is missing. The start of a day compares 50 documents, the
        // audit 90.
        let known = (json!(patterns + 1), json!(0));
        let unknown = (json!(1), json!(patterns));
        assert_eq!(missing_and_unchecked(&lab).await, [known, unknown.clone()], "{patterns}");
        lab.put_doc("alpha/one-too-many.md", "x").await;
        assert_eq!(missing_and_unchecked(&lab).await, [unknown.clone(), unknown], "{patterns}");
        // The pattern fits a document that is not one of the first 90.
        let sql = "update doc_requirements set name_pattern = 'one-too-*.md' where name_pattern = '*-0001.txt'";
        database.run(&[Statement::new(sql)]).unwrap();
        let found = (json!(1), json!(patterns - 1));
        assert_eq!(missing_and_unchecked(&lab).await, [found.clone(), found], "{patterns}");
        assert_eq!(count(&lab, "present").await, 1);
    }
}

#[tokio::test]
async fn an_audit_says_which_names_it_did_not_look_up() {
    let database = Arc::new(Sqlite::in_memory().unwrap());
    let lab = TestApi::on(Arc::clone(&database) as _);
    lab.register_alpha().await;
    db_insert_docs(&database, 100);
    lab.put_doc("alpha/project-instructions.md", "x").await;
    // 60 names of documents that do not exist, after those of the first 100.
    let sql = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 60)
        insert into doc_requirements (id, name_pattern, scope_type, created_at, updated_at)
        select printf('req_01%024d', i), printf('zz-%04d.txt', i), 'venture', 'a', 'a' from n";
    database.run(&[Statement::new(sql)]).unwrap();
    // The default requirement, which can be generated, comes first.
    let [audit, day] = missing_and_unchecked(&lab).await;
    assert_eq!(audit, (json!(49), json!(11)), "50 names are looked up");
    assert_eq!(day, (json!(24), json!(36)), "25 names are looked up");
    assert_eq!(count(&lab, "present").await, 1);
}

#[tokio::test]
async fn an_audit_lists_the_patterns_that_are_too_many_for_it() {
    for (patterns, of_day) in [(30, 10), (70, 50), (75, 55)] {
        let database = Arc::new(Sqlite::in_memory().unwrap());
        let lab = TestApi::on(Arc::clone(&database) as _);
        lab.register_alpha().await;
        db_insert_patterns(&database, patterns);
        let [audit, day] = missing_and_unchecked(&lab).await;
        assert_eq!(audit, (json!(21), json!(patterns - 20)), "the 20 oldest patterns are checked");
        assert_eq!(day, (json!(21), json!(of_day)), "{patterns}");
    }
}
