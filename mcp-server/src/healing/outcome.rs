//! The result of healing a document.

use deckwatch_protocol::{DocOutcome, DocPut, RepoName, VentureCode};

use deckwatch_generator::Kind;

/// A document, and the result of healing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HealedDoc {
    pub(crate) kind: Kind,
    pub(crate) outcome: HealingOutcome,
}

/// The result of healing a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HealingOutcome {
    /// Created, with this version.
    Created(u32),
    /// Stored with new content, as this version.
    Updated(u32),
    /// The content is unchanged and was confirmed.
    Confirmed(u32),
    /// The repository has no source for the document.
    NothingFound,
    /// Kept: the stored document was not generated, or somebody changed it since.
    ByHand,
    /// Kept: the stored document was generated from another repository of the venture.
    FromAnother(RepoName),
    /// Kept: somebody changed the document at the same time.
    Changed,
    /// Refused: the document holds a secret; says where, and of which kind.
    HoldsSecret(String),
    /// This agent's key has no permission.
    NotPermitted,
    /// The API could not be reached.
    Unreachable(String),
    /// Another error.
    Failed(String),
}

/// Why documents must not be generated from the agent's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CannotHeal {
    /// The folder is not a git repository. It may be a home folder, which must not be read.
    NotARepository,
    /// The repository does not belong to the venture.
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

    /// The outcome in a tool's JSON result.
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
