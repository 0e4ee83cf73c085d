//! The status of issues and pull requests along the flow: only forward, unless a person moves it back.

use std::time::Duration;

use serde_json::json;

use super::{Lab, REPO, names};

/// The status labels of an issue.
fn statuses(lab: &Lab, number: u64) -> Vec<String> {
    lab.labels(number).into_iter().filter(|label| label.starts_with("status:")).collect()
}

impl Lab {
    fn merge(&self, pull: u64, closing: &[u64]) {
        self.github.edit(|world| {
            world.advance(Duration::from_secs(2));
            let now = world.now();
            let merged = world.repo(REPO).issue(pull);
            (merged.open, merged.closed_at, merged.updated_at) = (false, Some(now), now);
            merged.pull.as_mut().unwrap().merged_at = Some(now);
            for number in closing {
                let issue = world.repo(REPO).issue(*number);
                (issue.open, issue.closed_at, issue.updated_at) = (false, Some(now), now);
                issue.state_reason = Some("completed".to_owned());
            }
        });
    }

    fn ask_for_review(&self, pull: u64) {
        self.github.edit(|world| {
            world.advance(Duration::from_secs(2));
            let now = world.now();
            let issue = world.repo(REPO).issue(pull);
            issue.updated_at = now;
            issue.pull.as_mut().unwrap().reviewers = vec!["ann".to_owned()];
        });
    }
}

#[tokio::test]
async fn a_pull_request_moves_its_status_and_that_of_the_issues_it_closes() {
    let lab = Lab::new().await;
    let (one, two) = (lab.issue("One", "", &[]), lab.issue("Two", "", &[]));
    lab.issue_event("opened", one, json!({})).await;
    lab.issue_event("opened", two, json!({})).await;
    let pull = lab.pull("A change", &format!("Fixes #{one}, closes #{two}. See #999"), &["src/a.rs"]);
    lab.pull_event("opened", pull, json!({})).await;
    for number in [one, two, pull] {
        assert_eq!(statuses(&lab, number), ["status:in-progress"]);
    }
    lab.ask_for_review(pull);
    lab.pull_event("review_requested", pull, json!({ "requested_reviewer": "ann" })).await;
    for number in [one, two, pull] {
        assert_eq!(statuses(&lab, number), ["status:qa"]);
        assert!(lab.labels(number).contains(&"needs:qa".to_owned()), "{:?}", lab.labels(number));
    }
    // GitHub closes an issue only if the pull request was merged into the default branch.
    lab.merge(pull, &[one]);
    lab.pull_event("closed", pull, json!({})).await;
    assert_eq!(statuses(&lab, pull), ["status:done"]);
    assert_eq!(statuses(&lab, one), ["status:done"]);
    assert_eq!(statuses(&lab, two), ["status:verified"]);
    let reasons = lab.decisions(two).await.remove(0).reasons;
    assert!(reasons[0].contains(&format!("pull request {pull} was merged")), "{reasons:?}");
}

#[tokio::test]
async fn a_pull_request_that_is_closed_without_a_merge_moves_nothing() {
    let lab = Lab::new().await;
    let issue = lab.issue("One", "", &[]);
    lab.issue_event("opened", issue, json!({})).await;
    let pull = lab.pull("A change", &format!("Fixes #{issue}"), &["src/a.rs"]);
    lab.pull_event("opened", pull, json!({})).await;
    lab.github.edit(|world| world.repo(REPO).issue(pull).open = false);
    lab.pull_event("closed", pull, json!({})).await;
    assert_eq!(
        (statuses(&lab, pull), statuses(&lab, issue)),
        (names(&["status:in-progress"]), names(&["status:in-progress"]))
    );
}

#[tokio::test]
async fn deliveries_in_another_order_lead_to_the_same_status() {
    let lab = Lab::new().await;
    let issue = lab.issue("One", "", &[]);
    let pull = lab.pull("A change", &format!("Fixes #{issue}"), &["src/a.rs"]);
    let opened = lab.github.edit(|world| world.pull_event("opened", REPO, pull, &json!({})));
    lab.ask_for_review(pull);
    let asked = lab.github.edit(|world| world.pull_event("review_requested", REPO, pull, &json!({})));
    lab.merge(pull, &[issue]);
    let closed = lab.github.edit(|world| world.pull_event("closed", REPO, pull, &json!({})));
    let issue_opened = lab.github.edit(|world| world.issue_event("opened", REPO, issue, &json!({})));
    for delivery in [&closed, &asked, &opened, &issue_opened] {
        assert_eq!(lab.deliver(delivery).await, "accepted");
        lab.ended(&delivery.id).await;
    }
    assert_eq!((statuses(&lab, pull), statuses(&lab, issue)), (names(&["status:done"]), names(&["status:done"])));
}

#[tokio::test]
async fn a_person_can_move_the_status_back() {
    let lab = Lab::new().await;
    let pull = lab.pull("A change", "", &["src/a.rs"]);
    let opened = lab.github.edit(|world| world.pull_event("opened", REPO, pull, &json!({})));
    lab.ask_for_review(pull);
    lab.pull_event("review_requested", pull, json!({})).await;
    assert_eq!(statuses(&lab, pull), ["status:qa"]);
    lab.person_adds(pull, "status:ready").await;
    assert_eq!(statuses(&lab, pull), ["status:ready"]);
    // A late delivery about what was before does not undo this.
    lab.deliver(&opened).await;
    lab.ended(&opened.id).await;
    assert_eq!(statuses(&lab, pull), ["status:ready"]);
    let reasons = lab.decisions(pull).await.remove(0).reasons;
    assert!(reasons[0].contains("a person has changed it since"), "{reasons:?}");
    // What happens later moves it forward again, and the person's label stays.
    lab.ask_for_review(pull);
    lab.pull_event("review_requested", pull, json!({})).await;
    assert_eq!(statuses(&lab, pull), ["status:qa", "status:ready"]);
}

#[tokio::test]
async fn a_closed_issue_is_done_and_an_issue_that_is_not_planned_is_not() {
    let lab = Lab::new().await;
    for (reason, status) in [("completed", "status:done"), ("not_planned", "status:triage")] {
        let number = lab.issue("One", "", &[]);
        lab.issue_event("opened", number, json!({})).await;
        lab.github.edit(|world| {
            let issue = world.repo(REPO).issue(number);
            (issue.open, issue.state_reason) = (false, Some(reason.to_owned()));
        });
        lab.issue_event("closed", number, json!({})).await;
        assert_eq!(statuses(&lab, number), [status]);
        lab.github.edit(|world| {
            let issue = world.repo(REPO).issue(number);
            (issue.open, issue.state_reason) = (true, Some("reopened".to_owned()));
        });
        lab.issue_event("reopened", number, json!({})).await;
        assert_eq!(statuses(&lab, number), ["status:triage"]);
    }
}
