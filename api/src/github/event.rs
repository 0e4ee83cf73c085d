//! What the classifier takes from a payload of GitHub. The text of the issue is not part of it: the work reads the current
//! text from GitHub, so that no text of others waits in the database.

use deckwatch_protocol::{IssueNumber, RepoName, Timestamp, cut};
use serde_json::{Value, json};

use super::change;
use super::labels::Family;
use super::rules::Kind;
use crate::store::github_event::Change;

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
    /// What others should know of.
    pub(crate) change: Option<Change>,
    /// Whether work follows. A check only appends its events.
    pub(crate) has_work: bool,
}

/// What the work needs of an event.
#[derive(Debug, Clone)]
pub(crate) struct EventFacts {
    /// The event and its action, such as `issues.opened`.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The label that was added or removed, in lower case.
    pub(super) label: Option<String>,
    /// Who caused the event, and whether GitHub knows this account as a person.
    pub(super) sender: String,
    pub(super) is_person: bool,
    pub(super) installation: Option<u64>,
    /// When it happened.
    pub(super) at: Option<Timestamp>,
    /// For an issue that a pull request closes: the number of the pull request, and the status that the issue moves to.
    pub(super) closed_by: Option<ClosedBy>,
}

/// The pull request that an issue follows.
#[derive(Debug, Clone)]
pub(super) struct ClosedBy {
    pub(super) number: u32,
    pub(super) status: String,
}

impl EventFacts {
    /// The facts as text, for the database.
    pub(crate) fn to_json(&self) -> String {
        let closed_by = self.closed_by.as_ref().map(|by| json!([by.number, by.status]));
        json!({
            "name": self.name, "is_pull": self.kind == Kind::PullRequest, "label": self.label, "sender": self.sender,
            "is_person": self.is_person, "installation": self.installation, "at": self.at.map(|at| at.to_string()),
            "closed_by": closed_by,
        })
        .to_string()
    }

    /// The facts of such a text; `None` if it is not one.
    pub(super) fn of_json(text: &str) -> Option<Self> {
        let facts: Value = serde_json::from_str(text).ok()?;
        let text = |name: &str| facts.get(name).and_then(Value::as_str).map(str::to_owned);
        let flag = |name: &str| facts.get(name).and_then(Value::as_bool);
        let closed_by = facts.get("closed_by").and_then(Value::as_array).and_then(|by| {
            let [number, status] = by.as_slice() else { return None };
            Some(ClosedBy { number: number.as_u64()?.try_into().ok()?, status: status.as_str()?.to_owned() })
        });
        Some(Self {
            name: text("name")?,
            kind: if flag("is_pull")? { Kind::PullRequest } else { Kind::Issue },
            label: text("label"),
            sender: text("sender")?,
            is_person: flag("is_person")?,
            installation: facts.get("installation").and_then(Value::as_u64),
            at: text("at").and_then(|at| at.parse().ok()),
            closed_by,
        })
    }

    /// The action, such as `opened`.
    pub(super) fn action(&self) -> &str {
        self.name.split_once('.').map_or("", |(_, action)| action)
    }
}

/// Reads the event `name` with this payload. `Ok(Err)` says why the classifier ignores it, `Err` why the payload is not
/// valid.
pub(crate) fn read(name: &str, payload: &[u8]) -> Result<Result<Event, &'static str>, String> {
    let (kind, actions): (_, &[&str]) = match name {
        "issues" => (Kind::Issue, &ISSUE_ACTIONS),
        "pull_request" => (Kind::PullRequest, &PULL_ACTIONS),
        "check_suite" => return read_check(payload),
        _ => return Ok(Err("the classifier does not use this event")),
    };
    let payload = parsed(payload)?;
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str);
    let Some(action) = text("/action").filter(|action| actions.contains(action)) else {
        return Ok(Err("the classifier does not use this action"));
    };
    let item = match kind {
        Kind::Issue => "issue",
        Kind::PullRequest => "pull_request",
    };
    let repo = repository(&payload)?;
    let number = payload.pointer(&format!("/{item}/number")).and_then(Value::as_u64);
    let number = number.ok_or_else(|| format!("{item}.number is missing"))?;
    let sender = text("/sender/login").ok_or("sender.login is missing")?;
    let number = IssueNumber::try_from(number).map_err(|_| format!("{item}.number is not valid"))?.get();
    if payload.pointer("/repository/archived") == Some(&Value::Bool(true)) {
        return Ok(Err("the repository is archived, so its labels can't change"));
    }
    let label = text("/label/name").filter(|_| action.ends_with("labeled"));
    let label = label.map(|label| cut::to_chars(&label.to_lowercase(), 100).to_owned());
    let is_person = text("/sender/type") != Some("Bot");
    if !is_person && label.as_deref().is_some_and(|label| Family::of(label).is_some()) {
        // Each label that the classifier writes comes back as a delivery.
        return Ok(Err("a program has changed a label of the classifier"));
    }
    let facts = EventFacts {
        name: format!("{name}.{action}"),
        kind,
        label,
        sender: cut::to_chars(sender, 100).to_owned(),
        is_person,
        installation: payload.pointer("/installation/id").and_then(Value::as_u64),
        at: text(&format!("/{item}/updated_at")).and_then(|at| at.parse().ok()),
        closed_by: None,
    };
    let change = change::of_item(repo.as_str(), number, action, &payload);
    Ok(Ok(Event { repo: repo.to_string(), number, facts, change, has_work: true }))
}

/// Reads a `check_suite` event. A check has no labels, so no work follows.
fn read_check(payload: &[u8]) -> Result<Result<Event, &'static str>, String> {
    let payload = parsed(payload)?;
    let repo = repository(&payload)?;
    let change = match change::of_check(repo.as_str(), &payload) {
        Ok(change) => change,
        Err(because) => return Ok(Err(because)),
    };
    let facts = EventFacts {
        name: "check_suite.completed".to_owned(),
        kind: Kind::PullRequest,
        label: None,
        sender: String::new(),
        is_person: false,
        installation: None,
        at: None,
        closed_by: None,
    };
    let number = change.numbers.first().copied().unwrap_or_default();
    Ok(Ok(Event { repo: repo.to_string(), number, facts, change: Some(change), has_work: false }))
}

/// One type for all JSON of GitHub keeps the Worker small.
fn parsed(payload: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(payload).map_err(|error| error.to_string())
}

fn repository(payload: &Value) -> Result<RepoName, String> {
    let full_name = payload.pointer("/repository/full_name").and_then(Value::as_str);
    let full_name = full_name.ok_or("repository.full_name is missing")?;
    let name = full_name.parse().ok().filter(|_| full_name.split('/').count() == 2);
    name.ok_or_else(|| "repository.full_name is not valid".to_owned())
}
