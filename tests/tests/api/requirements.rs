//! Requirements: one row for each rule, however often it is put, and no pattern that could do harm.

use std::collections::BTreeSet;

use deckwatch_protocol::{ErrorCode, Operation, Page, Requirement, RequirementDeleted, RequirementId, Venture};
use deckwatch_tests::{Admin, Api, Caller, KeyCaller, TestRequest, a_moment_later, fresh, overlay};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::tokens::mint;

fn ask_put(fields: &Value) -> TestRequest {
    TestRequest::of(Operation::PutRequirement).json(fields)
}

/// Puts a requirement with the admin key.
pub(crate) async fn required(api: &Api, fields: Value) -> Requirement {
    let response = api.admin().send(ask_put(&fields)).await;
    response.of(if response.status == 200 { 200 } else { 201 })
}

fn ask_delete(id: &RequirementId) -> TestRequest {
    TestRequest::of(Operation::DeleteRequirement).with(id)
}

/// All pages of a list of requirements.
async fn walk(caller: &impl Caller, query: &str) -> Vec<Requirement> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let ask = TestRequest::of(Operation::ListRequirements).query(format!("{query}{cursor}"));
        let page: Page<Requirement> = caller.send(ask).await.of(200);
        seen.extend(page.items);
        let Some(next) = page.next_cursor else { return seen };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn a_requirement_is_created_then_replaced() {
    let api = Api::start().await;
    let (admin, venture) = (api.admin(), api.venture().await);
    let full = json!({
        "name_pattern": "{venture}-runbook-*.md", "scope_type": "global", "venture": venture, "capability": "has_api",
        "staleness_days": 30, "required": false, "auto_generate": true, "sources": ["routes", "openapi"],
    });
    let response = admin.send(ask_put(&full)).await;
    let made: Requirement = response.of(201);
    for (field, value) in full.as_object().unwrap() {
        assert_eq!(response.json()[field], *value, "{field}");
    }
    a_moment_later().await;
    let changed = overlay(full, json!({ "staleness_days": 3650, "required": true, "sources": [] }));
    let replaced: Requirement = admin.send(ask_put(&changed)).await.of(200);
    assert_eq!((&replaced.id, replaced.created_at), (&made.id, made.created_at));
    assert_eq!((replaced.staleness_days.get(), replaced.required, replaced.sources.len()), (3650, true, 0));
    assert!(replaced.updated_at > made.updated_at);
}

#[tokio::test]
async fn by_default_a_document_is_required_of_each_venture_and_fresh_for_90_days() {
    let api = Api::start().await;
    let capability = fresh("cap");
    let plain = required(&api, json!({ "name_pattern": "guide.md", "capability": capability })).await;
    assert_eq!((plain.scope_type.as_str(), plain.venture, plain.staleness_days.get()), ("venture", None, 90));
    assert_eq!((plain.required, plain.auto_generate, plain.sources.len()), (true, false, 0));
}

#[tokio::test]
async fn an_equal_put_changes_nothing() {
    let api = Api::start().await;
    let body = json!({ "name_pattern": "same.md", "venture": api.venture().await, "sources": ["readme"] });
    let first: Requirement = api.admin().send(ask_put(&body)).await.of(201);
    a_moment_later().await;
    let second: Requirement = api.admin().send(ask_put(&body)).await.of(200);
    assert_eq!(second, first);
}

#[tokio::test]
async fn fifty_concurrent_puts_of_one_rule_make_one_row() {
    // A new engine, because a requirement for every venture would change the audits of other tests.
    let api = Api::start_limited(1_000_000).await;
    let pattern = fresh("raced");
    // The rule has no venture and no capability: a plain UNIQUE constraint treats nulls as distinct.
    let body = json!({ "name_pattern": pattern });
    let mut racers = JoinSet::new();
    for _ in 0..50 {
        let (admin, body): (Admin, _) = (api.admin(), body.clone());
        racers.spawn(async move { admin.send(ask_put(&body)).await });
    }
    let answers = racers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let ids: BTreeSet<RequirementId> =
        answers.iter().map(|answer| answer.of::<Requirement>(answer.status.clamp(200, 201)).id).collect();
    assert_eq!(ids.len(), 1);
    let rows = "select count(*) as n from doc_requirements where name_pattern = ?1";
    assert_eq!(api.db_count(rows, json!([pattern])).await, 1);
}

#[tokio::test]
async fn rules_for_different_ventures_or_capabilities_are_different_rules() {
    let api = Api::start().await;
    let (venture, other, capability) = (api.venture().await, api.venture().await, fresh("cap"));
    let base = json!({ "name_pattern": fresh("x"), "required": false, "venture": venture });
    let mut ids = BTreeSet::new();
    for over in [
        json!({}),
        json!({ "name_pattern": fresh("y") }),
        json!({ "scope_type": "global" }),
        json!({ "venture": other }),
        json!({ "capability": capability }),
        json!({ "venture": null, "capability": capability }),
    ] {
        ids.insert(api.admin().send(ask_put(&overlay(base.clone(), over))).await.of::<Requirement>(201).id);
    }
    assert_eq!(ids.len(), 6);
}

#[tokio::test]
async fn a_new_database_has_the_default_requirements() {
    let api = Api::start().await;
    let all = walk(&api.admin(), "limit=100").await;
    for (pattern, capability) in
        [("project-instructions.md", None), ("api.md", Some("has_api")), ("schema.md", Some("has_database"))]
    {
        let found = all.iter().find(|rule| {
            rule.name_pattern.as_str() == pattern
                && rule.venture.is_none()
                && rule.capability.as_ref().map(AsRef::as_ref) == capability
        });
        let rule = found.expect(pattern);
        assert!(rule.required && rule.auto_generate && !rule.sources.is_empty(), "{rule:?}");
    }
}

#[tokio::test]
async fn a_requirement_is_deleted_once() {
    let api = Api::start().await;
    let rule = required(&api, json!({ "name_pattern": "gone.md", "venture": api.venture().await })).await;
    let ask = ask_delete(&rule.id);
    let first = api.admin().send(ask.clone()).await;
    assert_eq!(first.of::<RequirementDeleted>(200).id, rule.id);
    let replay = api.admin().send(ask).await;
    assert_eq!((replay.is_replay(), &replay.body), (true, &first.body));
    api.admin().send(ask_delete(&rule.id)).await.problem(ErrorCode::RequirementNotFound);
    let rows = "select count(*) as n from doc_requirements where id = ?1";
    assert_eq!(api.db_count(rows, json!([rule.id])).await, 0);
    for id in ["x", "req_nothing", "req_00000000000000000000000009", "%F0%9F%98%80"] {
        let ask = TestRequest::of(Operation::DeleteRequirement).with(id);
        api.admin().send(ask).await.problem(ErrorCode::RequirementNotFound);
    }
}

#[tokio::test]
async fn of_concurrent_deletions_one_succeeds_and_the_others_find_nothing() {
    let api = Api::start().await;
    let rule = required(&api, json!({ "name_pattern": "raced.md", "venture": api.venture().await })).await;
    let mut racers = JoinSet::new();
    for _ in 0..16 {
        let (admin, ask) = (api.admin(), ask_delete(&rule.id));
        racers.spawn(async move { admin.send(ask).await.status });
    }
    let mut statuses = racers.join_all().await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, [404; 15].as_slice()));
}

#[tokio::test]
async fn a_pattern_that_could_do_harm_is_refused_by_name() {
    let api = Api::start().await;
    let venture = api.venture().await;
    let stars = "*".repeat(51);
    let long = format!("{}*", "x".repeat(50));
    let wide = format!("{{venture}}{}*", "x".repeat(18));
    let hostile = [
        "",
        "[",
        "]",
        "a[a-z]*",
        "[^a]*",
        "?",
        "a?",
        "a b",
        "a/b",
        "../a",
        ".a",
        "-a",
        "%",
        "a'b",
        "a\"b",
        "{",
        "{venture",
        "{VENTURE}",
        "{}",
        "ü.md",
        "😀",
        "a\nb",
        "a\u{202e}b",
        &stars,
        &long,
        &wide,
        "{venture}*{venture}",
    ];
    for pattern in hostile {
        let body = json!({ "name_pattern": pattern, "venture": venture });
        api.admin().send(ask_put(&body)).await.problem_at(ErrorCode::InvalidRequest, &["/name_pattern"]);
    }
    let rows = "select count(*) as n from doc_requirements where venture = ?1";
    assert_eq!(api.db_count(rows, json!([venture])).await, 0);
}

#[tokio::test]
async fn all_invalid_fields_are_named_together() {
    let api = Api::start().await;
    let refused = [
        (json!({}), vec!["/name_pattern"]),
        (
            json!({ "name_pattern": 7, "scope_type": "team", "venture": "A B", "capability": "", "staleness_days": 0,
                    "required": "yes", "auto_generate": 1, "sources": ["guesswork"], "owner": "me" }),
            vec![
                "/name_pattern",
                "/scope_type",
                "/venture",
                "/capability",
                "/staleness_days",
                "/required",
                "/auto_generate",
                "/sources/0",
                "/owner",
            ],
        ),
        (
            json!({ "name_pattern": "a", "staleness_days": 3651, "venture": "global" }),
            vec!["/staleness_days", "/venture"],
        ),
        (
            json!({ "name_pattern": "a", "staleness_days": 1.5, "sources": "readme" }),
            vec!["/staleness_days", "/sources"],
        ),
        (json!({ "name_pattern": "a", "sources": vec!["readme"; 11] }), vec!["/sources"]),
    ];
    for (body, named) in refused {
        api.admin().send(ask_put(&body)).await.problem_at(ErrorCode::InvalidRequest, &named);
    }
    let nowhere = json!({ "name_pattern": "a.md", "venture": fresh("nowhere") });
    api.admin().send(ask_put(&nowhere)).await.problem_at(ErrorCode::VentureNotRegistered, &["/venture"]);
    for query in ["limit=0", "venture=Upper", "cursor=", "capability=has_api"] {
        let ask = TestRequest::of(Operation::ListRequirements).query(query);
        api.admin().send(ask).await.problem(ErrorCode::InvalidRequest);
    }
}

#[tokio::test]
async fn requirements_of_a_venture_are_listed_newest_first() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let mut own = Vec::new();
    for n in 0..7 {
        own.push(required(&api, json!({ "name_pattern": format!("{n}.md"), "venture": agent.venture })).await.id);
        a_moment_later().await;
    }
    let others = required(&api, json!({ "name_pattern": "x.md", "venture": api.venture().await })).await.id;
    let seen = walk(&agent, &format!("limit=3&venture={}", agent.venture)).await;
    assert!(
        seen.is_sorted_by(|newer, older| newer.id > older.id),
        "the list has a duplicate, or is not sorted newest first"
    );
    let ids: Vec<&RequirementId> = seen.iter().map(|rule| &rule.id).collect();
    assert!(own.iter().all(|id| ids.contains(&id)) && !ids.contains(&&others));
    assert!(seen.iter().any(|rule| rule.venture.is_none()), "the list must include the rules for every venture");
    assert!(walk(&agent, "limit=100").await.iter().any(|rule| rule.id == others));
}

#[tokio::test]
async fn a_token_for_one_venture_changes_only_its_own_requirements() {
    let api = Api::start().await;
    let (venture, elsewhere) = (api.venture().await, api.venture().await);
    let minted = mint(&api, json!({ "scopes": ["docs:write", "read-only"], "venture": venture })).await;
    let own = KeyCaller::of(&api, minted.token);
    let rule = |of: Value| json!({ "name_pattern": "t.md", "venture": of, "required": false });
    for of in [Value::Null, json!(elsewhere)] {
        own.send(ask_put(&rule(of))).await.problem(ErrorCode::Forbidden);
    }
    let mine: Requirement = own.send(ask_put(&rule(json!(venture)))).await.of(201);
    let theirs = required(&api, rule(json!(elsewhere))).await;
    let everybodys = required(&api, overlay(rule(Value::Null), json!({ "capability": fresh("cap") }))).await;
    let seen: Vec<RequirementId> = walk(&own, "limit=100").await.into_iter().map(|rule| rule.id).collect();
    assert!(seen.contains(&mine.id) && seen.contains(&everybodys.id) && !seen.contains(&theirs.id));
    for id in [&theirs.id, &everybodys.id] {
        own.send(ask_delete(id)).await.problem(ErrorCode::RequirementNotFound);
    }
    own.send(ask_delete(&mine.id)).await.of::<RequirementDeleted>(200);
    let elsewhere = TestRequest::of(Operation::ListRequirements).query(format!("venture={elsewhere}"));
    own.send(elsewhere).await.problem(ErrorCode::Forbidden);
    own.send(TestRequest::of(Operation::ListVentures)).await.of::<Page<Venture>>(200);
}
