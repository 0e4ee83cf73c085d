//! One line of text about an event.

use deckwatch_client::clean::clean_line;
use deckwatch_protocol::{Agent, Event, EventKind};
use serde_json::Value;

/// What happened, in one line without the time: who, what and where. It contains no control characters.
pub(crate) fn line(event: &Event) -> String {
    let who = event.agent.as_ref().map(Agent::as_str);
    let what = event.kind.as_str().replace('_', " ");
    let parts = [who, Some(what.as_str())].into_iter().flatten().map(str::to_owned);
    clean_line(&parts.chain(facts(event)).collect::<Vec<_>>().join(" "))
}

/// The facts that a person needs to understand the event.
fn facts(event: &Event) -> Vec<String> {
    let text = |name: &str| event.data.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| event.data.get(name).and_then(Value::as_u64);
    let issue = number("issue_number").map(|number| format!("#{number}"));
    let found = match event.kind {
        EventKind::MessageSent => {
            let to = event.data.get("to").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            let to: Vec<&str> = to.collect();
            let total = number("recipients").unwrap_or_default();
            let more = total.saturating_sub(u64::try_from(to.len()).unwrap_or_default());
            let rest = (more > 0).then(|| format!("and {more} more"));
            vec![text("kind"), Some(format!("to {}", to.join(", "))), rest]
        }
        EventKind::ClaimTaken | EventKind::ClaimReleased => vec![text("subject"), text("reason"), text("repo")],
        EventKind::HandoffRecorded | EventKind::WorkDone => {
            let to = text("to_agent").map(|agent| format!("for {agent}"));
            vec![text("status"), issue, to, text("repo")]
        }
        EventKind::SessionStarted => {
            let is_taken_over = event.data.get("taken_over").and_then(Value::as_bool).unwrap_or_default();
            let taken = is_taken_over.then(|| "name taken over".to_owned());
            vec![issue, text("branch"), text("repo"), taken]
        }
        EventKind::SessionMoved
        | EventKind::SessionEnded
        | EventKind::SessionLost
        | EventKind::AgentWorking
        | EventKind::AgentIdle
        | EventKind::AgentWaiting
        | EventKind::AgentBlocked => vec![issue, text("branch"), text("repo")],
        EventKind::StateChanged | EventKind::NoteSaved | EventKind::DocChanged | EventKind::MachineRegistered => {
            vec![Some(event.subject.clone()), text("outcome")]
        }
        EventKind::PullRequestOpened
        | EventKind::PullRequestMerged
        | EventKind::PullRequestClosed
        | EventKind::CheckFailed => vec![Some(event.subject.clone()), text("outcome"), text("branch")],
        EventKind::IssueLabelled => {
            let of = |list: &str, sign: &str| -> Option<String> {
                let names = event.data.get(list).and_then(Value::as_array)?.iter().filter_map(Value::as_str);
                let names: Vec<String> = names.map(|name| format!("{sign}{name}")).collect();
                (!names.is_empty()).then(|| names.join(" "))
            };
            vec![Some(event.subject.clone()), of("added", "+"), of("removed", "-")]
        }
    };
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, data: &Value) -> Event {
        serde_json::from_value(json!({
            "seq": 7, "venture": "alpha", "kind": kind, "subject": "alpha/api.md", "agent": "mac1-claude-1",
            "session_id": null, "at": "2026-11-21T08:00:00.000Z", "data": data,
        }))
        .unwrap()
    }

    #[test]
    fn a_line_says_who_did_what_where() {
        for (kind, data, expected) in [
            (
                "agent_waiting",
                json!({ "repo": "example-org/alpha", "issue_number": 87, "branch": "dev/x" }),
                "mac1-claude-1 agent waiting #87 dev/x example-org/alpha",
            ),
            (
                "message_sent",
                json!({ "kind": "question", "recipients": 3, "to": ["a-b-1", "c-d-2"] }),
                "mac1-claude-1 message sent question to a-b-1, c-d-2 and 1 more",
            ),
            ("claim_taken", json!({ "subject": "issue:87", "reason": null }), "mac1-claude-1 claim taken issue:87"),
            ("work_done", json!({ "status": "done", "issue_number": 8 }), "mac1-claude-1 work done done #8"),
            (
                "session_started",
                json!({ "branch": "dev/x", "taken_over": true }),
                "mac1-claude-1 session started dev/x name taken over",
            ),
            ("session_started", json!({ "taken_over": false }), "mac1-claude-1 session started"),
            ("doc_changed", json!({ "version": 3 }), "mac1-claude-1 doc changed alpha/api.md"),
            (
                "check_failed",
                json!({ "branch": "dev/x", "outcome": "timed_out" }),
                "mac1-claude-1 check failed alpha/api.md timed_out dev/x",
            ),
            (
                "issue_labelled",
                json!({ "added": ["qa:2", "bug"], "removed": ["needs:pm"] }),
                "mac1-claude-1 issue labelled alpha/api.md +qa:2 +bug -needs:pm",
            ),
            ("agent_idle", json!({ "branch": "a\u{1b}[31m\nb" }), "mac1-claude-1 agent idle a b"),
        ] {
            assert_eq!(line(&event(kind, &data)), expected);
        }
    }
}
