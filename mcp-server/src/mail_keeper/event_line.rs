//! One line about an event that concerns the agent.

use deckwatch_client::clean::clean_line;
use deckwatch_protocol::{Agent, Branch, Event, EventKind, IssueNumber, RepoName, cut};
use serde_json::Value;

/// The longest line, in bytes.
const MAX_BYTES: usize = 200;
/// Branches on which agents work without a common purpose.
const COMMON_BRANCHES: [&str; 2] = ["main", "master"];

/// What the agent works on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) agent: &'a Agent,
    pub(super) repo: &'a RepoName,
    pub(super) issue: Option<IssueNumber>,
    pub(super) branch: Option<&'a Branch>,
}

/// The line, if the event concerns the agent: it is about its issue, its branch or its claims, and another agent caused it. A
/// message is no event here.
pub(super) fn line(event: &Event, scope: &Scope) -> Option<String> {
    let text = |name: &str| event.data.get(name).and_then(Value::as_str).map(clean_line);
    let who = event.agent.as_ref().map_or_else(|| "someone".to_owned(), Agent::to_string);
    let is_own = event.agent.as_ref() == Some(scope.agent);
    if event.kind == EventKind::ClaimReleased && is_own && text("reason").as_deref() == Some("taken") {
        let (by, subject) = (text("by").unwrap_or_default(), text("subject").unwrap_or_else(|| "a path".to_owned()));
        return Some(short(&format!("{by} has taken your claim on {subject}")));
    }
    if is_own || !text("repo").is_some_and(|repo| repo.eq_ignore_ascii_case(scope.repo.as_str())) {
        return None;
    }
    let place = shared_place(event, scope)?;
    let what = match event.kind {
        EventKind::SessionStarted => format!("{who} has started work on {place}{}", taken_over(event)),
        EventKind::SessionMoved => format!("{who} now works on {place}"),
        EventKind::SessionEnded => format!("{who} has ended its session on {place}"),
        EventKind::SessionLost => format!("{who} has left its session on {place}"),
        EventKind::WorkDone => format!("{who} has finished work on {place}: {}", clean_line(&event.subject)),
        EventKind::AgentBlocked => format!("{who} is blocked on {place}"),
        EventKind::ClaimTaken => format!("{who} has claimed {place}"),
        EventKind::ClaimReleased => format!("{who} has released its claim on {place}"),
        EventKind::PullRequestOpened => format!("pull request {} for {place} was opened", on_github(event)?),
        EventKind::PullRequestMerged => format!("pull request {} for {place} was merged", on_github(event)?),
        EventKind::PullRequestClosed => format!("pull request {} for {place} was closed", on_github(event)?),
        EventKind::IssueLabelled => format!("the labels of {place} have changed{}", labels(event)),
        EventKind::CheckFailed => format!("a check of pull request {} for {place} has failed", on_github(event)?),
        _ => return None,
    };
    Some(short(&what))
}

fn taken_over(event: &Event) -> &'static str {
    let is_taken_over = event.data.get("taken_over").and_then(Value::as_bool).unwrap_or_default();
    if is_taken_over { "; another owner or machine has taken its name over" } else { "" }
}

/// The issue or the pull request of an event of GitHub, such as `#12`.
fn on_github(event: &Event) -> Option<String> {
    event.data.get("number").and_then(Value::as_u64).map(|number| format!("#{number}"))
}

/// The labels that were added and removed, such as `: +bug -needs:pm`.
fn labels(event: &Event) -> String {
    let of = |list: &str, sign: &'static str| {
        let names = event.data.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        names.map(|name| format!("{sign}{}", clean_line(name))).collect::<Vec<_>>()
    };
    let changed = [of("added", "+"), of("removed", "-")].concat();
    if changed.is_empty() { String::new() } else { format!(": {}", changed.join(" ")) }
}

/// The issue or the branch that the event is about, if the agent works on it. An agent may work on a pull request as on an issue.
fn shared_place(event: &Event, scope: &Scope) -> Option<String> {
    let claimed = event.data.get("subject").and_then(Value::as_str).and_then(|subject| subject.strip_prefix("issue:"));
    let issue = event.data.get("issue_number").and_then(Value::as_u64).or(claimed.and_then(|text| text.parse().ok()));
    let on_github = event.data.get("number").and_then(Value::as_u64);
    if let Some(own) = scope.issue
        && [issue, on_github].contains(&Some(own.get().into()))
    {
        return Some(format!("issue #{own}"));
    }
    let branch = event.data.get("branch").and_then(Value::as_str)?;
    let is_own = scope.branch.is_some_and(|own| own.as_str() == branch);
    (is_own && !COMMON_BRANCHES.contains(&branch)).then(|| format!("branch {}", clean_line(branch)))
}

fn short(text: &str) -> String {
    cut::to_bytes(text, MAX_BYTES).to_owned()
}

#[cfg(test)]
mod tests {
    use deckwatch_protocol::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_events_of_others_about_the_own_work_have_a_line() {
        let (me, repo, branch) = ("mac1-claude-1".parse().unwrap(), "o/alpha".parse().unwrap(), "fix".parse().unwrap());
        let scope = Scope { agent: &me, repo: &repo, issue: 87.try_into().ok(), branch: Some(&branch) };
        let of = |kind, agent: &str, data: Value| {
            let event = Event {
                seq: 1,
                venture: None,
                kind,
                subject: "ho_1".to_owned(),
                agent: agent.parse().ok(),
                session_id: None,
                at: Timestamp::from_millis(0),
                data: data.as_object().cloned().unwrap_or_default(),
            };
            line(&event, &scope)
        };
        let here = json!({ "repo": "O/Alpha", "issue_number": 87, "branch": "main" });
        let other = "mac2-codex-1";
        for (kind, agent, data, expected) in [
            (EventKind::SessionStarted, other, here.clone(), Some("mac2-codex-1 has started work on issue #87")),
            (EventKind::WorkDone, other, here.clone(), Some("mac2-codex-1 has finished work on issue #87: ho_1")),
            (
                EventKind::SessionMoved,
                other,
                json!({ "repo": "o/alpha", "branch": "fix" }),
                Some("mac2-codex-1 now works on branch fix"),
            ),
            (
                EventKind::ClaimTaken,
                other,
                json!({ "repo": "o/alpha", "subject": "issue:87" }),
                Some("mac2-codex-1 has claimed issue #87"),
            ),
            (
                EventKind::ClaimReleased,
                me.as_str(),
                json!({ "repo": "o/alpha", "subject": "path:src/**", "reason": "taken", "by": other }),
                Some("mac2-codex-1 has taken your claim on path:src/**"),
            ),
            (EventKind::ClaimReleased, me.as_str(), json!({ "repo": "o/alpha", "subject": "issue:87" }), None),
            (EventKind::SessionStarted, me.as_str(), here.clone(), None),
            (EventKind::SessionStarted, other, json!({ "repo": "o/beta", "issue_number": 87 }), None),
            (EventKind::SessionStarted, other, json!({ "repo": "o/alpha", "issue_number": 8 }), None),
            (EventKind::SessionStarted, other, json!({ "repo": "o/alpha", "branch": "main" }), None),
            (
                EventKind::SessionStarted,
                other,
                json!({ "repo": "o/alpha", "issue_number": 87, "taken_over": true }),
                Some("mac2-codex-1 has started work on issue #87; another owner or machine has taken its name over"),
            ),
            (EventKind::MessageSent, other, here, None),
            (
                EventKind::PullRequestOpened,
                "",
                json!({ "repo": "O/Alpha", "number": 12, "issue_number": 87, "branch": "x" }),
                Some("pull request #12 for issue #87 was opened"),
            ),
            (
                EventKind::PullRequestMerged,
                "",
                json!({ "repo": "o/alpha", "number": 12, "issue_number": null, "branch": "fix" }),
                Some("pull request #12 for branch fix was merged"),
            ),
            (EventKind::PullRequestClosed, "", json!({ "repo": "o/alpha", "number": 12, "branch": "x" }), None),
            (
                EventKind::CheckFailed,
                "",
                json!({ "repo": "o/alpha", "number": 12, "branch": "fix", "outcome": "failure" }),
                Some("a check of pull request #12 for branch fix has failed"),
            ),
            (
                EventKind::IssueLabelled,
                "",
                json!({ "repo": "o/alpha", "number": 87, "added": ["bug", "qa:2"], "removed": ["needs:pm"] }),
                Some("the labels of issue #87 have changed: +bug +qa:2 -needs:pm"),
            ),
            (
                EventKind::IssueLabelled,
                "",
                json!({ "repo": "o/alpha", "number": 87 }),
                Some("the labels of issue #87 have changed"),
            ),
            (EventKind::IssueLabelled, "", json!({ "repo": "o/beta", "number": 87 }), None),
        ] {
            assert_eq!(of(kind, agent, data.clone()).as_deref(), expected, "{kind:?} {data}");
        }
    }
}
