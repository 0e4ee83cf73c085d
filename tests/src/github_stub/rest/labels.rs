//! Labels of repositories and of issues, with GitHub's limits.

use serde_json::Value;

use super::{Call, issues};
use crate::github_stub::access::AnyOf;
use crate::github_stub::answer::{Answer, Handled};
use crate::github_stub::shapes;
use crate::github_stub::token::Level;
use crate::github_stub::world::{LABEL_CHARS, Label};

/// The most labels of an issue.
const MOST: usize = 100;

pub(super) const READ: AnyOf = &[("issues", Level::Read), ("pull_requests", Level::Read)];
pub(super) const WRITE: AnyOf = &[("issues", Level::Write), ("pull_requests", Level::Write)];

/// The names in a body: a list of names or of objects with names.
pub(super) fn names(list: &Value) -> Option<Vec<String>> {
    let name = |label: &Value| label.as_str().or_else(|| label["name"].as_str()).map(str::to_owned);
    list.as_array()?.iter().map(name).collect()
}

/// Checks the names of labels.
pub(super) fn check(names: &[String]) -> Result<(), Answer> {
    if names.iter().any(|name| name.trim().is_empty()) {
        return Err(Answer::invalid("Label", "name", "missing_field", None));
    }
    if names.iter().any(|name| name.chars().count() > LABEL_CHARS) {
        let message = "name is too long (maximum is 50 characters)";
        return Err(Answer::invalid("Label", "name", "custom", Some(message)));
    }
    Ok(())
}

pub(super) fn list(call: &Call, owner: &str, name: &str) -> Handled {
    let repo = call.repo(owner, name, READ)?;
    let all: Vec<Value> = repo.labels.iter().map(|label| shapes::label(&call.base, repo, label)).collect();
    Ok(call.list(all))
}

pub(super) fn get(call: &Call, owner: &str, name: &str, label: &str) -> Handled {
    let repo = call.repo(owner, name, READ)?;
    let found = repo.find_label(label).ok_or_else(Answer::not_found)?;
    Ok(Answer::ok(shapes::label(&call.base, repo, found)))
}

pub(super) fn create(call: &mut Call, owner: &str, name: &str) -> Handled {
    let repo = call.repo(owner, name, WRITE)?;
    let label = call.body["name"].as_str().unwrap_or_default().to_owned();
    check(std::slice::from_ref(&label))?;
    if repo.find_label(&label).is_some() {
        return Err(Answer::invalid("Label", "name", "already_exists", None));
    }
    let color = call.body["color"].as_str().unwrap_or("ededed").to_owned();
    if color.len() != 6 || !color.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Answer::invalid("Label", "color", "invalid", None));
    }
    let description = call.body["description"].as_str().map(str::to_owned);
    let repo_id = repo.id;
    let id = call.world.next_id();
    call.world.repo_by_id_mut(repo_id).labels.push(Label { id, name: label.clone(), color, description });
    let repo = call.repo(owner, name, READ)?;
    let created = repo.find_label(&label).ok_or_else(Answer::not_found)?;
    Ok(Answer::created(shapes::label(&call.base, repo, created)))
}

pub(super) fn of_issue(call: &Call, owner: &str, name: &str, number: &str) -> Handled {
    let repo = call.repo(owner, name, READ)?;
    Ok(call.list(shapes::labels(&call.base, repo, issues::find(repo, number)?)))
}

pub(super) fn add(call: &mut Call, owner: &str, name: &str, number: &str) -> Handled {
    let repo = call.repo(owner, name, WRITE)?;
    let issue = issues::find(repo, number)?;
    let (id, wanted, mut all) = (repo.id, issue.number, issue.labels.clone());
    all.extend(given(call)?);
    replace(call, id, wanted, &all)?;
    of_issue_without_pages(call, owner, name, number)
}

pub(super) fn set(call: &mut Call, owner: &str, name: &str, number: &str) -> Handled {
    let repo = call.repo(owner, name, WRITE)?;
    let (id, wanted) = (repo.id, issues::find(repo, number)?.number);
    let all = given(call)?;
    replace(call, id, wanted, &all)?;
    of_issue_without_pages(call, owner, name, number)
}

pub(super) fn clear(call: &mut Call, owner: &str, name: &str, number: &str) -> Handled {
    let repo = call.repo(owner, name, WRITE)?;
    let (id, wanted) = (repo.id, issues::find(repo, number)?.number);
    replace(call, id, wanted, &[])?;
    Ok(Answer::no_content())
}

pub(super) fn remove(call: &mut Call, owner: &str, name: &str, number: &str, label: &str) -> Handled {
    let repo = call.repo(owner, name, WRITE)?;
    let issue = issues::find(repo, number)?;
    if !issue.has_label(label) {
        return Err(Answer::error(404, "Label does not exist"));
    }
    let left: Vec<String> = issue.labels.iter().filter(|held| !held.eq_ignore_ascii_case(label)).cloned().collect();
    let (id, wanted) = (repo.id, issue.number);
    replace(call, id, wanted, &left)?;
    of_issue_without_pages(call, owner, name, number)
}

/// The labels in the body: an object with `labels`, or the list itself.
fn given(call: &Call) -> Result<Vec<String>, Answer> {
    let list = if call.body.is_array() { &call.body } else { &call.body["labels"] };
    names(list).ok_or_else(|| Answer::invalid("Label", "labels", "missing_field", None))
}

/// Gives an issue these labels. A label that the repository does not have is created.
pub(super) fn replace(call: &mut Call, repo: u64, number: u64, names: &[String]) -> Result<(), Answer> {
    check(names)?;
    let ids: Vec<u64> = names.iter().map(|_| call.world.next_id()).collect();
    let now = call.world.now();
    let repo = call.world.repo_by_id_mut(repo);
    let mut all: Vec<String> = Vec::new();
    for (name, id) in names.iter().zip(ids) {
        if !all.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            all.push(repo.ensure_label(name, id));
        }
    }
    if all.len() > MOST {
        return Err(Answer::invalid("Issue", "labels", "custom", Some("an issue can have at most 100 labels")));
    }
    let issue = repo.issue(number);
    if issue.labels != all {
        (issue.labels, issue.updated_at) = (all, now);
    }
    Ok(())
}

fn of_issue_without_pages(call: &Call, owner: &str, name: &str, number: &str) -> Handled {
    let repo = call.repo(owner, name, WRITE)?;
    Ok(Answer::ok(Value::Array(shapes::labels(&call.base, repo, issues::find(repo, number)?))))
}
