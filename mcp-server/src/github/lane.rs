//! Maps labels to lanes.
//!
//! Every open issue and pull request is in exactly one lane: the first that matches, in the order P0, blocked, QA, in
//! progress, ready. One without any of these labels is in triage. Assignees do not matter: people are assigned before
//! they begin, and agents share accounts.

use deckwatch_protocol::Violations;
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

/// A lane of the work queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserr, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(error = Violations)]
pub(crate) enum Lane {
    #[deserr(rename = "p0")]
    P0,
    #[deserr(rename = "ready")]
    Ready,
    #[deserr(rename = "in_progress")]
    InProgress,
    #[deserr(rename = "qa")]
    Qa,
    #[deserr(rename = "blocked")]
    Blocked,
    #[deserr(rename = "triage")]
    Triage,
}

impl Lane {
    /// Every lane, in the order of reports.
    pub(crate) const ALL: [Self; 6] = [Self::P0, Self::Ready, Self::InProgress, Self::Qa, Self::Blocked, Self::Triage];
    /// The precedence for an issue with several labels.
    const PRECEDENCE: [Self; 6] = [Self::P0, Self::Blocked, Self::Qa, Self::InProgress, Self::Ready, Self::Triage];

    /// The labels of this lane. GitHub ignores case.
    pub(crate) fn labels(self) -> &'static [&'static str] {
        match self {
            Self::P0 => &["P0", "priority:P0", "prio:P0"],
            Self::Ready => &["status:ready", "ready"],
            Self::InProgress => &["status:in-progress", "in-progress"],
            Self::Qa => &["status:qa", "status:verified"],
            Self::Blocked => &["status:blocked", "blocked"],
            Self::Triage => &[],
        }
    }

    /// The name as an argument.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::P0 => "p0",
            Self::Ready => "ready",
            Self::InProgress => "in_progress",
            Self::Qa => "qa",
            Self::Blocked => "blocked",
            Self::Triage => "triage",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::P0 => "P0",
            Self::Ready => "ready",
            Self::InProgress => "in progress",
            Self::Qa => "QA",
            Self::Blocked => "blocked",
            Self::Triage => "triage",
        }
    }

    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::P0 => "P0:",
            Self::Ready => "Ready:",
            Self::InProgress => "In progress:",
            Self::Qa => "QA:",
            Self::Blocked => "Blocked:",
            Self::Triage => "Triage:",
        }
    }

    /// The lane as qualifiers of GitHub's search: its labels, without the labels of the lanes before it.
    pub(super) fn qualifiers(self) -> String {
        let quoted: Vec<String> = self.labels().iter().map(|label| format!("\"{label}\"")).collect();
        let own = if quoted.is_empty() { String::new() } else { format!(" label:{}", quoted.join(",")) };
        let earlier = Self::PRECEDENCE.into_iter().take_while(|lane| *lane != self);
        earlier.flat_map(Self::labels).fold(own, |all, label| all + " -label:\"" + label + "\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_searches_for_its_labels_and_excludes_earlier_lanes() {
        assert_eq!(Lane::P0.qualifiers(), " label:\"P0\",\"priority:P0\",\"prio:P0\"");
        assert_eq!(
            Lane::Blocked.qualifiers(),
            " label:\"status:blocked\",\"blocked\" -label:\"P0\" -label:\"priority:P0\" -label:\"prio:P0\""
        );
        let triage = Lane::Triage.qualifiers();
        for label in Lane::ALL.into_iter().flat_map(Lane::labels) {
            assert!(triage.contains(&format!(" -label:\"{label}\"")), "{label}");
        }
        assert!(!triage.contains(" label:"));
    }
}
