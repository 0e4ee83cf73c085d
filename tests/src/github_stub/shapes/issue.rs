//! Issues and labels.

use serde_json::{Value, json};

use super::{WEB, account, node_id, time};
use crate::github_stub::world::{Issue, Label, Repo, World};

pub(in crate::github_stub) fn label(base: &str, repo: &Repo, label: &Label) -> Value {
    let name: String = form_urlencoded::byte_serialize(label.name.as_bytes()).collect();
    let url = format!("{base}/repos/{}/labels/{}", repo.full_name(), name.replace('+', "%20"));
    json!({
        "id": label.id, "node_id": node_id("LA", label.id), "url": url, "name": label.name, "color": label.color,
        "default": false, "description": label.description,
    })
}

/// The labels of an issue.
pub(in crate::github_stub) fn labels(base: &str, repo: &Repo, issue: &Issue) -> Vec<Value> {
    let found = issue.labels.iter().filter_map(|name| repo.find_label(name));
    found.map(|found| label(base, repo, found)).collect()
}

pub(in crate::github_stub) fn issue(world: &World, base: &str, repo: &Repo, issue: &Issue) -> Value {
    let (name, number) = (repo.full_name(), issue.number);
    let url = format!("{base}/repos/{name}/issues/{number}");
    let page = if issue.pull.is_some() { "pull" } else { "issues" };
    let assignees: Vec<Value> = issue.assignees.iter().map(|login| account(world, base, login)).collect();
    let mut json = json!({
        "id": issue.id, "node_id": node_id("I", issue.id), "number": number, "title": issue.title, "body": issue.body,
        "url": url, "repository_url": format!("{base}/repos/{name}"), "labels_url": format!("{url}/labels{{/name}}"),
        "comments_url": format!("{url}/comments"), "events_url": format!("{url}/events"),
        "timeline_url": format!("{url}/timeline"), "html_url": format!("{WEB}/{name}/{page}/{number}"),
        "user": issue.author.as_ref().map_or(Value::Null, |login| account(world, base, login)),
        "labels": labels(base, repo, issue), "state": if issue.open { "open" } else { "closed" },
        "state_reason": issue.state_reason, "assignee": assignees.first(), "assignees": assignees, "milestone": null,
        "locked": false, "active_lock_reason": null, "comments": 0, "author_association": "NONE",
        "created_at": time(issue.created_at), "updated_at": time(issue.updated_at),
        "closed_at": issue.closed_at.map(time), "performed_via_github_app": null, "reactions": reactions(&url),
    });
    if let Some(pull) = &issue.pull {
        let web = format!("{WEB}/{name}/pull/{number}");
        json["draft"] = json!(pull.draft);
        json["pull_request"] = json!({
            "url": format!("{base}/repos/{name}/pulls/{number}"), "html_url": web, "diff_url": format!("{web}.diff"),
            "patch_url": format!("{web}.patch"), "merged_at": pull.merged_at.map(time),
        });
    }
    json
}

fn reactions(url: &str) -> Value {
    json!({
        "url": format!("{url}/reactions"), "total_count": 0, "+1": 0, "-1": 0, "laugh": 0, "hooray": 0, "confused": 0,
        "heart": 0, "rocket": 0, "eyes": 0,
    })
}
