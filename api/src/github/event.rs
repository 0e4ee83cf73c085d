//! What the classifier takes from a payload of GitHub. The text of the issue is not part of it: the work reads the current
//! text from GitHub, so that no text of others waits in the database.

use deckwatch_protocol::{IssueNumber, RepoName, Timestamp, cut};
use serde::{Deserialize, Serialize};

use super::labels::Family;
use super::rules::Kind;

/// The actions that can change a decision.
const ISSUE_ACTIONS: [&str; 6] = ["opened", "edited", "labeled", "unlabeled", "reopened", "closed"];
const PULL_ACTIONS: [&str; 9] = [
    "opened",
    "edited",
    "labeled",
    "unlabeled",
    "reopened",
    "closed",
    "synchronize",
    "ready_for_review",
    "review_requested",
];

/// An event about an issue or a pull request.
pub(crate) struct Event {
    pub(crate) repo: String,
    pub(crate) number: u32,
    pub(crate) facts: EventFacts,
}

/// What the work needs of an event.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EventFacts {
    /// The event and its action, such as `issues.opened`.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The label that was added or removed, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    /// Who caused the event, and whether GitHub knows this account as a person.
    pub(super) sender: String,
    pub(super) is_person: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) installation: Option<u64>,
    /// When it happened.
    pub(super) at: Option<Timestamp>,
    /// For an issue that a pull request closes: the number of the pull request, and the status that the issue moves to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) closed_by: Option<ClosedBy>,
}

/// The pull request that an issue follows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ClosedBy {
    pub(super) number: u32,
    pub(super) status: String,
}

impl EventFacts {
    /// The facts as text, for the database.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The action, such as `opened`.
    pub(super) fn action(&self) -> &str {
        self.name.split_once('.').map_or("", |(_, action)| action)
    }
}

#[derive(Deserialize)]
struct Payload {
    action: Option<String>,
    repository: Option<Repository>,
    issue: Option<Item>,
    pull_request: Option<Item>,
    label: Option<Label>,
    sender: Option<Sender>,
    installation: Option<Installation>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
    #[serde(default)]
    archived: bool,
}

#[derive(Deserialize)]
struct Item {
    number: u64,
    updated_at: Option<String>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
struct Sender {
    login: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

/// Reads the event `name` with this payload. `Ok(Err)` says why the classifier ignores it, `Err` why the payload is not
/// valid.
pub(crate) fn read(name: &str, payload: &[u8]) -> Result<Result<Event, &'static str>, String> {
    let (kind, actions): (_, &[&str]) = match name {
        "issues" => (Kind::Issue, &ISSUE_ACTIONS),
        "pull_request" => (Kind::PullRequest, &PULL_ACTIONS),
        _ => return Ok(Err("the classifier does not use this event")),
    };
    let payload: Payload = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    let Some(action) = payload.action.filter(|action| actions.contains(&action.as_str())) else {
        return Ok(Err("the classifier does not use this action"));
    };
    let repository = payload.repository.ok_or("repository is missing")?;
    let item = match kind {
        Kind::Issue => payload.issue.ok_or("issue is missing")?,
        Kind::PullRequest => payload.pull_request.ok_or("pull_request is missing")?,
    };
    let sender = payload.sender.ok_or("sender is missing")?;
    let repo: RepoName = repository.full_name.parse().map_err(|_| "repository.full_name is not valid")?;
    if repo.as_ref().split('/').count() != 2 {
        return Err("repository.full_name is not valid".to_owned());
    }
    let number = IssueNumber::try_from(item.number).map_err(|_| "the number is not valid")?.get();
    if repository.archived {
        return Ok(Err("the repository is archived, so its labels can't change"));
    }
    let label = payload.label.map(|label| cut::to_chars(&label.name.to_lowercase(), 100).to_owned());
    let is_person = sender.kind.as_deref() != Some("Bot");
    let is_of_family = label.as_deref().is_some_and(|label| Family::of(label).is_some());
    if !is_person && is_of_family && action.ends_with("labeled") {
        // Each label that the classifier writes comes back as a delivery.
        return Ok(Err("a program has changed a label of the classifier"));
    }
    let facts = EventFacts {
        name: format!("{name}.{action}"),
        kind,
        label: label.filter(|_| action.ends_with("labeled")),
        sender: cut::to_chars(&sender.login, 100).to_owned(),
        is_person,
        installation: payload.installation.map(|installation| installation.id),
        at: item.updated_at.and_then(|at| at.parse().ok()),
        closed_by: None,
    };
    Ok(Ok(Event { repo: repo.to_string(), number, facts }))
}
