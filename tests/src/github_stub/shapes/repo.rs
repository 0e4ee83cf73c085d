//! Repositories.

use serde_json::{Value, json};

use super::{WEB, account, extend, node_id, time};
use crate::github_stub::world::{Repo, World};

/// The addresses of the parts of a repository: field, end of the address.
const ADDRESSES: [(&str, &str); 36] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

/// The form that lists, pull requests and webhooks have.
pub(in crate::github_stub) fn repository(world: &World, base: &str, repo: &Repo) -> Value {
    let name = repo.full_name();
    let url = format!("{base}/repos/{name}");
    let web = format!("{WEB}/{name}");
    let open = repo.issues.iter().filter(|issue| issue.open).count();
    let updated = time(repo.updated_at);
    let mut json = json!({
        "id": repo.id, "node_id": node_id("R", repo.id), "name": repo.name, "full_name": name, "private": repo.private,
        "owner": account(world, base, &repo.owner), "html_url": web, "url": url, "description": null,
        "fork": repo.fork_of.is_some(), "homepage": null, "language": null, "mirror_url": null, "license": null,
        "git_url": format!("git://github.com/{name}.git"), "ssh_url": format!("git@github.com:{name}.git"),
        "clone_url": format!("{web}.git"), "svn_url": web, "default_branch": "main", "topics": [],
        "visibility": if repo.private { "private" } else { "public" }, "custom_properties": {},
    });
    let more = json!({
        "has_issues": repo.has_issues, "has_projects": false, "has_wiki": false, "has_pages": false,
        "has_downloads": true, "has_discussions": false, "archived": repo.archived, "disabled": false,
        "is_template": false, "allow_forking": true, "web_commit_signoff_required": false,
        "open_issues_count": open, "open_issues": open, "created_at": time(repo.created_at), "updated_at": updated, "pushed_at": updated,
    });
    extend(&mut json, more);
    for name in ["size", "forks", "forks_count", "stargazers_count", "watchers", "watchers_count"] {
        json[name] = json!(0);
    }
    for (field, end) in ADDRESSES {
        json[field] = json!(format!("{url}{end}"));
    }
    json
}

/// The form of `GET /repos/{owner}/{repo}`.
pub(in crate::github_stub) fn full_repository(world: &World, base: &str, repo: &Repo) -> Value {
    let mut json = repository(world, base, repo);
    json["subscribers_count"] = json!(0);
    json["network_count"] = json!(0);
    if let Some(original) = repo.fork_of.and_then(|id| world.repo_by_id(id)) {
        json["parent"] = repository(world, base, original);
        json["source"] = repository(world, base, original);
    }
    json
}
