//! Sample records of a busy team, for tests of whole answers: 12 other agents, 28 P0 issues, a handoff with several
//! lists.

use std::path::PathBuf;

use deckwatch_client::outbox::{Held, OtherQueue, Parked, SetAside, UnsentHandoff, Waiting};
use deckwatch_protocol::DayStarted;
use serde_json::{Value, json};

use super::fence::Fence;
use super::samples::{NOW, active, day, empty_day, handoff, id};
use super::sod::DayExtras;
use crate::github::{Lane, LaneOfRepo, Queue};
use crate::plan::WeeklyPlan;

const REPO: &str = "example-org/alpha-console";

/// A fence with a fixed marker.
pub(crate) fn fence() -> Fence {
    Fence::new(0x00de_c0de_00de_c0de)
}

/// The number of records.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) next_steps: usize,
    pub(crate) documents: usize,
    pub(crate) summaries: usize,
    /// Whether documents are also stale, and optional ones missing.
    pub(crate) is_neglected: bool,
}

pub(crate) const BUSY: Size = Size { next_steps: 10, documents: 13, summaries: 3, is_neglected: false };
pub(crate) const RICH: Size = Size { next_steps: 40, documents: 60, summaries: 12, is_neglected: true };

/// The start of day of `mac1-claude-1` on branch `dev/mac1/fix` and issue #87.
pub(crate) fn busy_day(size: Size) -> DayStarted {
    let mut json = empty_day();
    json["last_handoff"] = last_handoff(size.next_steps);
    let mut to_you = handoff("Review the sign-in page.", 0);
    to_you["id"] = json!(id("ho_", 2));
    to_you["to_agent"] = json!("mac1-claude-1");
    to_you["payload"]["next_steps"] = json!(["Review pull request 31", "Tell mac2-codex-1 what you found"]);
    to_you["payload"]["extra"] = json!({});
    json["handoffs_to_you"] = json!({"total": 1, "shown": 1, "items": [to_you]});
    json["active_sessions"] = json!({"total": 12, "shown": 12, "items": (1..=12).map(other).collect::<Vec<_>>()});
    let claims = [("issue:87", 7), ("path:src/sign-in/**", 11), ("issue:90", 1)];
    json["claims"] = json!({"total": 3, "shown": 3, "items": claims.map(|(subject, n)| claim(subject, n))});
    let shown = size.summaries.min(5);
    json["executive_summaries"] = json!({"total": size.summaries, "shown": shown,
        "items": (1..=shown).map(summary).collect::<Vec<_>>(),
        "left_out": (shown + 1..=size.summaries).map(|n| json!({"id": id("note_", n), "title": format!("Strategy {n}"),
            "venture": "alpha", "updated_at": NOW})).collect::<Vec<_>>()});
    json["doc_index"] = json!({"total": size.documents, "shown": size.documents,
        "items": (1..=size.documents).map(document).collect::<Vec<_>>()});
    let required = |name: &str| {
        json!({"requirement_id": id("req_", 1), "scope": "alpha", "name": name, "required": true,
        "auto_generate": false, "sources": [], "confirmed_at": null, "staleness_days": 90})
    };
    json["doc_audit"]["missing"] = json!([required("runbook.md"), required("oncall.md")]);
    if size.is_neglected {
        let mut old = required("deploy.md");
        old["confirmed_at"] = json!("2026-05-01T08:00:00.000Z");
        json["doc_audit"]["stale"] = json!([old]);
        json["doc_audit"]["optional"] = json!([required("glossary.md")]);
    }
    day(json)
}

fn last_handoff(next_steps: usize) -> Value {
    let list = |what: &str, count: usize| -> Vec<String> {
        (1..=count).map(|n| format!("{what} part {n} of the sign-in page and its tests")).collect()
    };
    let mut json = handoff("The sign-in page is half done. The form works; the reset of a password does not.", 0);
    json["payload"] = json!({"next_steps": list("Finish", next_steps), "blocked": ["The mail server has no certificate"],
        "in_progress": list("Rewrite", 2), "accomplished": list("Wrote", 4),
        "links": ["https://github.com/example-org/alpha-console/pull/31"], "extra": {}});
    json
}

/// Two agents on the same issue, two on the same branch, two elsewhere in the repository, the others in another
/// repository.
fn other(n: usize) -> Value {
    let mut json = active(n, &format!("topic-{n}"));
    match n {
        5 | 9 => json["branch"] = json!("dev/mac1/fix"),
        7 | 11 => json["issue_number"] = json!(87),
        2 | 3 => {}
        _ => json["repo"] = json!("example-org/alpha-web"),
    }
    json
}

/// A claim of the other agent with this number. The first agent is the reader.
fn claim(subject: &str, n: usize) -> Value {
    let agent = if n == 1 { "mac1-claude-1".to_owned() } else { format!("mac2-codex-{n}") };
    let until = if n == 11 { "2026-11-21T07:50:00.000Z" } else { "2026-11-21T08:41:00.000Z" };
    json!({"id": id("clm_", n), "venture": "alpha", "repo": REPO, "subject": subject, "agent": agent,
        "session_id": id("sess_", n), "fence": 400 + n, "reason": null, "since": "2026-11-21T05:00:00.000Z", "until": until})
}

fn summary(n: usize) -> Value {
    let content = format!("Strategy {n}: ten customers use the console by spring. ").repeat(12);
    json!({"id": id("note_", n), "title": format!("Strategy {n}"), "content": content, "truncated": false, "venture": "alpha",
        "actor_key_id": "0123456789abcdef", "updated_at": NOW})
}

pub(crate) fn document(n: usize) -> Value {
    json!({"scope": "alpha", "name": format!("guide-{n:02}.md"), "title": format!("Guide {n} to the console"),
        "doc_type": "markdown", "version": 3, "content_hash": "00", "size_bytes": 4_200, "updated_at": NOW})
}

/// 28 P0 issues, and the plan of the week.
pub(crate) fn busy_extras() -> DayExtras {
    let repo: deckwatch_protocol::RepoName = REPO.parse().unwrap();
    let issue = |n: usize| {
        serde_json::from_value(
            json!({"number": n, "title": format!("Customers can't sign in, case {n}"), "updatedAt": NOW,
            "author": {"login": "ann"}, "assignees": {"nodes": [{"login": "bob"}]}}),
        )
        .unwrap()
    };
    let lane = LaneOfRepo {
        on_track: false,
        lane: Lane::P0,
        repo: repo.clone(),
        total: 28,
        issues: (1..=28).map(issue).collect(),
        goes_on: false,
    };
    let tasks: Vec<String> =
        (1..=12).map(|n| format!("- [ ] Task {n}: finish part {n} and tell the support team")).collect();
    let plan = WeeklyPlan {
        path: "docs/planning/WEEKLY_PLAN.md".into(),
        text: format!("# Week 47\n\nPriority venture: alpha\n\n{}", tasks.join("\n")),
        cut: false,
        author: Some("Ann".to_owned()),
        git_failed: false,
        changed_at: "2026-11-19T08:00:00.000Z".parse().unwrap(),
        priority: Some("alpha".parse().unwrap()),
    };
    DayExtras {
        p0: Ok(Queue { repos: vec![repo], lanes: vec![lane], ..Queue::default() }),
        plan: Ok(Ok(plan)),
        unsent: Vec::new(),
        own: Ok(None),
    }
}

/// An outbox with a refused write, a write that waits for a person, and writes under another key.
pub(crate) fn troubled_outbox() -> Waiting {
    let (time, agent) = ("2026-11-21T07:00:00.000Z".parse().unwrap(), Some("mac1-claude-1".to_owned()));
    let path = PathBuf::from("/home/ann/.local/share/deckwatch/outbox/00c0ffee00c0ffee00c0ffee00c0ffee");
    let old = "2026-11-19T08:00:00.000Z".parse().unwrap();
    Waiting {
        held: vec![Held { what: "handoff", agent: agent.clone(), queued_at: old }],
        parked: vec![Parked {
            what: "note",
            agent: agent.clone(),
            queued_at: time,
            cause: "the Context API refused (venture_not_registered): The venture beta is not registered.".to_owned(),
            again_at: NOW.parse().unwrap(),
        }],
        set_aside: vec![SetAside {
            what: "handoff",
            agent,
            reason: "session_not_found".to_owned(),
            path: path.join("set-aside/000000000002-0.json"),
        }],
        other_queues: vec![OtherQueue {
            path: path.with_file_name("7d3cac274ec90aa20252075cec7f179d"),
            entries: 2,
            endpoint: Some("https://context.example.com/".to_owned()),
            actor: Some("23e0bf16a8233d47".to_owned()),
            is_same_api: true,
        }],
        path,
        ..Waiting::default()
    }
}

/// A queued handoff.
pub(crate) fn unsent() -> UnsentHandoff {
    UnsentHandoff {
        queued_at: "2026-11-21T07:30:00.000Z".parse().unwrap(),
        from_agent: "mac1-claude-1".parse().unwrap(),
        repo: REPO.parse().unwrap(),
        venture: Some("alpha".parse().unwrap()),
        track: None,
        issue_number: Some(87.try_into().unwrap()),
        to_agent: None,
        status: deckwatch_protocol::HandoffStatus::InProgress,
        summary: "The reset of a password works now.".parse().unwrap(),
        payload: serde_json::from_value(json!({"next_steps": ["Send the mail with the link"]})).unwrap(),
    }
}
