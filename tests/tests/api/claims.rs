//! Claims on issues and paths: taken, refused, released and taken from a silent holder.

use std::collections::BTreeSet;

use deckwatch_protocol::{Claim, ClaimReleased, ClaimsTaken, ErrorCode, EventKind, Operation, Page};
use deckwatch_tests::{Api, Caller, Holder, KeyCaller, TestRequest};
use serde_json::{Value, json};

use crate::tokens::mint;

/// Two agents in one repository.
async fn two_agents(api: &Api) -> [Holder; 2] {
    let agent = api.agent().await;
    [agent.holder().await, agent.colleague().holder().await]
}

async fn claims_of(holder: &Holder, query: &str) -> Page<Claim> {
    let query = format!("venture={}{query}", holder.agent.venture);
    holder.agent.send(TestRequest::of(Operation::ListClaims).query(query)).await.of(200)
}

#[tokio::test]
async fn a_claim_of_another_is_refused_and_its_holder_is_named() {
    let api = Api::start().await;
    let [one, two] = two_agents(&api).await;
    let claims = one.claimed(&["issue:87", "path:src/api/**"]).await;
    let heartbeat = one.agent.session(&one.session).await.last_heartbeat_at;
    for claim in &claims {
        assert_eq!((claim.agent.as_str(), &claim.session_id), (one.agent.name.as_str(), &one.session));
        assert_eq!(
            (claim.repo.as_str(), claim.venture.as_str()),
            (one.agent.repo.as_str(), one.agent.venture.as_str())
        );
        assert_eq!(claim.until, heartbeat.plus_seconds(45 * 60));
    }
    let problem = two.claim(&["issue:88", "issue:87"]).await.problem(ErrorCode::ClaimHeld);
    assert_eq!(problem.held, claims[..1]);
    assert!(problem.detail.contains(&one.agent.name) && problem.detail.contains("issue:87"), "{}", problem.detail);
    // All subjects of a request, or none.
    assert_eq!(claims_of(&two, "").await.total, 2);
    // Its own claim again is no change.
    assert_eq!(one.claimed(&["path:src/api/**", "issue:87", "issue:87"]).await, [claims[1].clone(), claims[0].clone()]);
    // Another repository is another place.
    let elsewhere = two.agent.elsewhere().holder().await;
    elsewhere.claimed(&["issue:87"]).await;
    two.agent.send(two.ask_claim(&["issue:87"], json!({ "repo": "example-org/third" }))).await.of::<ClaimsTaken>(200);
}

#[tokio::test]
async fn paths_overlap_if_one_prefix_begins_with_the_other() {
    let api = Api::start().await;
    let [one, two] = two_agents(&api).await;
    // Claims around and beside the others, of the same session, also several at one place.
    one.claimed(&["path:src/api/**", "path:src/api/store/*.rs", "path:src/api/*.md", "path:lib", "issue:8"]).await;
    for refused in [
        "path:src/api/**",
        "path:src/api/store/x.rs",
        "path:src/api/zzz",
        "path:src/*",
        "path:s?c",
        "path:src/api/a",
        "path:lib/x",
        "path:lib*",
        "path:l{i,o}b",
        "path:src/api/store/a/b/c",
        "issue:8",
    ] {
        let problem = two.claim(&[refused]).await.problem(ErrorCode::ClaimHeld);
        assert!(!problem.held.is_empty(), "{refused}");
        assert!(problem.held.iter().all(|claim| claim.session_id == one.session), "{refused}");
    }
    for free in ["path:src/app", "path:src/apj/**", "path:li", "issue:87", "path:srcx/**", "path:issue:8"] {
        let response = two.claim(&[free]).await;
        // `path:li` is around `path:lib`.
        assert_eq!(response.status, if free == "path:li" { 409 } else { 200 }, "{free}: {response}");
    }
    // The nearest claim before a place may be inside another one.
    two.claim(&["path:src/api/zz/y"]).await.problem(ErrorCode::ClaimHeld);
    // Without the outer claims, what lies beside the inner one is free.
    for claim in one.claimed(&["path:src/api/**", "path:src/api/*.md"]).await {
        one.release(&claim).await.of::<ClaimReleased>(200);
    }
    two.claimed(&["path:src/api/zz/y"]).await;
    two.claim(&["path:src/api/store/y.rs"]).await.problem(ErrorCode::ClaimHeld);
}

#[tokio::test]
async fn a_subject_that_is_not_valid_or_too_wide_is_refused() {
    let api = Api::start().await;
    let [one, _] = two_agents(&api).await;
    for wide in ["path:**", "path:*/src", "path:{a,b}/c", "path:[ab]", "path:?"] {
        one.claim(&["issue:1", wide]).await.problem_at(ErrorCode::ClaimTooWide, &["/subjects/1"]);
    }
    for invalid in ["87", "issue:0", "path:/etc", "path:../x", "path:a//b"] {
        one.claim(&[invalid]).await.problem_at(ErrorCode::InvalidRequest, &["/subjects/0"]);
    }
    one.claim(&[]).await.problem_at(ErrorCode::InvalidRequest, &["/subjects"]);
    let eleven: Vec<String> = (1..=11).map(|n| format!("issue:{n}")).collect();
    let eleven: Vec<&str> = eleven.iter().map(String::as_str).collect();
    one.claim(&eleven).await.problem_at(ErrorCode::InvalidRequest, &["/subjects"]);
    let take = one.ask_claim(&["issue:1"], json!({ "take": true }));
    one.agent.send(take).await.problem_at(ErrorCode::InvalidRequest, &["/reason"]);
    assert_eq!(claims_of(&one, "").await.total, 0);
}

#[tokio::test]
async fn a_session_has_at_most_50_claims() {
    let api = Api::start().await;
    let [one, two] = two_agents(&api).await;
    for ten in 0..5 {
        let subjects: Vec<String> = (1..=10).map(|n| format!("issue:{}", ten * 10 + n)).collect();
        one.claimed(&subjects.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    one.claim(&["issue:51"]).await.problem_at(ErrorCode::TooManyClaims, &["/subjects"]);
    let held = one.claimed(&["issue:50"]).await;
    two.claimed(&["issue:51"]).await;
    one.release(&held[0]).await.of::<ClaimReleased>(200);
    one.claimed(&["issue:52"]).await;
    let page = claims_of(&one, "&limit=20").await;
    assert_eq!((page.items.len(), page.total), (20, 51));
    let next = claims_of(&one, &format!("&limit=100&cursor={}", page.next_cursor.unwrap())).await;
    let all: BTreeSet<_> = page.items.iter().chain(&next.items).map(|claim| claim.id.clone()).collect();
    assert_eq!(all.len(), 51);
}

#[tokio::test]
async fn only_the_holder_releases_a_claim() {
    let api = Api::start().await;
    let [one, two] = two_agents(&api).await;
    let claim = one.claimed(&["issue:87"]).await.remove(0);
    let problem = two.release(&claim).await.problem(ErrorCode::ClaimHeld);
    assert_eq!(problem.held, std::slice::from_ref(&claim));
    let ask = one.ask_release(&claim);
    assert_eq!(one.agent.send(ask.clone()).await.of::<ClaimReleased>(200).id, claim.id);
    assert!(one.agent.send(ask).await.is_replay());
    one.release(&claim).await.problem(ErrorCode::ClaimNotFound);
    let again = two.claimed(&["issue:87"]).await.remove(0);
    assert!(again.fence > claim.fence && again.id != claim.id);
}

#[tokio::test]
async fn an_end_of_day_releases_the_claims_and_keep_open_does_not() {
    let api = Api::start().await;
    let [one, two] = two_agents(&api).await;
    let claims = one.claimed(&["issue:87", "path:src/**"]).await;
    let mut open = one.agent.ask_end_day(&one.session, json!({})).body();
    open["keep_open"] = json!(true);
    assert_eq!(one.agent.send(TestRequest::of(Operation::EndDay).json(&open)).await.status, 200);
    assert_eq!(claims_of(&one, "").await.total, 2);
    let before = api.head().await;
    one.agent.ended(&one.session).await;
    assert_eq!(claims_of(&one, "").await.total, 0);
    let events = api.events_after(before).await;
    let released: Vec<_> = events.iter().filter(|event| event.kind == EventKind::ClaimReleased).collect();
    assert_eq!(released.len(), 2);
    for event in released {
        let claim = claims.iter().find(|claim| claim.id.as_str() == event.subject).unwrap();
        let data =
            json!({ "repo": claim.repo, "subject": claim.subject, "fence": claim.fence, "reason": "session_ended" });
        assert_eq!(Value::Object(event.data.clone()), data);
        assert_eq!((event.agent.as_ref(), event.session_id.as_ref()), (Some(&claim.agent), Some(&one.session)));
    }
    let next = two.claimed(&["issue:87", "path:src/a"]).await;
    assert!(next.iter().all(|claim| claims.iter().all(|old| old.fence < claim.fence)));
}

#[tokio::test]
async fn a_claim_of_a_silent_holder_is_taken_with_a_reason() {
    let api = Api::start().await;
    let [one, two] = two_agents(&api).await;
    let old = one.claimed(&["path:src/api/**", "issue:87", "path:docs/**"]).await;
    two.take(&["path:src/api/x"]).await.problem(ErrorCode::ClaimHeld);
    api.db_silence(&one.session, 46).await;
    let problem = two.claim(&["path:src/api/x"]).await.problem(ErrorCode::ClaimHeld);
    assert!(problem.held[0].until < api.minutes_ago(0), "the problem shows that the holder is silent");
    let before = api.head().await;
    let taken = two.take(&["path:src/api/x", "issue:87"]).await.of::<ClaimsTaken>(200).items;
    assert_eq!(taken[0].reason.as_ref().unwrap().as_str(), "The holder is gone.");
    let events = api.events_after(before).await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    let (released, taken_again) = (EventKind::ClaimReleased, EventKind::ClaimTaken);
    assert_eq!(kinds, [released, released, taken_again, taken_again]);
    for event in &events[..2] {
        assert!(old[..2].iter().any(|claim| claim.id.as_str() == event.subject));
        assert_eq!((&event.data["reason"], &event.data["by"]), (&json!("taken"), &json!(two.agent.name)));
        assert_eq!(event.session_id.as_ref(), Some(&one.session), "the holder finds the event");
    }
    assert_eq!(events[2..].iter().map(|event| event.seq).collect::<Vec<_>>(), [taken[0].fence, taken[1].fence]);
    // The silent holder can't write with its fence, and after a heartbeat its claims are gone.
    one.claim(&["issue:87"]).await.problem(ErrorCode::SessionNotActive);
    one.release(&old[2]).await.problem(ErrorCode::SessionNotActive);
    assert_eq!(one.agent.heartbeat(&one.session).await.status, 200);
    one.claim(&["issue:87"]).await.problem(ErrorCode::ClaimHeld);
    one.release(&old[0]).await.problem(ErrorCode::ClaimNotFound);
    one.claimed(&["path:docs/**"]).await;
}

#[tokio::test]
async fn an_abandoned_session_loses_its_claims() {
    let api = Api::start_limited(1_000_000).await;
    let [swept, left] = two_agents(&api).await;
    let (own, seen) = (swept.agent.colleague().holder().await, swept.agent.colleague().holder().await);
    for (n, holder) in [&swept, &left, &own, &seen].into_iter().enumerate() {
        holder.claimed(&[&format!("issue:{}", n + 1)]).await;
    }
    // An agent that leaves may come back within 45 minutes.
    let last = left.agent.session(&left.session).await.last_heartbeat_at;
    let leave =
        TestRequest::of(Operation::LeaveSession).with(&left.session).json(&json!({ "last_heartbeat_at": last }));
    assert_eq!(left.agent.send(leave).await.status, 200);
    api.sweep().await;
    assert_eq!(claims_of(&left, "").await.total, 4);
    // The agent itself begins a new day.
    api.db_silence(&own.session, 46).await;
    own.agent.started().await;
    assert_eq!(claims_of(&left, "").await.total, 3);
    // The start of another agent's day abandons the session.
    api.db_silence(&seen.session, 46).await;
    swept.agent.colleague().started().await;
    api.after_answers().await;
    assert_eq!(claims_of(&left, "").await.total, 2);
    for holder in [&swept, &left] {
        api.db_silence(&holder.session, 46).await;
    }
    api.sweep().await;
    assert_eq!(claims_of(&left, "").await.total, 0);
    let all = api.events_after(0).await;
    let of_lost_sessions =
        all.iter().filter(|event| event.kind == EventKind::ClaimReleased && event.data["reason"] == "session_lost");
    assert_eq!(of_lost_sessions.count(), 4);
}

#[tokio::test]
async fn a_fence_grows_also_after_a_sweep_has_deleted_the_events() {
    let api = Api::start_limited(1_000_000).await;
    let [one, _] = two_agents(&api).await;
    let mut last = 0;
    for _ in 0..3 {
        let claim = one.claimed(&["issue:87"]).await.remove(0);
        assert!(claim.fence > last);
        last = claim.fence;
        one.release(&claim).await.of::<ClaimReleased>(200);
        api.db_execute("update events set at = '2020-01-01T00:00:00.000Z'", json!([])).await;
        api.sweep().await;
    }
}

#[tokio::test]
async fn a_token_for_one_venture_sees_and_takes_its_claims_only() {
    let api = Api::start().await;
    let [here, there] = [api.agent().await.holder().await, api.agent().await.holder().await];
    let fields = json!({ "scopes": ["context"], "venture": here.agent.venture });
    let restricted = KeyCaller::of(&api, mint(&api, fields).await.token);
    let claim = there.claimed(&["issue:1"]).await.remove(0);
    restricted.send(there.ask_claim(&["issue:2"], json!({}))).await.problem(ErrorCode::SessionNotFound);
    restricted.send(there.ask_release(&claim)).await.problem(ErrorCode::SessionNotFound);
    let list = |venture: &str| TestRequest::of(Operation::ListClaims).query(format!("venture={venture}"));
    restricted.send(list(&there.agent.venture)).await.problem(ErrorCode::Forbidden);
    restricted.send(TestRequest::of(Operation::ListClaims)).await.problem(ErrorCode::Forbidden);
    restricted.send(here.ask_claim(&["issue:1"], json!({}))).await.of::<ClaimsTaken>(200);
    assert_eq!(restricted.send(list(&here.agent.venture)).await.of::<Page<Claim>>(200).total, 1);
    // A claim of another venture is not there, also for the session of its own venture.
    let release = TestRequest::of(Operation::ReleaseClaim).with(&claim.id);
    let release = release.query(format!("session_id={}&epoch=1", here.session));
    let problem = restricted.send(release).await.problem(ErrorCode::ClaimNotFound);
    assert!(problem.held.is_empty());
}

#[tokio::test]
async fn a_start_of_day_shows_the_claims_that_matter_first() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let other_repo = agent.elsewhere().colleague().holder().await;
    let issue = agent.colleague().holder().await;
    issue.claimed(&["issue:87"]).await;
    issue.claimed(&["path:src/**"]).await;
    for ten in 0..4 {
        let subjects: Vec<String> = (1..=10).map(|n| format!("issue:{}", 100 + ten * 10 + n)).collect();
        other_repo.claimed(&subjects.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    let shown = agent.started_with(json!({ "issue_number": 87 })).await.claims;
    assert_eq!((shown.total, shown.total_is_minimum, shown.shown, shown.items.len()), (30, true, 10, 10));
    let subjects: Vec<_> = shown.items.iter().map(|claim| claim.subject.as_str()).collect();
    assert_eq!(subjects[..3], ["issue:87", "path:src/**", "issue:140"]);
}
