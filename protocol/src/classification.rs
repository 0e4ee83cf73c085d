//! What the GitHub classifier has decided about an issue or a pull request.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::id::ClassificationId;
use crate::number::{IssueNumber, QaGrade};
use crate::page::{Cursor, Limit, in_query};
use crate::text::{RepoName, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

/// What the classifier has decided about an issue or a pull request after one delivery from GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Classification {
    /// The id.
    pub id: ClassificationId,
    /// The venture that has the repository. `null` if none has it.
    pub venture: Option<VentureCode>,
    /// The repository, such as `example-org/alpha-console`.
    pub repo: RepoName,
    /// The number of the issue or pull request.
    pub number: IssueNumber,
    /// Whether it is an issue or a pull request.
    pub kind: ClassifiedKind,
    /// GitHub's event and its action, such as `issues.opened`.
    pub event: String,
    /// GitHub's id of the delivery. A decision about an issue that a pull request closes has that pull request's delivery,
    /// a slash and the number of the issue.
    pub delivery_id: String,
    /// Whether the work was done, or was set aside after several attempts.
    pub outcome: ClassificationOutcome,
    /// The grade. `null` if the work was set aside, or if the event only moved the status.
    pub grade: Option<QaGrade>,
    /// Who decided the grade.
    pub grade_by: Option<GradeSource>,
    /// The status label after the decision, without its prefix.
    pub status: Option<String>,
    /// The labels that were added.
    pub labels_added: Vec<String>,
    /// The labels that were removed. The classifier had set each of them.
    pub labels_removed: Vec<String>,
    /// The labels of a person that the classifier would have set differently, and kept.
    pub labels_kept: Vec<String>,
    /// Why. Each reason names a rule or a fact, and no text of the issue.
    pub reasons: Vec<String>,
    /// When the decision was made.
    pub created_at: Timestamp,
}

/// Whether a classification is about an issue or a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClassifiedKind {
    /// An issue.
    Issue,
    /// A pull request.
    PullRequest,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClassificationOutcome {
    /// The decision was made, and GitHub has its labels.
    Done,
    /// Each attempt failed. The last reason is the last failure. "Redeliver" in GitHub's settings tries again.
    SetAside,
}

/// Who decided a grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GradeSource {
    /// The rules.
    Rules,
    /// A language model, within the limits of the rules.
    Model,
    /// A person, who set the label.
    Human,
}

/// Selects the classifications that `list_classifications` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct ClassificationFilter {
    /// Show only classifications of this venture.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// Show only classifications of this repository.
    #[deserr(default)]
    pub repo: Option<RepoName>,
    /// Show only classifications of the issue or pull request with this number.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub number: Option<IssueNumber>,
    /// Show only classifications with this grade.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub grade: Option<QaGrade>,
    /// The number of classifications on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}
