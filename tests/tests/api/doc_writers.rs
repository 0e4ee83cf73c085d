//! The rights to put and delete documents, and concurrent writes.

use std::collections::BTreeSet;

use deckwatch_protocol::{Doc, DocOutcome, DocPut, DocText, DocVersion, ErrorCode, Operation, Page, Requirement};
use deckwatch_tests::{Api, Caller, KeyCaller, Response, TestRequest, fresh, overlay};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::docs::{TestDoc, numbers};
use crate::tokens::mint;

/// Creates a requirement in the desk's venture whose documents may be generated.
async fn require(desk: &TestDoc, pattern: &str, fields: Value) {
    let rule = json!({ "name_pattern": pattern, "venture": desk.scope, "auto_generate": true });
    let put = TestRequest::of(Operation::PutRequirement).json(&overlay(rule, fields));
    desk.api.admin().send(put).await.of::<Requirement>(201);
}

fn named(desk: &TestDoc, name: &str) -> TestDoc {
    TestDoc { api: desk.api.clone(), scope: desk.scope.clone(), name: name.to_owned() }
}

async fn holder(desk: &TestDoc, fields: Value) -> KeyCaller {
    KeyCaller::of(&desk.api, mint(&desk.api, fields).await.token)
}

#[tokio::test]
async fn a_context_key_may_put_only_documents_that_a_requirement_lets_it_generate() {
    let desk = TestDoc::new().await;
    let agent = desk.api.agent().await;
    let put = |name: &str| agent.send(named(&desk, name).ask_put("# Generated", json!({})));
    put("api.md").await.problem(ErrorCode::Forbidden);
    require(&desk, "api.md", json!({})).await;
    require(&desk, "{venture}-guide.md", json!({})).await;
    require(&desk, "runbook-*.md", json!({})).await;
    require(&desk, "by-hand.md", json!({ "auto_generate": false })).await;
    require(&desk, "schema.md", json!({ "capability": "has_database" })).await;
    require(&desk, &format!("{}.md", desk.scope), json!({ "scope_type": "global" })).await;
    let guide = format!("{}-guide.md", desk.scope);
    for granted in ["api.md", guide.as_str(), "runbook-deploy.md"] {
        assert_eq!(put(granted).await.of::<DocPut>(201).outcome, DocOutcome::Created, "{granted}");
    }
    let own = format!("{}.md", desk.scope);
    for refused in ["other.md", "API.md", "runbook-deploy.txt", "by-hand.md", "schema.md", "x-guide.md", &own] {
        put(refused).await.problem(ErrorCode::Forbidden);
    }
    let give = "update ventures set capabilities_json = '[\"has_database\"]' where code = ?1";
    desk.api.db_execute(give, json!([desk.scope])).await;
    put("schema.md").await.of::<DocPut>(201);
    agent.send(desk.ask(Operation::DeleteDoc)).await.problem(ErrorCode::Forbidden);
    assert_eq!(desk.read().await.content, "# Generated");
}

#[tokio::test]
async fn a_requirement_of_one_venture_gives_no_rights_in_another() {
    // A new engine, because a requirement for every venture would change the audits of other tests.
    let desk = TestDoc::of(Api::start_limited(1_000_000).await).await;
    let other = TestDoc { api: desk.api.clone(), scope: desk.api.venture().await, name: "api.md".to_owned() };
    let agent = desk.api.agent().await;
    require(&desk, "api.md", json!({})).await;
    agent.send(other.ask_put("# Generated", json!({}))).await.problem(ErrorCode::Forbidden);
    let name = fresh("everywhere");
    require(&desk, &name, json!({ "venture": null })).await;
    for desk in [&desk, &other] {
        agent.send(named(desk, &name).ask_put("# Generated", json!({}))).await.of::<DocPut>(201);
    }
    let global = TestDoc { api: desk.api.clone(), scope: "global".to_owned(), name: name.clone() };
    agent.send(global.ask_put("# Generated", json!({}))).await.problem(ErrorCode::Forbidden);
    require(&desk, &name, json!({ "venture": null, "scope_type": "global" })).await;
    agent.send(global.ask_put("# Generated", json!({}))).await.of::<DocPut>(201);
}

#[tokio::test]
async fn a_token_may_put_documents_according_to_its_scopes() {
    let desk = TestDoc::new().await;
    let writer = holder(&desk, json!({ "scopes": ["docs:write"] })).await;
    writer.send(desk.ask_put("# One", json!({}))).await.of::<DocPut>(201);
    writer.send(desk.ask(Operation::GetDoc)).await.problem(ErrorCode::Forbidden);
    let context = holder(&desk, json!({ "scopes": ["context"] })).await;
    context.send(desk.ask_put("# Two", json!({}))).await.problem(ErrorCode::Forbidden);
    context.send(desk.ask(Operation::DeleteDoc)).await.problem(ErrorCode::Forbidden);
    assert_eq!(context.send(desk.ask(Operation::GetDoc)).await.of::<DocText>(200).content, "# One");
    require(&desk, "api.md", json!({})).await;
    context.send(desk.ask_put("# Two", json!({}))).await.of::<DocPut>(200);
    let reader = holder(&desk, json!({ "scopes": ["read-only"] })).await;
    reader.send(desk.ask_put("# Three", json!({}))).await.problem(ErrorCode::Forbidden);
    reader.send(desk.ask(Operation::ListDocVersions)).await.of::<Page<DocVersion>>(200);
    writer.send(desk.ask(Operation::DeleteDoc)).await.of::<DocVersion>(200);
}

#[tokio::test]
async fn a_token_for_one_venture_reads_global_documents_and_changes_only_its_own() {
    let desk = TestDoc::new().await;
    let global = TestDoc { api: desk.api.clone(), scope: "global".to_owned(), name: fresh("doc") };
    let other = TestDoc { api: desk.api.clone(), scope: desk.api.venture().await, name: "api.md".to_owned() };
    for desk in [&global, &other] {
        desk.put("# There").await;
    }
    for scope in ["admin", "docs:write"] {
        let own = holder(&desk, json!({ "scopes": [scope, "read-only"], "venture": desk.scope })).await;
        let put: DocPut = {
            let response = own.send(desk.ask_put(scope, json!({}))).await;
            response.of(response.status)
        };
        assert_eq!(own.send(desk.ask(Operation::GetDoc)).await.of::<DocText>(200).doc, put.doc);
        for operation in [Operation::GetDoc, Operation::ListDocVersions] {
            assert_eq!(own.send(global.ask(operation)).await.status, 200);
            own.send(other.ask(operation)).await.problem(ErrorCode::Forbidden);
        }
        for desk in [&global, &other] {
            own.send(desk.ask_put("# Mine", json!({}))).await.problem(ErrorCode::Forbidden);
            own.send(desk.ask(Operation::DeleteDoc)).await.problem(ErrorCode::Forbidden);
        }
        let list = |query: String| own.send(TestRequest::of(Operation::ListDocs).query(query));
        for query in [format!("venture={}", desk.scope), format!("scope={}", desk.scope), "scope=global".to_owned()] {
            list(query).await.of::<Page<Doc>>(200);
        }
        for query in [String::new(), format!("venture={}", other.scope), format!("scope={}", other.scope)] {
            list(query).await.problem(ErrorCode::Forbidden);
        }
    }
    assert_eq!((global.read().await.content, other.read().await.content), ("# There".into(), "# There".into()));
}

#[tokio::test]
async fn a_document_that_was_changed_since_is_not_overwritten() {
    let desk = TestDoc::new().await;
    let if_match = |ask: TestRequest, tag: &str| desk.send(ask.header("if-match", tag));
    if_match(desk.ask_put("# One", json!({})), "*").await.problem(ErrorCode::DocChanged);
    let first = format!("\"{}\"", desk.put("# One").await.doc.summary.content_hash);
    if_match(desk.ask_put("# Two", json!({})), &first).await.of::<DocPut>(200);
    let second = format!("\"{}\"", desk.read().await.doc.summary.content_hash);
    for stale in [first.clone(), format!("W/{second}"), "\"2\"".to_owned(), second.replace('"', "")] {
        if_match(desk.ask_put("# Late", json!({})), &stale).await.problem(ErrorCode::DocChanged);
        if_match(desk.ask(Operation::DeleteDoc), &stale).await.problem(ErrorCode::DocChanged);
    }
    assert_eq!(desk.read().await.content, "# Two");
    if_match(desk.ask_put("# Three", json!({})), &format!("{first}, {second}")).await.of::<DocPut>(200);
    if_match(desk.ask_put("# Four", json!({})), "*").await.of::<DocPut>(200);
    if_match(desk.ask(Operation::DeleteDoc), "*").await.of::<DocVersion>(200);
    if_match(desk.ask(Operation::DeleteDoc), "*").await.problem(ErrorCode::DocNotFound);
    if_match(desk.ask_put("# Five", json!({})), "*").await.problem(ErrorCode::DocChanged);
    assert_eq!(numbers(&desk.versions().await), [5, 4, 3, 2, 1]);
}

/// Sends all requests at the same time.
async fn at_once(desk: &TestDoc, asks: impl Iterator<Item = TestRequest>) -> Vec<Response> {
    let mut running = JoinSet::new();
    for ask in asks {
        let admin = desk.api.admin();
        running.spawn(async move { admin.send(ask).await });
    }
    running.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_puts_of_different_content_make_consecutive_versions() {
    let desk = TestDoc::new().await;
    let responses = at_once(&desk, (1..=16).map(|n| desk.ask_put(&format!("# {n}"), json!({})))).await;
    let puts: Vec<DocPut> = responses.iter().map(|response| response.of(response.status)).collect();
    let made: BTreeSet<u32> = puts.iter().map(|put| put.doc.summary.version).collect();
    assert_eq!(made, (1..=16).collect());
    assert_eq!(responses.iter().filter(|response| response.status == 201).count(), 1);
    assert_eq!(numbers(&desk.versions().await), (1..=16).rev().collect::<Vec<_>>());
    for put in puts {
        let version: DocText = desk.version(put.doc.summary.version).await.of(200);
        assert_eq!(
            version.doc.summary.content_hash, put.doc.summary.content_hash,
            "the answer must have the hash of the version that it made"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_puts_of_equal_content_make_one_version() {
    let desk = TestDoc::new().await;
    let responses = at_once(&desk, (0..16).map(|_| desk.ask_put("# The same", json!({})))).await;
    let outcomes = responses.iter().map(|response| response.of::<DocPut>(response.status).outcome);
    assert_eq!(outcomes.filter(|outcome| *outcome == DocOutcome::Created).count(), 1);
    assert_eq!(responses.iter().filter(|response| response.status == 200).count(), 15);
    assert_eq!(numbers(&desk.versions().await), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_puts_based_on_the_same_version_one_succeeds() {
    let desk = TestDoc::new().await;
    let tag = format!("\"{}\"", desk.put("# One").await.doc.summary.content_hash);
    let asks = (0..16).map(|n| desk.ask_put(&format!("# {n}"), json!({})).header("if-match", &tag));
    let responses = at_once(&desk, asks).await;
    assert_eq!(responses.iter().filter(|response| response.status == 200).count(), 1);
    assert_eq!(responses.iter().filter(|response| response.status == 412).count(), 15);
    assert_eq!(numbers(&desk.versions().await), [2, 1]);
}

#[tokio::test]
async fn if_none_match_creates_a_document_only_if_none_exists() {
    let desk = TestDoc::new().await;
    let only_new = |content: &str| desk.ask_put(content, json!({})).header("if-none-match", "*");
    let made: DocPut = desk.send(only_new("# Mine")).await.of(201);
    desk.send(only_new("# Theirs")).await.problem(ErrorCode::DocChanged);
    let known = format!("W/\"{}\"", made.doc.summary.content_hash);
    let put = desk.ask_put("# Theirs", json!({}));
    desk.send(put.clone().header("if-none-match", &known)).await.problem(ErrorCode::DocChanged);
    assert_eq!(desk.read().await.content.as_str(), "# Mine");
    desk.send(put.header("if-none-match", "\"another\"")).await.of::<DocPut>(200);
    desk.send(desk.ask(Operation::DeleteDoc)).await.of::<DocVersion>(200);
    desk.send(only_new("# Again")).await.of::<DocPut>(201);
}

#[tokio::test]
async fn a_version_has_the_same_metadata_wherever_it_is_read() {
    let desk = TestDoc::new().await;
    desk.put("{}").await;
    let fields = json!({ "doc_type": "json", "title": "New", "source_repo": "o/r", "source_path": "p" });
    let again: DocPut = desk.send(desk.ask_put("{}", fields)).await.of(200);
    assert_eq!((again.outcome, again.doc.summary.version), (DocOutcome::Unchanged, 1));
    let newest: DocText = desk.send(desk.ask(Operation::GetDoc)).await.of(200);
    let first: DocText = desk.send(desk.ask(Operation::GetDoc).query("version=1")).await.of(200);
    assert_eq!((&newest.doc.summary.title, newest.doc.source_path.is_some()), (&again.doc.summary.title, true));
    assert_eq!(first.doc.summary.title, newest.doc.summary.title);
    assert_eq!(
        (first.doc.summary.doc_type, first.doc.source_path),
        (newest.doc.summary.doc_type, newest.doc.source_path)
    );
}
