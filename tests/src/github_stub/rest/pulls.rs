//! Pull requests.

use serde_json::Value;

use super::{Call, number};
use crate::github_stub::access::AnyOf;
use crate::github_stub::answer::{Answer, Handled};
use crate::github_stub::shapes;
use crate::github_stub::token::Level;

const READ: AnyOf = &[("pull_requests", Level::Read)];

pub(super) fn list(call: &Call, owner: &str, name: &str) -> Handled {
    let repo = call.repo(owner, name, READ)?;
    let state = call.query.get("state").map_or("open", String::as_str);
    let mut found: Vec<_> = repo.issues.iter().filter_map(|issue| Some((issue, issue.pull.as_ref()?))).collect();
    found.retain(|(issue, _)| state == "all" || issue.open == (state == "open"));
    if call.query.get("sort").is_some_and(|sort| sort == "updated") {
        found.sort_by_key(|(issue, _)| issue.updated_at);
    }
    // Newest first by default, but oldest first for another order than the time of creation.
    let descends = call.query.get("direction").map_or(!call.query.contains_key("sort"), |text| text == "desc");
    if descends {
        found.reverse();
    }
    let shape = |(issue, pull)| shapes::pull(call.world, &call.base, repo, issue, pull);
    let all: Vec<Value> = found.into_iter().map(shape).collect();
    Ok(call.list(all))
}

/// Only the refusals: a test adds a pull request with `World::add_pull`.
pub(super) fn create(call: &Call, owner: &str, name: &str) -> Handled {
    call.repo(owner, name, &[("pull_requests", Level::Write)])?;
    Err(Answer::invalid("PullRequest", "base", "missing_field", None))
}

pub(super) fn get(call: &Call, owner: &str, name: &str, pull: &str) -> Handled {
    let (repo, pull) = (call.repo(owner, name, READ)?, number(pull)?);
    let issue = repo.issues.iter().find(|issue| issue.number == pull).ok_or_else(Answer::not_found)?;
    let pull = issue.pull.as_ref().ok_or_else(Answer::not_found)?;
    Ok(Answer::ok(shapes::pull(call.world, &call.base, repo, issue, pull)))
}

pub(super) fn files(call: &Call, owner: &str, name: &str, pull: &str) -> Handled {
    let (repo, pull) = (call.repo(owner, name, READ)?, number(pull)?);
    let issue = repo.issues.iter().find(|issue| issue.number == pull).ok_or_else(Answer::not_found)?;
    let pull = issue.pull.as_ref().ok_or_else(Answer::not_found)?;
    Ok(call.list(shapes::files(&call.base, repo, pull)))
}
