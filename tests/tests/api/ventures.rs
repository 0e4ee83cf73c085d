//! Ventures: registered by an admin, read by every caller.

use deckwatch_protocol::{
    DayEnded, ErrorCode, Handoff, Heartbeat, Operation, Page, Venture, VentureAudit, VentureDeleted,
};
use deckwatch_tests::{Api, Caller, TestRequest, a_moment_later, cursor_at, fresh};
use serde_json::{Value, json};
use tokio::task::JoinSet;

fn put(code: &str, body: &Value) -> TestRequest {
    TestRequest::of(Operation::PutVenture).with(code).json(body)
}

#[tokio::test]
async fn a_venture_is_created_then_replaced() {
    let api = Api::start().await;
    let admin = api.admin();
    let code = fresh("alpha");
    let full = json!({
        "name": "Alpha & Söhne 😀", "github_org": "example-org", "repos": ["example-org/alpha.js", "a/.github"],
        "capabilities": ["has_api", "has_database"],
    });
    let response = admin.send(put(&code, &full)).await;
    let created: Venture = response.of(201);
    for (field, value) in full.as_object().unwrap() {
        assert_eq!(response.json()[field], *value, "{field}");
    }
    a_moment_later().await;
    let replaced: Venture = admin.send(put(&code, &json!({ "name": "Beta" }))).await.of(200);
    assert_eq!((replaced.github_org, replaced.repos.len(), replaced.capabilities.len()), (None, 0, 0));
    assert_eq!(replaced.created_at, created.created_at);
    assert!(replaced.updated_at > created.updated_at);
}

#[tokio::test]
async fn an_equal_put_changes_nothing() {
    let api = Api::start().await;
    let code = fresh("same");
    let body = json!({ "name": "Same", "repos": ["o/r"] });
    let first: Venture = api.admin().send(put(&code, &body)).await.of(201);
    a_moment_later().await;
    let second: Venture = api.admin().send(put(&code, &body)).await.of(200);
    assert_eq!(second, first);
}

#[tokio::test]
async fn a_venture_can_be_used_immediately_after_its_registration() {
    let api = Api::start().await;
    let agent = api.agent_nowhere();
    agent.start_day(json!({})).await.problem(ErrorCode::VentureNotRegistered);
    api.admin().send(put(&agent.venture, &json!({ "name": "Now" }))).await.of::<Venture>(201);
    assert_eq!(agent.started().await.venture.name.as_str(), "Now");
}

#[tokio::test]
async fn ventures_are_listed_by_code() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let codes = [fresh("l"), fresh("l")];
    for code in &codes {
        api.admin().send(put(code, &json!({ "name": "Listed" }))).await.of::<Venture>(201);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let ask = TestRequest::of(Operation::ListVentures).query(format!("limit=100{cursor}"));
        let page: Page<Venture> = agent.send(ask).await.of(200);
        seen.extend(page.items.iter().map(|venture| venture.code.to_string()));
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(codes.iter().chain([&agent.venture]).all(|code| seen.contains(code)));
}

#[tokio::test]
async fn all_invalid_fields_are_named_together() {
    let api = Api::start().await;
    let refused = [
        (json!({}), vec!["/name"]),
        (json!({ "name": "" }), vec!["/name"]),
        (
            json!({ "name": "a\nb", "github_org": "a b", "repos": ["o/r", "x"] }),
            vec!["/name", "/github_org", "/repos/1"],
        ),
        (json!({ "name": "A", "repos": vec!["o/r"; 101] }), vec!["/repos"]),
        (json!({ "name": "A", "capabilities": vec!["has_api"; 21] }), vec!["/capabilities"]),
        (json!({ "name": "A", "code": "other" }), vec!["/code"]),
        (json!({ "name": "A", "capabilities": "has_api" }), vec!["/capabilities"]),
    ];
    let code = fresh("refused");
    for (body, named) in refused {
        api.admin().send(put(&code, &body)).await.problem_at(ErrorCode::InvalidRequest, &named);
    }
    for bad in ["Upper", "a.b", "-x", "%20", "ü", &"x".repeat(33)] {
        let bad = bad.replace('ü', "%C3%BC");
        api.admin().send(put(&bad, &json!({ "name": "A" }))).await.problem_at(ErrorCode::InvalidRequest, &["/code"]);
    }
    assert_eq!(api.db_count("select count(*) as n from ventures where code = ?1", json!([code])).await, 0);
}

fn delete(code: &str) -> TestRequest {
    TestRequest::of(Operation::DeleteVenture).with(code)
}

async fn is_listed(api: &Api, code: &str) -> bool {
    let cursor = cursor_at("/v1/ventures", "", before(code));
    let page: Page<Venture> = api
        .admin()
        .send(TestRequest::of(Operation::ListVentures).query(format!("limit=1&cursor={cursor}")))
        .await
        .of(200);
    page.items.first().is_some_and(|venture| venture.code.as_str() == code)
}

/// A code that sorts before `code`. No test uses a code between the two.
fn before(code: &str) -> &str {
    &code[..code.len() - 1]
}

#[tokio::test]
async fn a_deleted_venture_is_not_listed_and_accepts_no_new_records() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let code = agent.venture.as_str();
    assert!(is_listed(&api, code).await);
    let deleted: VentureDeleted = api.admin().send(delete(code)).await.of(200);
    assert_eq!(deleted.code.as_str(), code);
    assert!(!is_listed(&api, code).await);
    agent.start_day(json!({})).await.problem(ErrorCode::VentureNotRegistered);
    let admin = api.admin();
    let refused = [
        TestRequest::of(Operation::CreateNote).json(&json!({ "title": "t", "content": "c", "venture": code })),
        TestRequest::of(Operation::PutDoc).with(code).with("api.md").json(&json!({ "content": "# API" })),
        TestRequest::of(Operation::PutRequirement).json(&json!({ "name_pattern": "x.md", "venture": code })),
        TestRequest::of(Operation::CreateToken).json(&json!({ "name": "t", "scopes": ["context"], "venture": code })),
        TestRequest::of(Operation::AuditDocs).query(format!("venture={code}")),
    ];
    for ask in refused {
        admin.send(ask).await.problem(ErrorCode::VentureNotRegistered);
    }
    let cursor = cursor_at("/v1/docs/audit", "", before(code));
    let audits: Page<VentureAudit> =
        admin.send(TestRequest::of(Operation::AuditDocs).query(format!("limit=1&cursor={cursor}"))).await.of(200);
    assert!(audits.items.iter().all(|audit| audit.venture.as_str() != code));
}

#[tokio::test]
async fn an_active_agent_of_a_deleted_venture_can_still_record_its_work() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let earlier: Handoff = agent.create_handoff(&session, json!({})).await.of(201);
    api.admin().send(delete(&agent.venture)).await.of::<VentureDeleted>(200);
    agent.send(TestRequest::of(Operation::Heartbeat).with(&session)).await.of::<Heartbeat>(200);
    agent.send(agent.ask_end_day(&session, json!({}))).await.of::<DayEnded>(200);
    let read: Handoff = agent.send(TestRequest::of(Operation::GetHandoff).with(&earlier.id)).await.of(200);
    assert_eq!(read, earlier);
    let of_venture = TestRequest::of(Operation::ListHandoffs).query(format!("venture={}", agent.venture));
    assert_eq!(agent.send(of_venture).await.of::<Page<Handoff>>(200).total, 2);
}

#[tokio::test]
async fn a_second_deletion_changes_nothing_and_a_new_registration_restores_the_venture() {
    let api = Api::start().await;
    let admin = api.admin();
    let code = fresh("back");
    let first: Venture = admin.send(put(&code, &json!({ "name": "Back" }))).await.of(201);
    a_moment_later().await;
    let deletion = delete(&code);
    let answer = admin.send(deletion.clone()).await;
    let deleted: VentureDeleted = answer.of(200);
    assert!(deleted.deleted_at > first.updated_at);
    a_moment_later().await;
    assert_eq!(admin.send(delete(&code)).await.of::<VentureDeleted>(200), deleted);
    let back: Venture = admin.send(put(&code, &json!({ "name": "Back" }))).await.of(200);
    assert_eq!(back.created_at, first.created_at);
    assert!(back.updated_at > deleted.deleted_at && is_listed(&api, &code).await);
    let replay = admin.send(deletion).await;
    assert_eq!((replay.is_replay(), &replay.body), (true, &answer.body));
    assert!(is_listed(&api, &code).await, "a replay must not delete the venture again");
}

#[tokio::test]
async fn deleting_an_unknown_venture_is_an_error() {
    let api = Api::start().await;
    api.admin().send(delete(&fresh("never"))).await.problem(ErrorCode::VentureNotFound);
    api.admin().send(delete("No.Code")).await.problem_at(ErrorCode::InvalidRequest, &["/code"]);
    let code = api.venture().await;
    api.admin().send(delete(&code).json(&json!({ "force": true }))).await.problem(ErrorCode::InvalidRequest);
    assert!(is_listed(&api, &code).await);
}

#[tokio::test]
async fn a_start_of_day_during_a_deletion_is_complete_or_refused() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let mut racers = JoinSet::new();
    for n in 0..16 {
        let (admin, code, colleague) = (api.admin(), agent.venture.clone(), agent.colleague());
        racers.spawn(async move {
            if n == 8 { admin.send(delete(&code)).await.status } else { colleague.start_day(json!({})).await.status }
        });
    }
    let statuses = racers.join_all().await;
    assert!(statuses.iter().all(|status| [200, 201, 422].contains(status)), "{statuses:?}");
    let made = statuses.iter().filter(|status| **status == 201).count();
    let sessions = "select count(*) as n from sessions where venture = ?1";
    assert_eq!(api.db_count(sessions, json!([agent.venture])).await, made as u64);
}

#[tokio::test]
async fn of_concurrent_puts_one_creates_the_venture() {
    let api = Api::start().await;
    for _ in 0..8 {
        let code = fresh("raced");
        let mut racers = JoinSet::new();
        for _ in 0..8 {
            let (admin, ask) = (api.admin(), put(&code, &json!({ "name": "Raced" })));
            racers.spawn(async move { admin.send(ask).await.status });
        }
        let mut statuses = racers.join_all().await;
        statuses.sort_unstable();
        assert_eq!((&statuses[..7], statuses[7]), ([200; 7].as_slice(), 201));
    }
}
