//! Which labels are added and removed.
//!
//! The classifier removes only labels that it has set itself. A label of a person stays, whatever it says. A label that a
//! person has removed is not set again.

use serde::{Deserialize, Serialize};

use super::event::EventFacts;
use super::status::Status;
use deckwatch_protocol::Timestamp;

/// A group of labels, of which an issue has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Family {
    Grade,
    Status,
    Needs,
    Test,
}

impl Family {
    /// The family of a label in lower case.
    pub(super) fn of(label: &str) -> Option<Self> {
        let (prefix, _) = label.split_once(':')?;
        match prefix {
            "qa" => Some(Self::Grade),
            "status" => Some(Self::Status),
            "needs" => Some(Self::Needs),
            "test" => Some(Self::Test),
            _ => None,
        }
    }
}

/// What the classifier remembers about an issue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ItemState {
    /// The labels that the classifier has set.
    pub(super) own: Vec<String>,
    /// The families whose label a person has removed.
    pub(super) declined: Vec<Family>,
    /// When a person last changed the status.
    pub(super) status_by_person_at: Option<Timestamp>,
}

impl ItemState {
    /// Takes over what a person has changed.
    pub(super) fn learn(&mut self, facts: &EventFacts) {
        let Some(label) = facts.label.as_deref() else { return };
        let Some(family) = Family::of(label) else { return };
        let was_own = self.own.iter().any(|own| own == label);
        self.own.retain(|own| own != label);
        self.declined.retain(|declined| *declined != family);
        if family == Family::Status {
            self.status_by_person_at = self.status_by_person_at.max(facts.at);
        } else if facts.action() == "unlabeled" && was_own {
            self.declined.push(family);
        }
    }
}

/// What the labels should say.
pub(super) struct Wanted {
    /// The grade's label.
    pub(super) grade: String,
    pub(super) needs: Option<String>,
    pub(super) test: Option<String>,
    /// The status, if it moves.
    pub(super) status: Option<Status>,
    /// Whether a person has just set a status.
    pub(super) status_by_person: bool,
}

/// What is to be done, in this order: first the additions, so that an issue is never without a label between.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LabelPlan {
    pub(super) add: Vec<String>,
    pub(super) remove: Vec<String>,
    /// Labels of a person that the classifier would have set differently.
    pub(super) kept: Vec<String>,
}

impl LabelPlan {
    /// Compares the labels of an issue, in lower case, with what they should be.
    pub(super) fn of(current: &[String], state: &ItemState, wanted: &Wanted) -> Self {
        let mut plan = Self::default();
        plan.place(Family::Grade, Some(&wanted.grade), current, state);
        plan.place(Family::Needs, wanted.needs.as_ref(), current, state);
        plan.place(Family::Test, wanted.test.as_ref(), current, state);
        plan.move_status(current, state, wanted);
        plan
    }

    fn place(&mut self, family: Family, wanted: Option<&String>, current: &[String], state: &ItemState) {
        let (own, theirs) = of_family(family, current, state);
        if !theirs.is_empty() {
            // The label of a person wins.
            self.remove.extend(own);
            self.kept.extend(theirs.into_iter().filter(|label| Some(label) != wanted));
            return;
        }
        if let Some(wanted) = wanted.filter(|wanted| !own.contains(wanted) && !state.declined.contains(&family)) {
            self.add.push(wanted.clone());
        }
        self.remove.extend(own.into_iter().filter(|label| Some(label) != wanted));
    }

    fn move_status(&mut self, current: &[String], state: &ItemState, wanted: &Wanted) {
        let (own, theirs) = of_family(Family::Status, current, state);
        if wanted.status_by_person && !theirs.is_empty() {
            self.remove.extend(own);
            return;
        }
        let Some(status) = wanted.status else { return };
        let label = status.label();
        if !current.contains(&label) {
            self.add.push(label.clone());
        }
        self.remove.extend(own.into_iter().filter(|own| *own != label));
        self.kept.extend(theirs.into_iter().filter(|kept| *kept != label));
    }

    /// Which labels are the classifier's own after the plan.
    pub(super) fn own_after(&self, current: &[String], state: &ItemState) -> Vec<String> {
        let kept = current.iter().filter(|label| state.own.contains(label) && !self.remove.contains(label));
        kept.chain(&self.add).cloned().collect()
    }

    /// Whether nothing is to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }
}

/// The labels of a family: those that the classifier has set, and the others.
fn of_family(family: Family, current: &[String], state: &ItemState) -> (Vec<String>, Vec<String>) {
    let of_family = current.iter().filter(|label| Family::of(label) == Some(family)).cloned();
    of_family.partition(|label| state.own.contains(label))
}

/// The furthest status of the labels; `None` without a status of the flow.
pub(super) fn furthest(current: &[String]) -> Option<Status> {
    current.iter().filter_map(|label| Status::of_label(label)).max()
}

/// Whether the labels have a status, also one of the team's own.
pub(super) fn has_status(current: &[String]) -> bool {
    current.iter().any(|label| Family::of(label) == Some(Family::Status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Vec<String> {
        of.iter().map(|name| (*name).to_owned()).collect()
    }

    fn state(own: &[&str]) -> ItemState {
        ItemState { own: names(own), ..ItemState::default() }
    }

    fn wanted(grade: &str, status: Option<Status>) -> Wanted {
        Wanted { grade: grade.to_owned(), needs: None, test: None, status, status_by_person: false }
    }

    fn plan(current: &[&str], own: &[&str], wanted: &Wanted) -> (Vec<String>, Vec<String>, Vec<String>) {
        let LabelPlan { add, remove, kept } = LabelPlan::of(&names(current), &state(own), wanted);
        (add, remove, kept)
    }

    #[test]
    fn only_own_labels_are_replaced() {
        let to_qa = wanted("qa:3", Some(Status::Qa));
        let all = |add: &[&str], remove: &[&str], kept: &[&str]| (names(add), names(remove), names(kept));
        assert_eq!(plan(&[], &[], &to_qa), all(&["qa:3", "status:qa"], &[], &[]));
        assert_eq!(
            plan(&["qa:1", "status:triage", "bug"], &["qa:1", "status:triage"], &to_qa),
            all(&["qa:3", "status:qa"], &["qa:1", "status:triage"], &[])
        );
        assert_eq!(
            plan(&["qa:1", "qa:4", "status:ready"], &["qa:1"], &to_qa),
            all(&["status:qa"], &["qa:1"], &["qa:4", "status:ready"])
        );
        assert_eq!(plan(&["qa:3", "status:qa"], &[], &to_qa), all(&[], &[], &[]));
    }

    #[test]
    fn a_status_that_a_person_sets_replaces_the_classifiers_own() {
        let back = Wanted { status_by_person: true, ..wanted("qa:1", None) };
        let (add, remove, _) = plan(&["qa:1", "status:qa", "status:ready"], &["qa:1", "status:qa"], &back);
        assert_eq!((add, remove), (names(&[]), names(&["status:qa"])));
    }

    #[test]
    fn a_label_that_a_person_removed_is_not_set_again() {
        let facts = |action: &str, label: &str| EventFacts {
            name: format!("issues.{action}"),
            kind: super::super::rules::Kind::Issue,
            label: Some(label.to_owned()),
            sender: "a-person".to_owned(),
            is_person: true,
            installation: None,
            at: None,
            closed_by: None,
        };
        let mut state = state(&["qa:1"]);
        state.learn(&facts("unlabeled", "qa:1"));
        assert_eq!(LabelPlan::of(&[], &state, &wanted("qa:2", None)).add, names(&[]));
        // A label that the person has set and removed says nothing about the classifier's.
        state.learn(&facts("labeled", "qa:3"));
        state.learn(&facts("unlabeled", "qa:3"));
        assert_eq!(LabelPlan::of(&[], &state, &wanted("qa:2", None)).add, names(&["qa:2"]));
    }

    #[test]
    fn a_label_that_a_person_sets_again_is_theirs() {
        let mut state = state(&["qa:1", "status:triage"]);
        let facts = EventFacts {
            name: "issues.labeled".to_owned(),
            kind: super::super::rules::Kind::Issue,
            label: Some("qa:1".to_owned()),
            sender: "a-person".to_owned(),
            is_person: true,
            installation: None,
            at: None,
            closed_by: None,
        };
        state.learn(&facts);
        let plan = LabelPlan::of(&names(&["qa:1", "status:triage"]), &state, &wanted("qa:3", None));
        assert_eq!((plan.add, plan.remove, plan.kept), (names(&[]), names(&[]), names(&["qa:1"])));
    }
}
