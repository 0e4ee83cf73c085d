//! Sample records for the tests of reports, decoded from JSON.

use deckwatch_protocol::DayStarted;

use crate::github::{Lane, LaneOfRepo, Queue};
use crate::plan::WeeklyPlan;
use crate::render::sod::DayExtras;
use serde_json::{Value, json};

/// The time of the samples.
pub(crate) const NOW: &str = "2026-11-21T08:00:00.000Z";

/// An id with this prefix and `n` at its end.
pub(crate) fn id(prefix: &str, n: usize) -> String {
    format!("{prefix}01JD{n:022}")
}

/// A start of day without any records.
pub(crate) fn empty_day() -> Value {
    let empty_list = json!({"total": 0, "shown": 0, "items": []});
    json!({
        "outcome": "created",
        "session": {
            "id": id("sess_", 1), "agent": "mac1-claude-1", "client": "claude", "client_version": "2.1.329",
            "client_session_id": null, "host": "mac1", "venture": "alpha", "repo": "example-org/alpha-console",
            "track": 0, "issue_number": 87, "branch": "dev/mac1/fix", "commit_sha": "0123456789abcdef",
            "status": "active", "created_at": NOW, "last_heartbeat_at": NOW, "ended_at": null, "end_reason": null,
            "final_handoff_id": null, "actor_key_id": "0123456789abcdef", "creation_correlation_id": "corr_x", "meta": {}
        },
        "next_heartbeat_at": "2026-11-21T08:10:00.000Z", "heartbeat_interval_seconds": 600,
        "venture": {"code": "alpha", "name": "Alpha", "github_org": null, "repos": [], "capabilities": [],
            "created_at": NOW, "updated_at": NOW},
        "last_handoff": null, "active_sessions": empty_list, "executive_summaries": empty_list, "doc_index": empty_list,
        "doc_audit": {"missing": [], "stale": []}, "correlation_id": "corr_x"
    })
}

/// A handoff in which every text is `text`, with `items` entries in each list.
pub(crate) fn handoff(text: &str, items: usize) -> Value {
    let list = vec![text; items];
    json!({
        "id": id("ho_", 1), "session_id": id("sess_", 2), "venture": "alpha", "repo": "example-org/alpha-console",
        "track": 0, "issue_number": 87, "from_agent": "mac2-codex-1", "to_agent": null, "status": "in_progress",
        "summary": text,
        "payload": {"accomplished": list, "in_progress": list, "blocked": list, "next_steps": list, "links": list,
            "extra": {"note": text}},
        "payload_hash": "00", "payload_size_bytes": 2, "schema_version": 1, "created_at": "2026-11-21T05:00:00.000Z",
        "actor_key_id": "0123456789abcdef", "creation_correlation_id": "corr_y"
    })
}

/// The session of another agent.
pub(crate) fn active(n: usize, branch: &str) -> Value {
    json!({
        "id": id("sess_", n), "agent": format!("mac2-codex-{n}"), "client": "codex", "host": "mac2",
        "repo": "example-org/alpha-console", "track": null, "issue_number": n, "branch": branch,
        "created_at": NOW, "last_heartbeat_at": "2026-11-21T07:56:00.000Z"
    })
}

/// A start of day in which every stored text is `text`, with the maximum number of records.
pub(crate) fn full_day(text: &str) -> Value {
    let one_line: String = text.chars().filter(|c| !c.is_control()).take(255).collect();
    let branch = if one_line.is_empty() { "main" } else { &one_line };
    let note = |n| {
        json!({"id": id("note_", n), "title": text, "content": text, "truncated": true, "venture": null,
        "actor_key_id": text, "updated_at": NOW})
    };
    let doc = |_| {
        json!({"scope": text, "name": text, "title": text, "doc_type": text, "version": 3,
        "content_hash": text, "size_bytes": 12_000, "updated_at": NOW})
    };
    let audited = |n| {
        json!({"requirement_id": id("req_", n), "scope": text, "name": text, "required": true, "auto_generate": true,
        "sources": [], "confirmed_at": NOW, "staleness_days": 90})
    };
    let list = |items: Vec<Value>, total: usize| json!({"total": total, "shown": items.len(), "items": items});
    let mut day = empty_day();
    day["last_handoff"] = handoff(text, 50);
    day["handoffs_to_you"] = list(vec![handoff(text, 50); 5], 9);
    day["active_sessions"] = list((2..102).map(|n| active(n, branch)).collect(), 137);
    day["active_sessions"]["total_is_minimum"] = json!(true);
    day["executive_summaries"] = list((1..20).map(note).collect(), 19);
    let name = |n| json!({"id": id("note_", n), "title": text, "venture": null, "updated_at": NOW});
    day["executive_summaries"]["total"] = json!(60);
    day["executive_summaries"]["left_out"] = (20..40).map(name).collect();
    day["doc_index"] = list((1..61).map(doc).collect(), 300);
    day["doc_audit"] = json!({"missing": (1..60).map(audited).collect::<Vec<_>>(),
        "stale": (1..60).map(audited).collect::<Vec<_>>(), "optional": (1..60).map(audited).collect::<Vec<_>>()});
    day
}

/// Decodes a start of day.
pub(crate) fn day(json: Value) -> DayStarted {
    serde_json::from_value(json).unwrap()
}

/// The extras of a day when no part could be loaded.
pub(crate) fn no_extras() -> DayExtras {
    DayExtras {
        p0: Err("there is no token".to_owned()),
        plan: Err("it took too long".to_owned()),
        unsent: Vec::new(),
        own: Ok(None),
    }
}

/// P0 issues and a weekly plan in which every text is `text`.
pub(crate) fn extras(text: &str) -> DayExtras {
    let repo: deckwatch_protocol::RepoName = "example-org/alpha-console".parse().unwrap();
    let issue = json!({"number": 7, "title": text, "updatedAt": NOW, "author": {"login": text},
        "assignees": {"nodes": [{"login": text}, {"login": text}]}});
    let issues = (0..10).map(|_| serde_json::from_value(issue.clone()).unwrap()).collect();
    let lane = LaneOfRepo { lane: Lane::P0, on_track: false, repo: repo.clone(), total: 23, issues, goes_on: false };
    let plan = WeeklyPlan {
        path: "docs/planning/WEEKLY_PLAN.md".into(),
        text: text.to_owned(),
        cut: true,
        author: Some(text.to_owned()),
        git_failed: false,
        changed_at: "2026-11-01T08:00:00.000Z".parse().unwrap(),
        priority: None,
    };
    let p0 = Ok(Queue { repos: vec![repo], lanes: vec![lane], ..Queue::default() });
    DayExtras { p0, plan: Ok(Ok(plan)), unsent: Vec::new(), own: Ok(None) }
}
