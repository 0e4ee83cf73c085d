//! Handoffs: storage, hashes, and the handoffs that a start of day shows.

use deckwatch_protocol::{ErrorCode, Handoff, Operation, SessionStatus};
use deckwatch_tests::{Api, Caller, TestRequest, a_moment_later};
use serde_json::json;
use sha2::{Digest, Sha256};

#[tokio::test]
async fn a_handoff_is_recorded_and_the_session_stays_active() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started_with(json!({ "track": 2, "issue_number": 5 })).await.session;
    let response = agent.create_handoff(&session.id, json!({ "next_steps": ["n"], "status": "ready" })).await;
    let handoff: Handoff = response.of(201);
    assert_eq!(handoff.session_id, session.id);
    assert_eq!((handoff.repo.as_str(), handoff.venture.as_str()), (agent.repo.as_str(), agent.venture.as_str()));
    assert_eq!((handoff.track, handoff.issue_number), (session.track, session.issue_number));
    assert_eq!((handoff.from_agent.as_str(), handoff.to_agent), (agent.name.as_str(), None));
    assert_eq!(Some(handoff.creation_correlation_id.as_str()), response.header("x-correlation-id"));
    assert_eq!(agent.session(&session.id).await.status, SessionStatus::Active);
    let read: Handoff = agent.send(TestRequest::of(Operation::GetHandoff).with(&handoff.id)).await.of(200);
    assert_eq!(read.payload.unwrap().next_steps, ["n"]);
}

#[tokio::test]
async fn a_handoff_after_the_end_of_the_session_is_recorded() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let ended = agent.ended(&session).await;
    a_moment_later().await;
    let late: Handoff = agent.create_handoff(&session, json!({ "summary": "one thing more" })).await.of(201);
    assert_eq!(agent.session(&session).await, ended.session);
    assert_eq!(agent.started().await.last_handoff, Some(late));
}

#[tokio::test]
async fn the_payload_is_stored_as_canonical_json_with_its_sha256() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    // RFC 8785: members sorted by UTF-16 code units, shortest numbers, only the escapes that JSON requires.
    let body = r#"{"session_id":"SESSION","handoff":{"next_steps":["two\nlines"],"status":"done","summary":"s",
        "extra":{"\ufb33":1,"\ud83d\ude00":2.50,"b":1e2,"a":"\u00e9\/\u0007","e":[-0.0,0.1,true,null,{}]}}}"#;
    let body = body.replace("SESSION", session.as_str());
    let response = agent.send(TestRequest::of(Operation::CreateHandoff).text(body)).await;
    let handoff: Handoff = response.of(201);
    let canonical = concat!(
        r#"{"accomplished":[],"blocked":[],"extra":{"a":"é/\u0007","b":100,"e":[0,0.1,true,null,{}],"#,
        "\"😀\":2.5,\"\u{fb33}\":1},",
        r#""in_progress":[],"links":[],"next_steps":["two\nlines"]}"#
    );
    let hash: Vec<String> = Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(handoff.payload_hash, hash.concat());
    assert_eq!(usize::try_from(handoff.payload_size_bytes).unwrap(), canonical.len());
    let stored = api.db_query("select payload_json from handoffs where id = ?1", json!([handoff.id])).await;
    assert_eq!(stored[0]["payload_json"], canonical);
    assert_eq!(handoff.schema_version, 1);
}

#[tokio::test]
async fn an_unknown_handoff_is_not_found() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for id in ["ho_00000000000000000000000000", "ho_x", "sess_00000000000000000000000000", "latest%00"] {
        agent.send(TestRequest::of(Operation::GetHandoff).with(id)).await.problem(ErrorCode::HandoffNotFound);
    }
    let latest = TestRequest::of(Operation::LatestHandoff).query(format!("venture={}", agent.venture));
    agent.send(latest).await.problem(ErrorCode::HandoffNotFound);
}

#[tokio::test]
async fn a_day_on_a_track_shows_the_newest_handoff_of_that_track() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for (track, summary) in [(json!(0), "zero"), (json!(1), "one"), (json!(null), "none")] {
        let session = agent.started_with(json!({ "track": track })).await.session.id;
        agent.create_handoff(&session, json!({ "summary": format!("old {summary}") })).await.of::<Handoff>(201);
        a_moment_later().await;
        agent.end_day(&session, json!({ "summary": summary })).await.of::<deckwatch_protocol::DayEnded>(200);
        a_moment_later().await;
    }
    let next = agent.colleague();
    let shown = [(json!(0), "zero"), (json!(1), "one"), (json!(null), "none"), (json!(7), "none")];
    for (track, summary) in shown {
        let day = next.started_with(json!({ "track": track })).await;
        assert_eq!(day.last_handoff.unwrap().summary.as_str(), summary, "track {track}");
    }
}

#[tokio::test]
async fn a_day_without_a_track_shows_the_newest_handoff_of_any_track() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let plain = agent.started().await.session.id;
    agent.ended(&plain).await;
    a_moment_later().await;
    let track = agent.started_with(json!({ "track": 0 })).await.session.id;
    let newest = agent.ended(&track).await.handoff;
    assert_eq!(agent.started().await.last_handoff, Some(newest));
}

#[tokio::test]
async fn a_day_on_a_new_track_does_not_show_the_handoff_of_another_track() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let track = agent.started_with(json!({ "track": 1 })).await.session.id;
    agent.ended(&track).await;
    assert_eq!(agent.started_with(json!({ "track": 2 })).await.last_handoff, None);
}

#[tokio::test]
async fn an_old_handoff_is_still_shown() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    let handoff = agent.ended(&session).await.handoff;
    let year = api.minutes_ago(400 * 24 * 60);
    api.db_execute("update handoffs set created_at = ?1 where id = ?2", json!([year, handoff.id])).await;
    let shown = agent.started().await.last_handoff.unwrap();
    assert_eq!((shown.id, shown.created_at), (handoff.id, year));
}

#[tokio::test]
async fn a_handoff_in_progress_is_not_shown_after_a_newer_one_with_the_status_done() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let session = agent.started().await.session.id;
    agent.create_handoff(&session, json!({ "status": "in_progress" })).await.of::<Handoff>(201);
    a_moment_later().await;
    let done: Handoff = agent.create_handoff(&session, json!({ "status": "done" })).await.of(201);
    assert_eq!(agent.colleague().started().await.last_handoff, Some(done));
}

/// The summaries of the handoffs to the agent in the answer of a start of day.
fn handed_over(day: &deckwatch_protocol::DayStarted) -> Vec<&str> {
    day.handoffs_to_you.items.iter().map(|handoff| handoff.summary.as_str()).collect()
}

#[tokio::test]
async fn a_handoff_to_an_agent_is_shown_despite_newer_handoffs_and_in_every_repository() {
    let api = Api::start().await;
    let (author, reader) = {
        let agent = api.agent().await;
        (agent.elsewhere(), agent.colleague())
    };
    let session = author.started().await.session.id;
    let to_reader = json!({ "summary": "for you", "to_agent": reader.name, "next_steps": ["water the plants"] });
    let written: Handoff = author.create_handoff(&session, to_reader).await.of(201);
    a_moment_later().await;
    author.create_handoff(&session, json!({ "summary": "for anybody" })).await.of::<Handoff>(201);
    let day = reader.started().await;
    assert_eq!((day.handoffs_to_you.total, day.handoffs_to_you.shown), (1, 1));
    assert_eq!(day.handoffs_to_you.items, [written]);
    assert_eq!(day.last_handoff, None, "its repository has no handoff");
    let mut namesake = api.agent().await;
    namesake.name.clone_from(&reader.name);
    assert_eq!(
        namesake.started().await.handoffs_to_you.total,
        0,
        "an agent of the same name in another venture must not get it"
    );
}

#[tokio::test]
async fn a_handoff_to_an_agent_is_shown_until_the_agent_ends_a_day_that_began_after_it() {
    let api = Api::start().await;
    let (author, reader) = {
        let agent = api.agent().await;
        (agent.clone(), agent.colleague())
    };
    let from = author.started().await.session.id;
    let day = reader.started().await.session.id;
    a_moment_later().await;
    let handoff = json!({ "summary": "while you worked", "to_agent": reader.name });
    author.create_handoff(&from, handoff).await.of::<Handoff>(201);
    a_moment_later().await;
    let again: deckwatch_protocol::DayStarted = reader.start_day(json!({})).await.of(200);
    assert_eq!(handed_over(&again), ["while you worked"], "the handoff is shown in the day that continues");
    reader.ended(&day).await;
    a_moment_later().await;
    let next = reader.started().await;
    assert_eq!(
        handed_over(&next),
        ["while you worked"],
        "the ended day began before the handoff, so it is shown again"
    );
    api.db_silence(&next.session.id, 46).await;
    a_moment_later().await;
    let after_a_crash = reader.started().await;
    assert_eq!(handed_over(&after_a_crash), ["while you worked"]);
    reader.ended(&after_a_crash.session.id).await;
    a_moment_later().await;
    assert_eq!(handed_over(&reader.started().await), Vec::<&str>::new());
}

#[tokio::test]
async fn of_many_handoffs_to_an_agent_the_newest_5_are_shown_without_large_payloads() {
    let api = Api::start().await;
    let (author, reader) = {
        let agent = api.agent().await;
        (agent.clone(), agent.colleague())
    };
    let from = author.started().await.session.id;
    for n in 0..7 {
        let items = vec!["x".repeat(1_000); if n == 6 { 9 } else { 1 }];
        let handoff = json!({ "summary": format!("number {n}"), "to_agent": reader.name, "accomplished": items });
        author.create_handoff(&from, handoff).await.of::<Handoff>(201);
        a_moment_later().await;
    }
    let day = reader.started().await;
    assert_eq!(handed_over(&day), ["number 6", "number 5", "number 4", "number 3", "number 2"]);
    assert_eq!((day.handoffs_to_you.total, day.handoffs_to_you.shown), (7, 5));
    let with_payload: Vec<bool> = day.handoffs_to_you.items.iter().map(|handoff| handoff.payload.is_some()).collect();
    assert_eq!(with_payload, [false, true, true, true, true]);
}
