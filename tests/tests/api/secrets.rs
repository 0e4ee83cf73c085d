//! Secrets: a text with a known kind of secret is refused for every caller, and the secret is never repeated.

use deckwatch_protocol::{ErrorCode, Note, Operation};
use deckwatch_tests::{Api, Caller, TestRequest, ask_register, fresh};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A text that has the form of a GitHub token.
pub(crate) fn token() -> String {
    format!("gh{}_{}", "p", "Zk3Qw8Rt5Yb1Nm7Lp2Xc9Vd4Gh6Js0Fa8Te3")
}

#[tokio::test]
async fn every_stored_text_is_scanned_and_the_field_and_the_kind_are_named() {
    let api = Api::start().await;
    let (agent, admin) = (api.agent().await, api.admin());
    let session = agent.started().await.session.id;
    let (alpha, token) = (agent.venture.clone(), token());
    let handoff = |extra: Value| json!({ "session_id": session, "handoff": { "summary": "s", "status": "done", "blocked": [], "extra": extra } });
    let mut blocked = handoff(json!({}));
    blocked["handoff"]["blocked"] = json!(["one", format!("needs {token}")]);
    let note = |content: String| json!({ "title": "t", "content": content, "venture": alpha });
    let day = json!({ "agent": "a-claude-1", "client": "claude", "host": "a", "venture": alpha, "repo": "o/r",
        "meta": { "note": token } });
    let agents_own: Vec<(TestRequest, &str)> = vec![
        (TestRequest::of(Operation::CreateHandoff).json(&blocked), "/handoff/blocked/1"),
        (TestRequest::of(Operation::EndDay).json(&handoff(json!({ token.clone(): 1 }))), "/handoff/extra"),
        (TestRequest::of(Operation::CreateNote).json(&note(format!("a{} {token}", " b".repeat(250_000)))), "/content"),
        (
            TestRequest::of(Operation::CreateNote).json(&note(format!("{}\u{200b}{}", &token[..9], &token[9..]))),
            "/content",
        ),
        (TestRequest::of(Operation::StartDay).json(&day), "/meta/note"),
        (
            TestRequest::of(Operation::UpdateSession).with(&session).json(&json!({ "meta": { "a/b": token } })),
            "/meta/a~1b",
        ),
        (ask_register(&fresh("m"), json!({ "meta": { "k": [token] } })), "/meta/k/0"),
    ];
    let admins: Vec<(TestRequest, &str)> = vec![
        (
            TestRequest::of(Operation::PutDoc)
                .with(&alpha)
                .with("a.md")
                .json(&json!({ "content": format!("# A\n\n{token}\n") })),
            "/content",
        ),
        (
            TestRequest::of(Operation::PutDoc)
                .with(&alpha)
                .with(format!("{token}.md"))
                .json(&json!({ "content": "x" })),
            "/name",
        ),
        (TestRequest::of(Operation::PutVenture).with(fresh("v")).json(&json!({ "name": token })), "/name"),
    ];
    let sent_by_agent = agents_own.into_iter().map(|(ask, pointer)| (true, ask, pointer));
    for (is_agents, ask, pointer) in sent_by_agent.chain(admins.into_iter().map(|(ask, at)| (false, ask, at))) {
        let response = if is_agents { agent.send(ask).await } else { admin.send(ask).await };
        let problem = response.problem_at(ErrorCode::HoldsSecret, &[pointer]);
        assert_eq!((problem.status, problem.errors[0].detail.as_str()), (422, "has what looks like a GitHub token"));
        assert!(!response.json().to_string().contains(&token[8..]), "{pointer}");
    }
    let kept = api.db_query("select count(*) as n from notes where venture = ?1", json!([alpha])).await;
    assert_eq!(kept[0]["n"], 0);
}

#[tokio::test]
async fn an_error_does_not_repeat_a_secret_in_a_name() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (token, url) = (token(), format!("postgres://app:{}@db.internal/app", "Zk3Qw8Rt5Yb1"));
    let note =
        |rest: &str| TestRequest::of(Operation::CreateNote).text(format!(r#"{{"title":"a","content":"b",{rest}}}"#));
    let list = |query: String| TestRequest::of(Operation::ListNotes).query(query);
    for (ask, code, pointers) in [
        (note(&format!(r#""{token}":1"#)), ErrorCode::InvalidRequest, vec![""]),
        (note(&format!(r#""{url}":1"#)), ErrorCode::InvalidRequest, vec![""]),
        (note(&format!(r#""{token}":1,"{token}":2"#)), ErrorCode::MalformedJson, vec![]),
        (note(&format!(r#""x":{{"{url}":{{"a":nul}}}}"#)), ErrorCode::MalformedJson, vec!["/x"]),
        (note(&format!(r#""{token}":"a\u0000""#)), ErrorCode::InvalidRequest, vec![""]),
        (list(format!("{token}=1")), ErrorCode::InvalidRequest, vec![""]),
        (list(format!("{token}=1&{token}=2")), ErrorCode::InvalidRequest, vec![""]),
        (TestRequest::of(Operation::GetNote).with(&token), ErrorCode::NoteNotFound, vec![]),
        (note(&format!(r#""venture":"alpha","tags":"{token}""#)), ErrorCode::InvalidRequest, vec!["/tags"]),
    ] {
        let response = agent.send(ask).await;
        let answer = response.to_string();
        assert!(!answer.contains(&token[8..24]) && !answer.contains("Zk3Qw8Rt5Yb1"), "{answer}");
        response.problem_at(code, &pointers);
    }
}

#[tokio::test]
async fn hashes_ids_and_placeholders_are_accepted() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let content = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b corr_0a0b0c0d-0000-4000-8000-000000000001 \
        sess_01JD0000000000000000000001 sha512-9O2F3bPnVPR0eZ8jYx2mP3o1Xv8uJmZ6C7mX0cU1f2Jg3b8qk0dKfC0Y3w1m6n4v5b7c9x== \
        ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx AKIAIOSFODNN7EXAMPLE postgres://user:password@localhost/db";
    let note = json!({ "title": "t", "content": content, "venture": agent.venture });
    let _: Note = agent.send(TestRequest::of(Operation::CreateNote).json(&note)).await.of(201);
}

#[tokio::test]
async fn a_request_from_before_the_scan_is_replayed() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let note = |content: &str| json!({ "title": "t", "content": content, "venture": agent.venture });
    let (key, secret) = (fresh("a-key-from-before"), note(&token()));
    let before = agent.send(TestRequest::of(Operation::CreateNote).key(&key).json(&note("harmless"))).await;
    // Makes the stored request look as if it had contained the secret, before the engine looked for secrets.
    let ask = TestRequest::of(Operation::CreateNote).key(&key).json(&secret);
    let request = format!("create_note\n/v1/notes\n{}", ask.body());
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap());
    let hash: String = Sha256::digest(request.as_bytes()).into_iter().flat_map(digits).collect();
    api.db_execute("update idempotency_keys set request_hash = ?1 where idempotency_key = ?2", json!([hash, key]))
        .await;
    let again = agent.send(ask).await;
    assert_eq!((again.json(), again.is_replay()), (before.json(), true));
    let reused =
        agent.send(TestRequest::of(Operation::CreateNote).key(&key).json(&note(&format!("{} ", token())))).await;
    reused.problem(ErrorCode::IdempotencyKeyReused);
}

#[tokio::test]
async fn the_size_of_a_field_is_checked_before_it_is_searched_for_secrets() {
    let api = Api::start().await;
    let title = format!("{} {}", "a".repeat(5_000), token());
    let note = TestRequest::of(Operation::CreateNote).json(&json!({ "title": title, "content": token() }));
    // A field that is too long would be searched for nothing.
    api.agent().await.send(note).await.problem_at(ErrorCode::InvalidRequest, &["/title"]);
}
