//! The status of an issue or a pull request. It moves forward only; a person may move it back.

/// A status, in the order in which work passes through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Triage,
    Ready,
    InProgress,
    Qa,
    Verified,
    Done,
}

impl Status {
    const ALL: [Self; 6] = [Self::Triage, Self::Ready, Self::InProgress, Self::Qa, Self::Verified, Self::Done];

    /// The name, which follows `status:` in the label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Triage => "triage",
            Self::Ready => "ready",
            Self::InProgress => "in-progress",
            Self::Qa => "qa",
            Self::Verified => "verified",
            Self::Done => "done",
        }
    }

    /// The label.
    pub(super) fn label(self) -> String {
        format!("status:{}", self.name())
    }

    /// The status of a label in lower case; `None` for another label, also for a status of the team's own.
    pub(super) fn of_label(label: &str) -> Option<Self> {
        label.strip_prefix("status:").and_then(Self::of_name)
    }

    /// The status with this name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_label_and_a_place() {
        assert!(Status::ALL.is_sorted());
        for status in Status::ALL {
            assert_eq!(Status::of_label(&status.label()), Some(status));
        }
        assert_eq!(Status::of_label("status:blocked"), None);
    }
}
