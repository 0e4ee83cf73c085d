//! Grades, routing and the labels of people.

use deckwatch_protocol::{ClassificationOutcome, ClassifiedKind, GradeSource, QaGrade};
use serde_json::json;

use super::{Lab, REPO, names};

#[tokio::test]
async fn an_opened_issue_gets_its_labels_and_a_decision_with_reasons() {
    let lab = Lab::new().await;
    let number = lab.issue("Forgot password link is broken", "It answers 404.", &["bug"]);
    let delivery = lab.issue_event("opened", number, json!({})).await;
    assert_eq!(lab.labels(number), names(&["bug", "needs:pm", "qa:4", "status:triage"]));
    let decision = lab.decisions(number).await.remove(0);
    assert_eq!((decision.kind, decision.outcome), (ClassifiedKind::Issue, ClassificationOutcome::Done));
    assert_eq!((decision.event.as_str(), &decision.delivery_id), ("issues.opened", &delivery.id));
    assert_eq!((decision.grade.map(QaGrade::get), decision.grade_by), (Some(4), Some(GradeSource::Rules)));
    assert_eq!(decision.status.as_deref(), Some("triage"));
    assert_eq!(decision.labels_added, names(&["qa:4", "needs:pm", "status:triage"]));
    assert_eq!(
        decision.reasons,
        names(&[
            "the status is triage, because it is open and new",
            "security-words: grade 4, because the text has the word \"password\"",
            "issue-without-criteria: needs:pm, because it is an issue and its status is triage and it has 0 acceptance criteria",
        ])
    );
}

#[tokio::test]
async fn an_edit_changes_the_grade_and_adds_before_it_removes() {
    let lab = Lab::new().await;
    let number = lab.issue("The export is slow", "", &[]);
    lab.issue_event("opened", number, json!({})).await;
    assert_eq!(lab.labels(number), names(&["needs:pm", "qa:1", "status:triage"]));
    lab.github.edit(|world| world.repo(REPO).issue(number).body = Some("- [ ] a\n- [ ] b\n- [ ] c".to_owned()));
    lab.github.take_requests();
    lab.issue_event("edited", number, json!({ "changes": {} })).await;
    assert_eq!(lab.labels(number), names(&["needs:dev", "qa:3", "status:triage"]));
    let writes: Vec<String> = lab.github.requests().iter().map(|r| r.method.clone()).filter(|m| m != "GET").collect();
    assert_eq!(writes, ["POST", "DELETE", "DELETE"]);
    // Nothing changed, so nothing is written and no other decision is stored.
    lab.github.take_requests();
    lab.issue_event("edited", number, json!({ "changes": {} })).await;
    assert!(lab.github.requests().iter().all(|request| request.method == "GET"));
    assert_eq!(lab.decisions(number).await.len(), 2);
}

#[tokio::test]
async fn the_files_of_a_pull_request_decide_its_grade() {
    let lab = Lab::new().await;
    for (files, grade) in [
        (&["docs/a.md", "README.md"][..], "qa:0"),
        (&["src/routes.rs"], "qa:1"),
        (&["web/button.tsx", "docs/a.md"], "qa:2"),
        (&["docs/a.md", "src/auth/mod.rs"], "qa:4"),
    ] {
        let number = lab.pull("A change", "", files);
        lab.pull_event("opened", number, json!({})).await;
        assert_eq!(lab.labels(number), names(&["needs:dev", grade, "status:in-progress"]), "{files:?}");
    }
    let fix = lab.pull("Fix the order of rows", "", &["src/rows.rs"]);
    lab.pull_event("opened", fix, json!({})).await;
    assert!(lab.labels(fix).contains(&"test:required".to_owned()));
}

#[tokio::test]
async fn a_list_of_files_that_is_not_read_whole_is_reported() {
    let lab = Lab::new().await;
    let files: Vec<String> = (0..350).map(|n| format!("docs/{n}.md")).collect();
    let number = lab.pull("Many documents", "", &files.iter().map(String::as_str).collect::<Vec<_>>());
    lab.pull_event("opened", number, json!({})).await;
    assert!(lab.labels(number).contains(&"qa:1".to_owned()), "{:?}", lab.labels(number));
    let reasons = &lab.decisions(number).await[0].reasons;
    assert!(reasons.contains(&"only 300 of 350 changed files were read".to_owned()), "{reasons:?}");
}

#[tokio::test]
async fn a_label_of_a_person_wins_and_stays() {
    let lab = Lab::new().await;
    let number = lab.issue("Forgot password", "", &["qa:2", "needs:qa", "status:ready"]);
    lab.issue_event("opened", number, json!({})).await;
    assert_eq!(lab.labels(number), names(&["needs:qa", "qa:2", "status:ready"]));
    let decision = lab.decisions(number).await.remove(0);
    assert_eq!((decision.grade.map(QaGrade::get), decision.grade_by), (Some(2), Some(GradeSource::Human)));
    assert_eq!(decision.labels_kept, names(&["qa:2", "needs:qa"]));
}

#[tokio::test]
async fn a_person_can_replace_and_remove_a_grade() {
    let lab = Lab::new().await;
    let number = lab.issue("The export is slow", "", &[]);
    lab.issue_event("opened", number, json!({})).await;
    // The person's grade replaces the classifier's, and outlives a change of the text.
    lab.person_adds(number, "qa:3").await;
    assert_eq!(lab.labels(number), names(&["needs:pm", "qa:3", "status:triage"]));
    lab.github.edit(|world| world.repo(REPO).issue(number).title = "Forgot password".to_owned());
    lab.issue_event("edited", number, json!({ "changes": {} })).await;
    assert_eq!(lab.labels(number), names(&["needs:pm", "qa:3", "status:triage"]));
    // Without the person's grade, the rules decide again.
    lab.person_removes(number, "qa:3").await;
    assert_eq!(lab.labels(number), names(&["needs:pm", "qa:4", "status:triage"]));
    // A label that a person has removed does not come back.
    lab.person_removes(number, "qa:4").await;
    lab.issue_event("edited", number, json!({ "changes": {} })).await;
    assert_eq!(lab.labels(number), names(&["needs:pm", "status:triage"]));
    // The person sets the classifier's own label again: it is theirs now.
    lab.person_removes(number, "needs:pm").await;
    lab.person_adds(number, "needs:pm").await;
    lab.github.edit(|world| world.repo(REPO).issue(number).body = Some("- [ ] a".to_owned()));
    lab.issue_event("edited", number, json!({ "changes": {} })).await;
    assert_eq!(lab.labels(number), names(&["needs:pm", "status:triage"]));
}

#[tokio::test]
async fn hostile_text_reaches_no_label_and_no_reason() {
    let lab = Lab::new().await;
    let title = "\u{202e}<script>alert(1)</script> \u{0} status:done qa:0 ```";
    let body = format!("password {} ]}}\" \\u0000 fixes #{}", "[ ] ".repeat(10_000), u64::MAX);
    let number = lab.issue(title, &body, &["qa:<b>", "needs:\u{1f600}"]);
    lab.issue_event("opened", number, json!({})).await;
    assert!(lab.labels(number).contains(&"status:triage".to_owned()));
    let decision = lab.decisions(number).await.remove(0);
    let shown = decision.reasons.join("\n");
    assert!(!shown.contains("script") && decision.grade.map(QaGrade::get) == Some(4), "{shown}");
    // A label in the classifier's form that is no grade is a person's label, and stays.
    assert!(lab.labels(number).contains(&"qa:<b>".to_owned()));
}

#[tokio::test]
async fn own_rules_replace_those_of_the_build() {
    let rules = json!({ "default_grade": 2, "rules": [
        { "name": "payments", "when": { "paths": ["pay/**"] }, "grade": 4, "floor": true },
        { "name": "all", "when": { "kind": "pull_request" }, "needs": "legal" },
    ]});
    let lab = Lab::with(|_| vec![("GITHUB_CLASSIFIER_RULES", rules.to_string())]).await;
    let number = lab.pull("A change", "", &["pay/card.rs"]);
    lab.pull_event("opened", number, json!({})).await;
    assert_eq!(lab.labels(number), names(&["needs:legal", "qa:4", "status:in-progress"]));
    let issue = lab.issue("Password", "", &[]);
    lab.issue_event("opened", issue, json!({})).await;
    assert_eq!(lab.labels(issue), names(&["qa:2", "status:triage"]));
}
