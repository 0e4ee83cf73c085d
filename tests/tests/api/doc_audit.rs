//! The audit: the state of every document that a requirement asks for. The tests insert documents directly into the
//! database to set their age.

use deckwatch_protocol::{AuditedDoc, DocOutcome, DocPut, ErrorCode, Excerpt, Operation, Page, Venture, VentureAudit};
use deckwatch_tests::{Api, Caller, KeyCaller, TestRequest, fresh, overlay};
use serde_json::{Value, json};

use crate::context::db_insert_doc;
use crate::requirements::required;
use crate::tokens::mint;

/// The minutes of a day.
const DAY: i64 = 24 * 60;

/// Creates a requirement for `pattern` of one venture.
async fn require(api: &Api, venture: &str, pattern: &str, fields: Value) {
    required(api, overlay(json!({ "name_pattern": pattern, "venture": venture }), fields)).await;
}

async fn audit_of(caller: &impl Caller, venture: &str) -> VentureAudit {
    let ask = TestRequest::of(Operation::AuditDocs).query(format!("venture={venture}"));
    let page: Page<VentureAudit> = caller.send(ask).await.of(200);
    assert_eq!((page.total, page.items.len(), &page.next_cursor), (1, 1, &None));
    page.items.into_iter().next().unwrap()
}

/// The audit of this venture in an audit of all ventures.
async fn audit_among_all(caller: &impl Caller, venture: &str) -> VentureAudit {
    let mut query = "limit=100".to_owned();
    loop {
        let ask = TestRequest::of(Operation::AuditDocs).query(query.clone());
        let page: Page<VentureAudit> = caller.send(ask).await.of(200);
        if let Some(audit) = page.items.into_iter().find(|audit| audit.venture.as_str() == venture) {
            return audit;
        }
        query = format!("limit=100&cursor={}", page.next_cursor.expect("the venture is on a page").as_str());
    }
}

/// The names in a list, without the documents of the default requirements.
fn names(list: &Excerpt<AuditedDoc>) -> Vec<&str> {
    assert_eq!((list.total, list.shown as usize), (list.shown, list.items.len()));
    let own = list.items.iter().filter(|doc| !doc.requirement_id.as_str().starts_with("req_0000"));
    own.map(|doc| doc.name.as_str()).collect()
}

#[tokio::test]
async fn a_document_is_missing_stale_present_or_optional() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let venture = &agent.venture;
    for (pattern, required) in [("b.md", true), ("a.md", true), ("old.md", true), ("new.md", true), ("nice.md", false)]
    {
        require(&api, venture, pattern, json!({ "required": required, "sources": ["tests"] })).await;
    }
    require(&api, venture, "old-and-nice.md", json!({ "required": false, "staleness_days": 1 })).await;
    for (name, age) in [("old.md", 91), ("new.md", 89), ("old-and-nice.md", 2), ("unasked.md", 500)] {
        db_insert_doc(&api, venture, name, age * DAY).await;
    }
    let audit = audit_of(&agent, venture).await;
    assert_eq!(audit.venture.as_str(), venture);
    assert_eq!(names(&audit.missing), ["a.md", "b.md"]);
    assert_eq!(names(&audit.stale), ["old-and-nice.md", "old.md"]);
    assert_eq!(names(&audit.present), ["new.md"]);
    assert_eq!(names(&audit.optional), ["nice.md"]);
    let nice = &audit.optional.items[0];
    assert_eq!(
        (nice.scope.as_str(), nice.required, nice.confirmed_at, nice.sources.len()),
        (venture.as_str(), false, None, 1)
    );
    assert!(audit.stale.items.iter().chain(&audit.present.items).all(|doc| doc.confirmed_at.is_some()));
}

#[tokio::test]
async fn every_venture_must_have_project_instructions_and_the_documents_of_its_capabilities() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let venture = &agent.venture;
    let missing = async || {
        let audit = audit_of(&agent, venture).await;
        audit
            .missing
            .items
            .into_iter()
            .filter(|doc| doc.requirement_id.as_str().starts_with("req_0000"))
            .map(|doc| (doc.name, doc.auto_generate))
            .collect::<Vec<_>>()
    };
    let of = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), true)).collect::<Vec<_>>();
    assert_eq!(missing().await, of(&["project-instructions.md"]));
    for (capabilities, names) in [
        (json!(["has_api"]), vec!["api.md", "project-instructions.md"]),
        (json!(["has_database", "has_api"]), vec!["api.md", "project-instructions.md", "schema.md"]),
        (json!(["has_ap", "HAS_API", "has_api2"]), vec!["project-instructions.md"]),
    ] {
        let put = TestRequest::of(Operation::PutVenture).with(venture);
        let put = put.json(&json!({ "name": "V", "capabilities": capabilities }));
        api.admin().send(put).await.of::<Venture>(200);
        assert_eq!(missing().await, of(&names));
    }
}

#[tokio::test]
async fn a_document_is_fresh_one_minute_before_its_limit_and_stale_one_minute_after() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let venture = &agent.venture;
    for (name, days, age) in [
        ("short-before.md", 1, DAY - 1),
        ("short-after.md", 1, DAY + 1),
        ("before.md", 90, 90 * DAY - 1),
        ("after.md", 90, 90 * DAY + 1),
        ("long-before.md", 3650, 3650 * DAY - 1),
        ("long-after.md", 3650, 3650 * DAY + 1),
    ] {
        require(&api, venture, name, json!({ "staleness_days": days })).await;
        db_insert_doc(&api, venture, name, age).await;
    }
    let audit = audit_of(&agent, venture).await;
    assert_eq!(names(&audit.present), ["before.md", "long-before.md", "short-before.md"]);
    assert_eq!(names(&audit.stale), ["after.md", "long-after.md", "short-after.md"]);
}

#[tokio::test]
async fn confirming_a_document_makes_it_fresh_without_changing_it() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let venture = &agent.venture;
    let confirm = async |name: &str, minutes_ago: i64| {
        let sql = "update doc_confirmations set confirmed_at = ?3 where scope = ?1 and name = ?2";
        api.db_execute(sql, json!([venture, name, api.minutes_ago(minutes_ago)])).await;
    };
    for name in ["held.md", "held-long-ago.md"] {
        require(&api, venture, name, json!({})).await;
        db_insert_doc(&api, venture, name, 200 * DAY).await;
    }
    confirm("held.md", 3).await;
    confirm("held-long-ago.md", 100 * DAY).await;
    let audit = audit_of(&agent, venture).await;
    assert_eq!(names(&audit.present), ["held.md"]);
    assert_eq!(names(&audit.stale), ["held-long-ago.md"]);
    let held = audit.present.items.iter().find(|doc| doc.name == "held.md").unwrap();
    assert!(held.confirmed_at.unwrap() > api.minutes_ago(5));
    let stale = agent.colleague().started().await.doc_audit.stale;
    assert_eq!(stale.iter().map(|doc| doc.name.as_str()).collect::<Vec<_>>(), ["held-long-ago.md"]);
}

#[tokio::test]
async fn putting_equal_content_confirms_a_document() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let venture = &agent.venture;
    require(&api, venture, "held.md", json!({})).await;
    let put = async || {
        let ask =
            TestRequest::of(Operation::PutDoc).with(venture).with("held.md").json(&json!({ "content": "# Held" }));
        api.admin().send(ask).await
    };
    put().await.of::<DocPut>(201);
    for (table, column) in [("context_docs", "updated_at"), ("doc_confirmations", "confirmed_at")] {
        let sql = format!("update {table} set {column} = ?1 where scope = ?2");
        api.db_execute(&sql, json!([api.minutes_ago(100 * DAY), venture])).await;
    }
    assert_eq!(names(&audit_of(&agent, venture).await.stale), ["held.md"]);
    let again: DocPut = put().await.of(200);
    assert_eq!((again.outcome, again.doc.summary.version), (DocOutcome::Unchanged, 1));
    assert!(again.doc.summary.updated_at < api.minutes_ago(99 * DAY));
    assert_eq!(names(&audit_of(&agent, venture).await.present), ["held.md"]);
}

#[tokio::test]
async fn a_pattern_is_met_by_the_freshest_matching_document() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let venture = &agent.venture;
    for pattern in ["runbook-*.md", "absent-*.md", "{venture}-*.md", "*-old-*", "runbook-deploy.md"] {
        require(&api, venture, pattern, json!({})).await;
    }
    let guide = format!("{venture}-guide.md");
    for (name, age) in
        [("runbook-deploy.md", 200), ("runbook-restore.md", 2), (guide.as_str(), 1), ("an-old-one.md", 91)]
    {
        db_insert_doc(&api, venture, name, age * DAY).await;
    }
    // A document in another scope, or with a name in another case, does not meet the requirement.
    db_insert_doc(&api, "global", &format!("absent-{}.md", fresh("x")), 0).await;
    db_insert_doc(&api, venture, "Absent-a.md", 0).await;
    let audit = audit_of(&agent, venture).await;
    assert_eq!(names(&audit.missing), ["absent-*.md"]);
    assert_eq!(names(&audit.stale), ["*-old-*", "runbook-deploy.md"]);
    assert_eq!(names(&audit.present), ["runbook-*.md", format!("{venture}-*.md").as_str()]);
}

#[tokio::test]
async fn a_pattern_of_only_wildcards_works() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let stars = "*".repeat(50);
    let teeth = "*a".repeat(25);
    let ventures = "{venture}".repeat(5);
    for pattern in [&stars, &teeth, &ventures, "*"] {
        require(&api, &agent.venture, pattern, json!({})).await;
    }
    db_insert_doc(&api, &agent.venture, &"a".repeat(200), 0).await;
    let audit = audit_of(&agent, &agent.venture).await;
    assert_eq!(names(&audit.present), ["*", stars.as_str(), teeth.as_str()]);
    assert_eq!(names(&audit.missing), [agent.venture.repeat(5)]);
}

#[tokio::test]
async fn a_pattern_longer_than_d1_allows_does_not_break_an_audit() {
    // A new engine, because the pattern must be inserted directly (no put accepts it) and no list can show it.
    let api = Api::start_limited(1_000_000).await;
    let agent = api.agent().await;
    let long = "*a".repeat(26);
    let sql = "insert into doc_requirements (id, name_pattern, scope_type, venture, created_at, updated_at)
               values ('req_01AAAAAAAAAAAAAAAAAAAAAAAA', ?1, 'venture', ?2, ?3, ?3)";
    api.db_execute(sql, json!([long, agent.venture, api.minutes_ago(0)])).await;
    db_insert_doc(&api, &agent.venture, &"a".repeat(60), 0).await;
    assert_eq!(names(&audit_of(&agent, &agent.venture).await.missing), [long.as_str()]);
    assert_eq!(agent.started().await.doc_audit.missing.len(), 2);
}

#[tokio::test]
async fn a_global_document_meets_the_requirement_of_every_venture() {
    let api = Api::start().await;
    let (agent, other) = (api.agent().await, api.agent().await);
    let name = fresh("charter");
    for venture in [&agent.venture, &other.venture] {
        require(&api, venture, &name, json!({ "scope_type": "global" })).await;
    }
    assert_eq!(names(&audit_of(&agent, &agent.venture).await.missing), [name.as_str()]);
    db_insert_doc(&api, "global", &name, 0).await;
    for agent in [&agent, &other] {
        let audit = audit_of(agent, &agent.venture).await;
        assert_eq!((names(&audit.present), audit.present.items[0].scope.as_str()), (vec![name.as_str()], "global"));
    }
}

#[tokio::test]
async fn a_deleted_document_is_missing() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for pattern in ["gone.md", "gone-*"] {
        require(&api, &agent.venture, pattern, json!({})).await;
    }
    db_insert_doc(&api, &agent.venture, "gone.md", 0).await;
    db_insert_doc(&api, &agent.venture, "gone-too.md", 0).await;
    assert_eq!(names(&audit_of(&agent, &agent.venture).await.present), ["gone-*", "gone.md"]);
    for name in ["gone.md", "gone-too.md"] {
        let delete = TestRequest::of(Operation::DeleteDoc).with(&agent.venture).with(name);
        assert_eq!(api.admin().send(delete).await.status, 200);
    }
    assert_eq!(names(&audit_of(&agent, &agent.venture).await.missing), ["gone-*", "gone.md"]);
}

#[tokio::test]
async fn a_start_of_day_shows_the_results_of_the_audit() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for (pattern, required) in [("a.md", true), ("b-*.md", true), ("c.md", false), ("d.md", true)] {
        require(&api, &agent.venture, pattern, json!({ "required": required })).await;
    }
    db_insert_doc(&api, &agent.venture, "b-1.md", 100 * DAY).await;
    db_insert_doc(&api, &agent.venture, "d.md", 0).await;
    let audit = audit_of(&agent, &agent.venture).await;
    let day = agent.colleague().started().await.doc_audit;
    assert_eq!((day.missing, day.stale, day.optional), (audit.missing.items, audit.stale.items, audit.optional.items));
}

#[tokio::test]
async fn all_missing_documents_of_a_venture_are_shown() {
    let api = Api::start().await;
    let agent = api.agent().await;
    // Inserts the requirements directly into the database, because 60 requests would test nothing more.
    let sql = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 60)
               insert into doc_requirements (id, name_pattern, scope_type, venture, required, created_at, updated_at)
               select printf('req_00%s%015d', ?2, i), printf('doc-%02d.md', i), 'venture', ?1, 1, ?3, ?3 from n";
    let unique = fresh("").to_uppercase()[8..].to_owned();
    api.db_execute(sql, json!([agent.venture, unique, api.minutes_ago(0)])).await;
    let audit = audit_of(&agent, &agent.venture).await;
    assert_eq!((audit.missing.total, audit.missing.shown, audit.missing.items.len()), (61, 61, 61));
    assert_eq!((audit.stale.total, audit.present.total, audit.optional.items.len()), (0, 0, 0));
    assert!(audit.missing.items[0].auto_generate, "what can be generated comes first");
    assert!(audit.missing.items[1..].is_sorted_by(|a, b| a.name < b.name));
    assert_eq!(audit_among_all(&agent, &agent.venture).await, audit);
    api.db_execute("delete from doc_requirements where venture = ?1", json!([agent.venture])).await;
}

#[tokio::test]
async fn the_audit_of_all_ventures_is_paged_and_equals_the_audits_of_each_venture() {
    let api = Api::start().await;
    let agents = [api.agent().await, api.agent().await, api.agent().await];
    for (n, agent) in agents.iter().enumerate() {
        require(&api, &agent.venture, &format!("only-{n}.md"), json!({})).await;
    }
    db_insert_doc(&api, &agents[1].venture, "only-1.md", 0).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let ask = TestRequest::of(Operation::AuditDocs).query(format!("limit=2{cursor}"));
        let page: Page<VentureAudit> = agents[0].send(ask).await.of(200);
        assert!(page.total >= 3 && page.items.len() == 1);
        seen.extend(page.items);
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(seen.is_sorted_by(|a, b| a.venture < b.venture), "the pages have a duplicate, or are not sorted by code");
    for agent in &agents {
        let found = seen.iter().find(|audit| audit.venture.as_str() == agent.venture).unwrap();
        assert_eq!(*found, audit_of(agent, &agent.venture).await);
    }
}

#[tokio::test]
async fn a_token_for_one_venture_audits_only_that_venture() {
    let api = Api::start().await;
    let (venture, elsewhere) = (api.venture().await, api.venture().await);
    let minted = mint(&api, json!({ "scopes": ["read-only"], "venture": venture })).await;
    let own = KeyCaller::of(&api, minted.token);
    let page: Page<VentureAudit> = own.send(TestRequest::of(Operation::AuditDocs)).await.of(200);
    let audited: Vec<&str> = page.items.iter().map(|audit| audit.venture.as_str()).collect();
    assert_eq!((audited, page.total), (vec![venture.as_str()], 1));
    assert_eq!(audit_of(&own, &venture).await.venture.as_str(), venture);
    for other in [elsewhere, fresh("nowhere")] {
        let ask = TestRequest::of(Operation::AuditDocs).query(format!("venture={other}"));
        own.send(ask).await.problem(ErrorCode::Forbidden);
    }
}

#[tokio::test]
async fn an_unregistered_venture_is_named_and_not_reported_as_complete() {
    let api = Api::start().await;
    let ask = TestRequest::of(Operation::AuditDocs).query(format!("venture={}", fresh("nowhere")));
    api.admin().send(ask).await.problem_at(ErrorCode::VentureNotRegistered, &["/venture"]);
    for (query, named) in [
        ("venture=Upper", "/venture"),
        ("venture=", "/venture"),
        ("venture=global", "/venture"),
        ("limit=101", "/limit"),
        ("cursor=%2F", "/cursor"),
        ("scope=global", "/scope"),
    ] {
        let ask = TestRequest::of(Operation::AuditDocs).query(query);
        api.admin().send(ask).await.problem_at(ErrorCode::InvalidRequest, &[named]);
    }
}
