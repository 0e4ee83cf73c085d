//! Issues. Every pull request is an issue too, here as on GitHub.

use serde_json::Value;

use super::labels::{self, READ, WRITE};
use super::{Call, number};
use crate::github_stub::answer::{Answer, Handled};
use crate::github_stub::shapes;
use crate::github_stub::world::{Issue, Repo};

pub(super) fn list(call: &Call, owner: &str, name: &str) -> Handled {
    let repo = call.repo(owner, name, READ)?;
    if !repo.has_issues && repo.issues.iter().all(|issue| issue.pull.is_none()) {
        return Err(Answer::error(410, "Issues has been disabled in this repository."));
    }
    let option = |name: &str, default: &'static str| call.query.get(name).map_or(default, String::as_str);
    let state = option("state", "open");
    if !["open", "closed", "all"].contains(&state) {
        return Err(Answer::invalid("Issue", "state", "invalid", None));
    }
    let wanted: Vec<&str> = option("labels", "").split(',').filter(|label| !label.is_empty()).collect();
    let since = option("since", "");
    let fits = |issue: &&Issue| {
        (state == "all" || issue.open == (state == "open"))
            && wanted.iter().all(|label| issue.has_label(label))
            && (since.is_empty() || shapes::time(issue.updated_at).as_str() >= since)
    };
    let mut found: Vec<&Issue> = repo.issues.iter().filter(fits).collect();
    match option("sort", "created") {
        "created" => found.sort_by_key(|issue| (issue.created_at, issue.number)),
        "updated" => found.sort_by_key(|issue| (issue.updated_at, issue.number)),
        "comments" => {}
        _ => return Err(Answer::invalid("Issue", "sort", "invalid", None)),
    }
    if option("direction", "desc") == "desc" {
        found.reverse();
    }
    Ok(call.list_of(found, |issue| shape(call, repo, issue)))
}

fn shape(call: &Call, repo: &Repo, issue: &Issue) -> Value {
    shapes::issue(call.world, &call.base, repo, issue)
}

/// The issue of this number. GitHub answers 410 for issues of a repository without issues.
pub(super) fn find<'a>(repo: &'a Repo, text: &str) -> Result<&'a Issue, Answer> {
    let wanted = number(text)?;
    let issue = repo.issues.iter().find(|issue| issue.number == wanted).ok_or_else(Answer::not_found)?;
    if !repo.has_issues && issue.pull.is_none() {
        return Err(Answer::error(410, "Issues has been disabled in this repository."));
    }
    Ok(issue)
}

pub(super) fn get(call: &Call, owner: &str, name: &str, number: &str) -> Handled {
    let repo = call.repo(owner, name, READ)?;
    Ok(Answer::ok(shape(call, repo, find(repo, number)?)))
}

pub(super) fn create(call: &mut Call, owner: &str, name: &str) -> Handled {
    let repo = call.repo(owner, name, WRITE)?;
    if !repo.has_issues {
        return Err(Answer::error(410, "Issues has been disabled in this repository."));
    }
    let full_name = repo.full_name();
    let title = text(&call.body, "title").ok_or_else(|| Answer::invalid("Issue", "title", "missing_field", None))?;
    let names = labels::names(&call.body["labels"]).unwrap_or_default();
    labels::check(&names)?;
    let author = call.caller.login();
    let body = text(&call.body, "body");
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let issue = call.world.add_issue(&full_name, &title, &names);
    (issue.body, issue.author) = (body, author);
    let created = issue.number.to_string();
    let repo = call.repo(owner, name, READ)?;
    Ok(Answer::created(shape(call, repo, find(repo, &created)?)))
}

pub(super) fn update(call: &mut Call, owner: &str, name: &str, number: &str) -> Handled {
    let repo = call.repo(owner, name, WRITE)?;
    let (id, wanted) = (repo.id, find(repo, number)?.number);
    let state = text(&call.body, "state");
    if state.as_ref().is_some_and(|state| state != "open" && state != "closed") {
        return Err(Answer::invalid("Issue", "state", "invalid", None));
    }
    let names = labels::names(&call.body["labels"]);
    if let Some(names) = &names {
        labels::replace(call, id, wanted, names)?;
    }
    let (now, body) = (call.world.now(), call.body.clone());
    let issue = call.world.repo_by_id_mut(id).issue(wanted);
    issue.title = text(&body, "title").unwrap_or_else(|| issue.title.clone());
    issue.body = text(&body, "body").or_else(|| issue.body.clone());
    if let Some(state) = state {
        issue.open = state == "open";
        issue.closed_at = (!issue.open).then_some(now);
        issue.state_reason = Some(
            text(&body, "state_reason").unwrap_or_else(|| if issue.open { "reopened" } else { "completed" }.to_owned()),
        );
    }
    issue.updated_at = now;
    get(call, owner, name, number)
}

fn text(body: &Value, name: &str) -> Option<String> {
    body[name].as_str().map(str::to_owned)
}
