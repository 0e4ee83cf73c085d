//! What came of a document that was to be healed.

use deckwatch_protocol::{DocOutcome, DocPut, RepoName, VentureCode};

use deckwatch_generator::Kind;

/// A document that was to be healed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HealedDoc {
    pub(crate) kind: Kind,
    pub(crate) outcome: HealingOutcome,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HealingOutcome {
    /// It was not there; this is its version.
    Created(u32),
    /// It says something else now.
    Updated(u32),
    /// It says what it said, and is confirmed.
    Confirmed(u32),
    /// The repository has nothing that it could say.
    NothingFound,
    /// What is there was not generated, or somebody changed it since.
    ByHand,
    /// What is there was generated from another repository of the venture.
    FromAnother(RepoName),
    /// Somebody changed it at the same moment.
    Changed,
    /// It would have carried a secret; where, and of which kind.
    HoldsSecret(String),
    /// The key of this agent may not.
    NotPermitted,
    /// Nobody was there to take it.
    Unreachable(String),
    /// Something else went wrong.
    Failed(String),
}

/// Why nothing is generated from where the agent stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CannotHeal {
    /// It is no repository: a home folder would be read.
    NotARepository,
    /// Its repository belongs to another venture, or to none.
    NotInVenture(RepoName, VentureCode),
}

impl HealingOutcome {
    pub(super) fn of(put: &DocPut) -> Self {
        let version = put.doc.summary.version;
        match put.outcome {
            DocOutcome::Created => Self::Created(version),
            DocOutcome::Updated => Self::Updated(version),
            DocOutcome::Unchanged => Self::Confirmed(version),
        }
    }

    /// One word, for facts.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Updated(_) => "updated",
            Self::Confirmed(_) => "confirmed",
            Self::NothingFound => "nothing_found",
            Self::ByHand | Self::FromAnother(_) | Self::Changed => "left",
            Self::HoldsSecret(_) => "holds_secret",
            Self::NotPermitted => "not_permitted",
            Self::Unreachable(_) => "unreachable",
            Self::Failed(_) => "failed",
        }
    }
}
