//! A delivery is done only when its work is done, and its effect happens once.

use std::time::Duration;

use deckwatch_protocol::ClassificationOutcome;
use deckwatch_tests::github_stub::Fault;
use deckwatch_tests::{Caller, TestRequest};
use serde_json::json;

use super::{Lab, REPO, decisions, ended, names, variables_of};

/// GitHub answers every request with this status.
fn failing(status: u16) -> Fault {
    Fault::json(status, &json!({ "message": "a test" }))
}

#[tokio::test]
async fn a_repeated_delivery_does_nothing() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    let delivery = lab.issue_event("opened", number, json!({})).await;
    lab.github.take_requests();
    for _ in 0..3 {
        assert_eq!(lab.deliver(&delivery).await, "repeated");
    }
    assert!(lab.github.requests().is_empty());
    assert_eq!(lab.decisions(number).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_delivery_several_times_at_once_has_one_effect() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    let delivery = lab.github.edit(|world| world.issue_event("opened", REPO, number, &json!({})));
    let hook = lab.hook();
    let sent = (0..8).map(|_| {
        let (delivery, hook) = (delivery.clone(), hook.clone());
        tokio::spawn(async move { delivery.send(&hook).await })
    });
    let mut accepted = 0;
    for answer in sent.collect::<Vec<_>>() {
        let (status, body) = answer.await.unwrap();
        assert_eq!(status, 202, "{body}");
        accepted += usize::from(body.contains("\"accepted\""));
    }
    assert_eq!(accepted, 1);
    lab.ended(&delivery.id).await;
    assert_eq!(lab.decisions(number).await.len(), 1);
    let writes = lab.github.requests().iter().filter(|request| request.path.ends_with("/labels")).count();
    assert_eq!(writes, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_of_one_issue_are_worked_on_one_after_the_other() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    let mut sent = Vec::new();
    for action in ["opened", "edited", "edited", "edited"] {
        let delivery = lab.github.edit(|world| world.issue_event(action, REPO, number, &json!({ "changes": {} })));
        let hook = lab.hook();
        sent.push((delivery.id.clone(), tokio::spawn(async move { delivery.send(&hook).await })));
    }
    for (id, answer) in sent {
        assert_eq!(answer.await.unwrap().0, 202);
        ended(&lab.api, &id).await;
    }
    let labels = lab.labels(number);
    assert!(
        labels.contains(&"qa:1".to_owned()) && labels.iter().filter(|l| l.starts_with("qa:")).count() == 1,
        "{labels:?}"
    );
    let writes = lab.github.requests().iter().filter(|r| r.method == "POST" && r.path.ends_with("/labels")).count();
    assert_eq!(writes, if lab.decisions(number).await.len() == 1 { 1 } else { writes });
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_until_it_is_done() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    lab.github.misbehave(Some(failing(502)));
    let delivery = lab.send(|world| world.issue_event("opened", REPO, number, &json!({}))).await;
    let (state, attempts, error) = lab.failed(&delivery.id).await;
    assert_eq!((state.as_str(), attempts), ("waiting", 1));
    assert!(error.contains("GitHub does not answer: 502"), "{error}");
    assert!(lab.decisions(number).await.is_empty());
    // Not before its time.
    lab.github.misbehave(None);
    lab.api.sweep_with(&lab.variables).await;
    assert!(lab.labels(number).is_empty());
    lab.sweep_when_due().await;
    assert_eq!(lab.ended(&delivery.id).await, "done");
    assert_eq!(lab.labels(number), names(&["needs:pm", "qa:1", "status:triage"]));
    assert_eq!(lab.decisions(number).await.len(), 1);
}

#[tokio::test]
async fn a_delivery_is_set_aside_after_the_last_attempt_and_shown() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    lab.github.misbehave(Some(failing(503)));
    let delivery = lab.send(|world| world.issue_event("opened", REPO, number, &json!({}))).await;
    lab.failed(&delivery.id).await;
    for attempt in 2..=8 {
        assert_eq!(lab.failed(&delivery.id).await.0, "waiting", "before attempt {attempt}");
        lab.sweep_when_due().await;
    }
    assert_eq!(lab.failed(&delivery.id).await.0, "set_aside");
    let connections = lab.github.connections();
    lab.sweep_when_due().await;
    assert_eq!(lab.github.connections(), connections);
    let decision = lab.decisions(number).await.remove(0);
    assert_eq!((decision.outcome, decision.grade), (ClassificationOutcome::SetAside, None));
    assert!(decision.reasons[0].contains("503"), "{:?}", decision.reasons);
    // "Redeliver" in GitHub begins again.
    lab.github.misbehave(None);
    assert_eq!(lab.deliver(&delivery).await, "accepted");
    assert_eq!(lab.ended(&delivery.id).await, "done");
    assert_eq!(lab.labels(number), names(&["needs:pm", "qa:1", "status:triage"]));
}

#[tokio::test]
async fn a_rate_limit_of_github_decides_when_the_next_attempt_is() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    let limited = Fault::Answer {
        status: 403,
        headers: vec![("content-type", "application/json".to_owned()), ("retry-after", "1800".to_owned())],
        body: br#"{"message":"You have exceeded a secondary rate limit"}"#.to_vec(),
    };
    lab.github.misbehave(Some(limited));
    let delivery = lab.send(|world| world.issue_event("opened", REPO, number, &json!({}))).await;
    let (_, _, error) = lab.failed(&delivery.id).await;
    assert!(error.contains("limits the rate"), "{error}");
    let sql = "select count(*) as n from github_deliveries where id = ?1 and due_at > ?2 and due_at < ?3";
    let (from, to) = (lab.api.minutes_ago(-28), lab.api.minutes_ago(-32));
    assert_eq!(lab.api.db_count(sql, json!([delivery.id, from, to])).await, 1);
}

#[tokio::test]
async fn an_attempt_that_was_interrupted_between_two_labels_is_completed() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    let opened = lab.issue_event("opened", number, json!({})).await;
    // The state that a kill leaves after `qa:4` was added and before `qa:1` was removed.
    lab.github.edit(|world| {
        let issue = world.repo(REPO).issue(number);
        issue.title = "Forgot password".to_owned();
        issue.labels.push("qa:4".to_owned());
    });
    let interrupted = "insert into github_deliveries (id, repo, number, facts_json, state, due_at, attempts, planned_json, received_at)
         select 'interrupted', repo, number, replace(facts_json, 'opened', 'edited'), 'working', due_at, 1, '[\"qa:4\"]', received_at
         from github_deliveries where id = ?1";
    lab.api.db_execute(interrupted, json!([opened.id])).await;
    lab.sweep_when_due().await;
    assert_eq!(lab.ended("interrupted").await, "done");
    // The label of the interrupted attempt counts as the classifier's own, not as a person's.
    assert_eq!(lab.labels(number), names(&["needs:pm", "qa:4", "status:triage"]));
}

#[tokio::test]
async fn the_answer_does_not_wait_for_github() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    lab.github.misbehave(Some(Fault::Hang));
    let since = std::time::Instant::now();
    let delivery = lab.send(|world| world.issue_event("opened", REPO, number, &json!({}))).await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    let (state, _, error) = lab.failed(&delivery.id).await;
    assert!(state == "waiting" && error.contains("took too long"), "{state} {error}");
}

#[tokio::test]
async fn the_sweep_deletes_what_is_old() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    let delivery = lab.issue_event("opened", number, json!({})).await;
    lab.api.sweep_with(&lab.variables).await;
    let deliveries = "select count(*) as n from github_deliveries where id = ?1";
    assert_eq!(lab.api.db_count(deliveries, json!([delivery.id])).await, 1);
    let age = "update github_deliveries set due_at = ?2 where id = ?1";
    lab.api.db_execute(age, json!([delivery.id, lab.api.minutes_ago(1)])).await;
    lab.api.db_execute("update classifications set id = 'cls_01000000000000000000000000'", json!([])).await;
    lab.api.sweep_with(&lab.variables).await;
    assert_eq!(lab.api.db_count(deliveries, json!([delivery.id])).await, 0);
    assert!(lab.decisions(number).await.is_empty());
}

/// A Worker that is killed after its answer and before its work. `survival` in the engine suite does the same with the
/// server.
#[tokio::test]
async fn a_worker_that_is_killed_after_its_answer_loses_nothing() {
    let github = deckwatch_tests::github_stub::GitHubStub::start();
    let api = deckwatch_tests::Api::start_with(&variables_of(&github)).await;
    if !api.is_worker() {
        return println!("skipped: the Worker is not under test");
    }
    let number = github.edit(|world| world.add_issue(REPO, "One", &[]).number);
    let delivery = github.edit(|world| world.issue_event("opened", REPO, number, &json!({})));
    github.misbehave(Some(Fault::Hang));
    let (status, body) = delivery.send(&format!("{}/webhooks/github", api.url())).await;
    assert_eq!(status, 202, "{body}");
    let api = api.restarted_worker().await.unwrap();
    github.misbehave(None);
    let due = "update github_deliveries set due_at = '2026-01-01T00:00:00.000Z'";
    api.db_execute(due, json!([])).await;
    api.sweep().await;
    assert_eq!(ended(&api, &delivery.id).await, "done");
    let labels = github.edit(|world| world.repo(REPO).issue(number).labels.clone());
    assert_eq!(labels.len(), 3, "{labels:?}");
    assert_eq!(decisions(&api, number).await.len(), 1);
}

/// What D1 charges for a delivery, its work included. docs/operations.md has these numbers.
#[tokio::test]
async fn the_work_on_a_delivery_reads_and_writes_what_the_documents_say() {
    let github = deckwatch_tests::github_stub::GitHubStub::start();
    let Some(api) = deckwatch_tests::Api::start_counting_with(&variables_of(&github)).await else {
        return println!("skipped: only D1 counts the rows of a request");
    };
    let number = github.edit(|world| world.add_issue(REPO, "One", &[]).number);
    let mut cost = Vec::new();
    for action in ["opened", "edited"] {
        let delivery = github.edit(|world| world.issue_event(action, REPO, number, &json!({ "changes": {} })));
        let ask = TestRequest::at("POST", "/webhooks/github").text(delivery.body());
        let ask = delivery.headers().into_iter().fold(ask, |ask, (name, value)| ask.header(name, value));
        let response = api.anonymous().send(ask).await;
        assert_eq!(response.status, 202, "{response}");
        // With this engine, the answer waits for the work.
        assert_eq!(ended(&api, &delivery.id).await, "done");
        let rows = |name| response.header(name).unwrap().to_owned();
        cost.push((rows("x-rows-read"), rows("x-rows-written")));
    }
    let documented = include_str!("../../../../docs/operations.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let [(opened_read, opened_written), (same_read, same_written)] = &cost[..] else { panic!("two deliveries") };
    for expected in [
        format!("for an opened issue: {opened_read} rows read, {opened_written} written"),
        format!("that changes nothing: {same_read} read, {same_written} written"),
    ] {
        assert!(documented.contains(&expected), "docs/operations.md must say {expected:?}");
    }
}
