//! Pull requests and their files.

use serde_json::{Value, json};

use super::{WEB, account, extend, labels, node_id, repository, time};
use crate::github_stub::world::{Issue, Pull, Repo, World};

/// The long form, which also meets the schema of lists.
pub(in crate::github_stub) fn pull(world: &World, base: &str, repo: &Repo, issue: &Issue, pull: &Pull) -> Value {
    let (name, number) = (repo.full_name(), issue.number);
    let url = format!("{base}/repos/{name}/pulls/{number}");
    let of_issue = format!("{base}/repos/{name}/issues/{number}");
    let web = format!("{WEB}/{name}/pull/{number}");
    let people = |logins: &[String]| -> Vec<Value> { logins.iter().map(|login| account(world, base, login)).collect() };
    let (assignees, reviewers) = (people(&issue.assignees), people(&pull.reviewers));
    let author = issue.author.as_deref().unwrap_or("ghost");
    let side = |branch: &str, sha: &str| {
        json!({
            "label": format!("{}:{branch}", repo.owner), "ref": branch, "sha": sha, "repo": repository(world, base, repo),
            "user": account(world, base, &repo.owner),
        })
    };
    let links = [
        ("self", url.clone()),
        ("html", web.clone()),
        ("issue", of_issue.clone()),
        ("comments", format!("{of_issue}/comments")),
        ("review_comments", format!("{url}/comments")),
        ("review_comment", format!("{base}/repos/{name}/pulls/comments{{/number}}")),
        ("commits", format!("{url}/commits")),
        ("statuses", format!("{base}/repos/{name}/statuses/{}", pull.head_sha)),
    ];
    let mut json = json!({
        "url": url, "id": issue.id + 1_000_000, "node_id": node_id("PR", issue.id), "html_url": web,
        "diff_url": format!("{web}.diff"), "patch_url": format!("{web}.patch"), "issue_url": of_issue, "number": number,
        "state": if issue.open { "open" } else { "closed" }, "locked": false, "title": issue.title,
        "user": account(world, base, author), "body": issue.body, "labels": labels(base, repo, issue), "milestone": null,
    });
    let more = json!({
        "created_at": time(issue.created_at), "updated_at": time(issue.updated_at), "closed_at": issue.closed_at.map(time),
        "merged_at": pull.merged_at.map(time), "merge_commit_sha": pull.merged_at.map(|_| &pull.head_sha),
        "assignee": assignees.first(), "assignees": assignees, "requested_reviewers": reviewers, "requested_teams": [],
        "head": side(&pull.head, &pull.head_sha), "base": side(&pull.base, &"0".repeat(40)),
        "author_association": "NONE", "auto_merge": null, "active_lock_reason": null, "draft": pull.draft,
        "merged": pull.merged_at.is_some(), "mergeable": null, "rebaseable": null, "mergeable_state": "unknown",
        "merged_by": pull.merged_at.map(|_| account(world, base, author)), "comments": 0, "review_comments": 0,
        "maintainer_can_modify": false, "commits": 1, "additions": 1, "deletions": 0, "changed_files": pull.files.len(),
    });
    extend(&mut json, more);
    for (name, address) in &links[3..] {
        json[format!("{name}_url")] = json!(address);
    }
    json["_links"] = links.iter().map(|(name, address)| ((*name).to_owned(), json!({ "href": address }))).collect();
    json
}

/// The changed files of a pull request.
pub(in crate::github_stub) fn files(base: &str, repo: &Repo, pull: &Pull) -> Vec<Value> {
    let name = repo.full_name();
    let file = |(path, status): &(String, &'static str)| {
        let at = format!("{name}/blob/{}/{path}", pull.head_sha);
        json!({
            "sha": pull.head_sha, "filename": path, "status": status, "additions": 1, "deletions": 0, "changes": 1,
            "blob_url": format!("{WEB}/{at}"), "raw_url": format!("{WEB}/{name}/raw/{}/{path}", pull.head_sha),
            "contents_url": format!("{base}/repos/{name}/contents/{path}?ref={}", pull.head_sha),
        })
    };
    pull.files.iter().map(file).collect()
}
