//! Tokens: created and shown once, listed without secrets, revoked immediately.

use std::time::Duration;

use deckwatch_protocol::{ErrorCode, MintedToken, Operation, Page, Token, Venture};
use deckwatch_tests::{Api, Caller, KeyCaller, TestRequest, a_moment_later, fresh, overlay};
use serde_json::{Value, json};

fn ask_mint(fields: Value) -> TestRequest {
    TestRequest::of(Operation::CreateToken).json(&overlay(json!({ "name": "a token", "scopes": ["context"] }), fields))
}

/// Creates a token with the admin key.
pub(crate) async fn mint(api: &Api, fields: Value) -> MintedToken {
    api.admin().send(ask_mint(fields)).await.of(201)
}

/// The token with another last character.
pub(crate) fn altered(token: &str) -> String {
    let (rest, last) = token.split_at(token.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

async fn revoke(api: &Api, token: &MintedToken) -> Token {
    api.admin().send(TestRequest::of(Operation::RevokeToken).with(&token.record.id)).await.of(200)
}

#[tokio::test]
async fn a_token_has_the_requested_fields() {
    let api = Api::start().await;
    let venture = api.venture().await;
    let full = json!({
        "name": "CI of Müller & Söhne 😀", "scopes": ["docs:write", "read-only"], "venture": venture,
        "rate_limit_per_minute": 7, "expires_at": "2999-01-01T00:00:00.000Z",
    });
    let response = api.admin().send(ask_mint(full.clone())).await;
    let minted: MintedToken = response.of(201);
    for (field, value) in full.as_object().unwrap() {
        assert_eq!(response.json()[field], *value, "{field}");
    }
    let id = minted.record.id.as_str().strip_prefix("tok_").unwrap();
    assert!(minted.token.starts_with(&format!("dw_{id}_")), "{}", minted.token);
    assert_eq!((minted.record.last_used_at, minted.record.revoked_at), (None, None));
    let plain = mint(&api, json!({})).await.record;
    assert_eq!((plain.rate_limit_per_minute.get(), plain.venture, plain.expires_at), (100, None, None));
}

#[tokio::test]
async fn the_secret_is_only_in_the_answer_that_creates_the_token() {
    let api = Api::start().await;
    let ask = ask_mint(json!({ "name": fresh("secret") }));
    let first = api.admin().send(ask.clone()).await;
    let minted: MintedToken = first.of(201);
    let again = api.admin().send(ask).await;
    assert_eq!((again.is_replay(), &again.body), (true, &first.body));

    let secret = &minted.token[minted.token.rfind('_').unwrap() + 1..];
    let tables = api
        .db_query(
            "select name from sqlite_schema where type = 'table' and name not like '%\\_cf\\_%' escape '\\'",
            json!([]),
        )
        .await;
    for table in tables.iter().filter_map(|row| row["name"].as_str()) {
        let rows = api.db_query(&format!("select * from {table}"), json!([])).await;
        let text = serde_json::to_string(&rows).unwrap();
        assert!(!text.contains(secret) && !text.contains(&secret[..48]), "{table} contains the secret");
    }
    let listed = api.admin().send(TestRequest::of(Operation::ListTokens)).await;
    assert!(!listed.to_string().contains(secret) && !listed.to_string().contains("sealed_"));
}

#[tokio::test]
async fn a_token_works_until_it_is_revoked() {
    let api = Api::start().await;
    let token = mint(&api, json!({})).await;
    let holder = KeyCaller::of(&api, &token.token);
    let ask = || TestRequest::of(Operation::ListVentures);
    holder.send(ask()).await.of::<Page<Venture>>(200);
    let revoked = revoke(&api, &token).await;
    assert!(revoked.revoked_at.is_some());
    let refused = holder.send(ask()).await;
    refused.problem(ErrorCode::Unauthorized);
    assert_eq!((refused.header("www-authenticate"), refused.header("ratelimit")), (Some("Bearer"), None));
    a_moment_later().await;
    // The last use is recorded after its answer.
    let second = Token { last_used_at: None, ..revoke(&api, &token).await };
    assert_eq!(second, Token { last_used_at: None, ..revoked }, "a second revocation must change nothing");
}

#[tokio::test]
async fn a_revoked_token_can_not_replay() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let token = mint(&api, json!({})).await;
    let holder = KeyCaller::of(&api, &token.token);
    let day = agent.ask_start_day(json!({}));
    holder.send(day.clone()).await.of::<deckwatch_protocol::DayStarted>(201);
    revoke(&api, &token).await;
    holder.send(day).await.problem(ErrorCode::Unauthorized);
}

#[tokio::test]
async fn records_name_the_token_as_their_actor() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let token = mint(&api, json!({})).await;
    let holder = KeyCaller::of(&api, &token.token);
    let day: deckwatch_protocol::DayStarted = holder.send(agent.ask_start_day(json!({}))).await.of(201);
    assert_eq!(day.session.actor_key_id, token.record.actor_key_id);
    let handoff = json!({ "session_id": day.session.id, "handoff": { "summary": "so far", "status": "in_progress" } });
    assert_eq!(holder.send(TestRequest::of(Operation::CreateHandoff).json(&handoff)).await.status, 201);
    let logged = "select count(*) as n from request_log where actor_key_id = ?1 and operation = ?2";
    assert_eq!(api.db_count(logged, json!([token.record.actor_key_id, "create_handoff"])).await, 1);
    holder
        .send(TestRequest::of(Operation::PutVenture).with("x").json(&json!({ "name": "X" })))
        .await
        .problem(ErrorCode::Forbidden);
    for _ in 0..100 {
        if api.db_count(logged, json!([token.record.actor_key_id, "put_venture"])).await == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    unreachable!("the refused request was not logged");
}

#[tokio::test]
async fn the_last_use_is_written_once_a_minute() {
    let api = Api::start().await;
    let token = mint(&api, json!({})).await;
    let holder = KeyCaller::of(&api, &token.token);
    // The time is written up to 100 ms after the answer.
    let used = async |since: &str| {
        holder.send(TestRequest::of(Operation::ListVentures)).await.of::<Page<Venture>>(200);
        for _ in 0..500 {
            let rows = api.db_query("select last_used_at from tokens where id = ?1", json!([token.record.id])).await;
            if let Some(at) = rows[0]["last_used_at"].as_str().filter(|at| *at >= since) {
                return at.to_owned();
            }
            a_moment_later().await;
        }
        panic!("the last use was not written");
    };
    let first = used("").await;
    a_moment_later().await;
    assert_eq!(used("").await, first);
    let long_ago = json!([api.minutes_ago(2), token.record.id]);
    api.db_execute("update tokens set last_used_at = ?1 where id = ?2", long_ago).await;
    assert!(used(&first).await >= first);
}

#[tokio::test]
async fn a_token_has_its_own_rate_limit() {
    let api = Api::start().await;
    let token = mint(&api, json!({ "rate_limit_per_minute": 2 })).await;
    let holder = KeyCaller::of(&api, &token.token);
    let mut refused = None;
    // A minute may end in between.
    for _ in 0..6 {
        let response = holder.send(TestRequest::of(Operation::ListVentures)).await;
        if response.status == 429 {
            refused = Some(response);
            break;
        }
        assert_eq!(response.header("ratelimit-policy"), Some("\"minute\";q=2;w=60"), "{response}");
    }
    let refused = refused.expect("no request was over the rate limit");
    refused.problem(ErrorCode::RateLimited);
    assert_eq!(refused.header("x-ratelimit-remaining"), Some("0"));
    assert!(refused.header("retry-after").is_some());
    api.admin().send(TestRequest::of(Operation::ListVentures)).await.of::<Page<Venture>>(200);
}

#[tokio::test]
async fn requests_outside_the_scope_count_towards_the_rate_limit() {
    let api = Api::start().await;
    let token = mint(&api, json!({ "scopes": ["read-only"], "rate_limit_per_minute": 2 })).await;
    let holder = KeyCaller::of(&api, &token.token);
    for _ in 0..100 {
        let ask = TestRequest::of(Operation::PutVenture).with("x").json(&json!({ "name": "X" }));
        if holder.send(ask).await.status == 429 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    unreachable!("no forbidden request was over the rate limit");
}

#[tokio::test]
async fn tokens_are_listed_newest_first_in_pages() {
    let api = Api::start().await;
    let mut minted = Vec::new();
    for _ in 0..3 {
        a_moment_later().await;
        minted.push(mint(&api, json!({})).await.record);
    }
    let mut seen: Vec<Token> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page: Page<Token> =
            api.admin().send(TestRequest::of(Operation::ListTokens).query(format!("limit=2{cursor}"))).await.of(200);
        seen.extend(page.items);
        let Some(next) = page.next_cursor.filter(|_| !minted.iter().all(|token| seen.contains(token))) else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(seen.is_sorted_by(|newer, older| newer.id > older.id));
    assert!(minted.iter().all(|token| seen.contains(token)));
}

#[tokio::test]
async fn all_invalid_fields_are_named_together() {
    let api = Api::start().await;
    let refused = [
        (json!({}), vec!["/name", "/scopes"]),
        (json!({ "name": "", "scopes": ["root"] }), vec!["/name", "/scopes/0"]),
        (json!({ "name": "a\nb", "scopes": "context" }), vec!["/name", "/scopes"]),
        (json!({ "name": "x".repeat(101), "scopes": [] , "venture": "A B" }), vec!["/name", "/venture"]),
        (json!({ "name": "x", "scopes": [] }), vec!["/scopes"]),
        (json!({ "name": "x", "scopes": vec!["context"; 5] }), vec!["/scopes"]),
        (
            json!({ "name": "x", "scopes": ["context"], "rate_limit_per_minute": 0, "expires_at": "soon", "token": "dw_" }),
            vec!["/rate_limit_per_minute", "/expires_at", "/token"],
        ),
        (json!({ "name": "x", "scopes": ["context"], "expires_at": 7 }), vec!["/expires_at"]),
        (json!({ "name": "x", "scopes": ["context"], "expires_at": "2020-01-01T00:00:00Z" }), vec!["/expires_at"]),
    ];
    for (body, named) in refused {
        let ask = TestRequest::of(Operation::CreateToken).json(&body);
        api.admin().send(ask).await.problem_at(ErrorCode::InvalidRequest, &named);
    }
    let nowhere = ask_mint(json!({ "venture": fresh("nowhere") }));
    api.admin().send(nowhere).await.problem_at(ErrorCode::VentureNotRegistered, &["/venture"]);
    let unknown = TestRequest::of(Operation::RevokeToken).with("tok_00000000000000000000000000");
    api.admin().send(unknown).await.problem(ErrorCode::TokenNotFound);
}

#[tokio::test]
async fn concurrent_creations_with_one_key_make_one_token() {
    let api = Api::start().await;
    let ask = ask_mint(json!({ "name": fresh("raced") }));
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (admin, ask) = (api.admin(), ask.clone());
        racers.spawn(async move { admin.send(ask).await });
    }
    let answers = racers.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body));
    let minted: MintedToken = answers[0].of(201);
    let stored = "select count(*) as n from tokens where name = ?1";
    assert_eq!(api.db_count(stored, json!([minted.record.name])).await, 1);
}
