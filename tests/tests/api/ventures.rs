//! Ventures: registered by an admin, read by everyone.

use deckwatch_protocol::{ErrorCode, Operation, Page, Venture};
use deckwatch_tests::{Api, Ask, Caller, a_moment_later, fresh};
use serde_json::{Value, json};

fn put(code: &str, body: &Value) -> Ask {
    Ask::of(Operation::PutVenture).with(code).json(body)
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
async fn saying_the_same_again_changes_nothing() {
    let api = Api::start().await;
    let code = fresh("same");
    let body = json!({ "name": "Same", "repos": ["o/r"] });
    let first: Venture = api.admin().send(put(&code, &body)).await.of(201);
    a_moment_later().await;
    let second: Venture = api.admin().send(put(&code, &body)).await.of(200);
    assert_eq!(second, first);
}

#[tokio::test]
async fn a_venture_is_usable_the_moment_it_is_registered() {
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
        let ask = Ask::of(Operation::ListVentures).query(format!("limit=100{cursor}"));
        let page: Page<Venture> = agent.send(ask).await.of(200);
        seen.extend(page.items.iter().map(|venture| venture.code.to_string()));
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(codes.iter().chain([&agent.venture]).all(|code| seen.contains(code)));
}

#[tokio::test]
async fn every_bad_field_is_named_at_once() {
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
