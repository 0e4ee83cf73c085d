//! A decision about an issue: the status it moves to, its labels and its grade, with the reasons.

use serde_json::Value;

use super::event::EventFacts;
use super::item::{Item, Pull};
use super::labels::{Family, ItemState, furthest, has_status};
use super::rules::Kind;
use super::status::Status;

/// The status that an event asks for, and why.
pub(super) struct Move {
    pub(super) status: Status,
    pub(super) because: String,
}

/// The status that the event asks for, whatever the status is now; `None` if the event moves no status. What GitHub says
/// about the issue now counts, and not what the event said.
pub(super) fn asked_status(facts: &EventFacts, item: &Item, pull: Option<&Pull>) -> Option<Move> {
    let to = |status, because: &str| Some(Move { status, because: because.to_owned() });
    let is_open = item.is_open();
    if let Some(closed_by) = &facts.closed_by {
        let status = Status::of_name(&closed_by.status)?;
        let (number, verified) = (closed_by.number, Status::Verified);
        return Some(match status {
            Status::Verified if !is_open => {
                Move { status: Status::Done, because: format!("pull request {number} was merged and closed it") }
            }
            Status::Verified => Move { status: verified, because: format!("pull request {number} was merged") },
            status => Move { status, because: format!("pull request {number} has this status") },
        });
    }
    match (facts.kind, facts.action(), pull) {
        (Kind::Issue, "opened" | "reopened", _) if is_open => to(Status::Triage, "it is open and new"),
        (Kind::Issue, "closed", _) if !is_open && !item.is_not_planned() => to(Status::Done, "it was closed"),
        (Kind::PullRequest, "opened" | "reopened" | "ready_for_review" | "review_requested", Some(pull)) if is_open => {
            if pull.waits_for_review() || facts.action() == "review_requested" {
                to(Status::Qa, "a review is requested")
            } else {
                to(Status::InProgress, "the pull request is open")
            }
        }
        (Kind::PullRequest, "closed", Some(pull)) if pull.is_merged() => to(Status::Done, "it was merged"),
        _ => None,
    }
}

/// The status that follows from the one that the event asks for: only forward, and never against a person. The error says
/// why the status stays.
pub(super) fn forward(asked: Move, facts: &EventFacts, labels: &[String], state: &ItemState) -> Result<Move, String> {
    let Move { status, because } = asked;
    let stays = |why: &str| Err(format!("the status does not move to {}, because {why}", status.name()));
    if state.status_by_person_at.is_some_and(|changed| facts.at.is_some_and(|at| at <= changed)) {
        return stays("a person has changed it since");
    }
    let current = furthest(labels);
    // Who opens a closed issue again moves it back.
    let is_reopened = facts.action() == "reopened" && state.own.iter().any(|own| *own == Status::Done.label());
    if is_reopened && current == Some(Status::Done) {
        return Ok(Move { status, because: format!("{because} again") });
    }
    if status == Status::Triage && has_status(labels) {
        return stays("it has a status");
    }
    match current {
        Some(current) if current >= status => stays(&format!("it is {} already", current.name())),
        _ => Ok(Move { status, because }),
    }
}

/// The grade that a person has set; the highest, if there are several.
pub(super) fn grade_by_person(labels: &[String], state: &ItemState) -> Option<u32> {
    let theirs = labels.iter().filter(|label| Family::of(label) == Some(Family::Grade) && !state.own.contains(label));
    theirs.filter_map(|label| label.strip_prefix("qa:")?.parse().ok()).filter(|grade| *grade <= 4).max()
}

/// Whether a decision says what the last one said, and changes nothing.
pub(super) fn is_repeated(new: &Value, last: &Value) -> bool {
    let is_empty = |list: &str| new.get(list).and_then(Value::as_array).is_some_and(Vec::is_empty);
    let is_same = |field: &&str| new.get(field) == last.get(field);
    let fields = ["grade", "grade_by", "status", "outcome", "labels_kept"];
    is_empty("labels_added") && is_empty("labels_removed") && fields.iter().all(is_same)
}

/// The grade that a model gave to the issue before, unless the rules or a person have decided since.
pub(super) fn grade_by_model(last: &Value) -> Option<u32> {
    last.get("grade_by").filter(|by| by.as_str() == Some("model"))?;
    last.get("grade")?.as_u64()?.try_into().ok()
}
