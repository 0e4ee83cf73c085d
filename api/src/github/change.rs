//! The changes on GitHub that others should know of, as the data of an event. It has numbers and names of a strict form, and no
//! text that somebody wrote: a branch or a label with other characters is left out.

use deckwatch_protocol::{CommitSha, EventKind, IssueNumber};
use serde_json::{Value, json};

use super::criteria::closed_issues;
use crate::store::github_event::Change;

/// The most pull requests of one check that get an event.
const MAX_PULLS: usize = 10;
/// The longest branch and the longest label in an event.
const MAX_BRANCH_BYTES: usize = 255;
const MAX_LABEL_BYTES: usize = 50;
/// The results of a check that somebody must look at.
const FAILURES: [&str; 4] = ["failure", "timed_out", "startup_failure", "action_required"];

/// The change of an event about an issue or a pull request with this action.
pub(super) fn of_item(repo: &str, number: u32, action: &str, payload: &Value) -> Option<Change> {
    let pull = payload.get("pull_request");
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str);
    let is_merged = payload.pointer("/pull_request/merged") == Some(&Value::Bool(true));
    let kind = match (action, pull) {
        ("opened" | "reopened", Some(_)) => Some(EventKind::PullRequestOpened),
        ("closed", Some(_)) if is_merged => Some(EventKind::PullRequestMerged),
        ("closed", Some(_)) => Some(EventKind::PullRequestClosed),
        ("labeled" | "unlabeled", _) => None,
        _ => return None,
    };
    let item = if pull.is_some() { "pull_request" } else { "issue" };
    let (at, label) = (text(&format!("/{item}/updated_at")), text("/label/name"));
    let closes = text("/pull_request/body").and_then(|body| closed_issues(body, repo).first().copied());
    let data = json!({
        "issue_number": closes, "branch": branch(text("/pull_request/head/ref")), "sha": sha(text("/pull_request/head/sha")),
        "outcome": (action == "reopened").then_some(action),
    });
    let what = kind.map_or(label, |kind| Some(kind.as_str()));
    let id = change_id(&[repo, &number.to_string(), action, at?, what.unwrap_or_default()]);
    Some(Change { kind, id, numbers: vec![number], data })
}

/// The change of a `check_suite` event: a failed check of pull requests. `Err` says why it is none.
pub(super) fn of_check(repo: &str, payload: &Value) -> Result<Change, &'static str> {
    let suite = |name: &str| payload.pointer(&format!("/check_suite/{name}"));
    let text = |name: &str| suite(name).and_then(Value::as_str);
    let outcome = text("conclusion").filter(|conclusion| FAILURES.contains(conclusion));
    let Some(outcome) = outcome.filter(|_| payload.get("action").and_then(Value::as_str) == Some("completed")) else {
        return Err("the check has not failed");
    };
    let pulls = suite("pull_requests").and_then(Value::as_array).into_iter().flatten();
    let numbers = pulls.filter_map(|pull| pull.get("number").and_then(Value::as_u64));
    let numbers = numbers.filter_map(|number| IssueNumber::try_from(number).ok()).map(IssueNumber::get);
    let numbers: Vec<u32> = numbers.take(MAX_PULLS).collect();
    if numbers.is_empty() {
        return Err("the check belongs to no pull request of the repository");
    }
    let suite_id = suite("id").and_then(Value::as_u64).unwrap_or_default().to_string();
    let data = json!({ "branch": branch(text("head_branch")), "sha": sha(text("head_sha")), "outcome": outcome });
    let id = change_id(&[repo, &suite_id, "check_failed", text("updated_at").unwrap_or_default()]);
    Ok(Change { kind: Some(EventKind::CheckFailed), id, numbers, data })
}

/// The labels that an event may show.
pub(super) fn labels(names: &[String]) -> Vec<&str> {
    names.iter().filter_map(|name| plain(Some(name), MAX_LABEL_BYTES)).collect()
}

fn change_id(parts: &[&str]) -> String {
    parts.join(" ").to_lowercase()
}

/// The branch, if an event may show its name.
pub(super) fn branch(name: Option<&str>) -> Option<&str> {
    plain(name, MAX_BRANCH_BYTES)
}

/// A name of at most `max` bytes, if it has only the characters of ordinary names.
fn plain(name: Option<&str>, max: usize) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:+#@-".contains(&byte);
    name.filter(|name| (1..=max).contains(&name.len()) && name.bytes().all(is_plain))
}

fn sha(text: Option<&str>) -> Option<&str> {
    text.filter(|text| text.parse::<CommitSha>().is_ok())
}
