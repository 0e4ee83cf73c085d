//! Ventures: the products that the team works on.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::page::{Cursor, Limit, in_query};
use crate::text::{Capability, GithubOrg, RepoName, VentureCode, VentureName};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations, at_most};

/// A product that the team works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Venture {
    /// The code of the venture.
    pub code: VentureCode,
    /// The display name of the venture.
    pub name: VentureName,
    /// The organisation or user on GitHub.
    pub github_org: Option<GithubOrg>,
    /// The repositories of the venture.
    pub repos: Vec<RepoName>,
    /// The capabilities of the venture, in any words. `has_api` and `has_database` determine which documents must
    /// exist.
    pub capabilities: Vec<Capability>,
    /// When the venture was registered.
    pub created_at: Timestamp,
    /// When the venture was last changed.
    pub updated_at: Timestamp,
}

impl Venture {
    /// The maximum number of repositories of one venture.
    pub const MAX_REPOS: usize = 100;
    /// The maximum number of capabilities of one venture.
    pub const MAX_CAPABILITIES: usize = 20;
}

/// Registers or replaces a venture. The path contains its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = PutVenture::bounded -> Violations)]
pub struct PutVenture {
    /// The display name of the venture.
    pub name: VentureName,
    /// The organisation or user on GitHub.
    #[deserr(default)]
    #[serde(default)]
    pub github_org: Option<GithubOrg>,
    /// The repositories of the venture.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = Venture::MAX_REPOS)))]
    pub repos: Vec<RepoName>,
    /// The capabilities of the venture, such as `has_api`.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = Venture::MAX_CAPABILITIES)))]
    pub capabilities: Vec<Capability>,
}

/// Moves the sessions and handoffs of one repository to another venture, another name, or both. If no other repository
/// uses the old venture, its notes, documents and requirements move as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct MoveRecords {
    /// The repository that the records belong to now.
    pub repo: RepoName,
    /// The venture that the records will belong to.
    pub to_venture: VentureCode,
    /// The repository that the records will belong to.
    pub to_repo: RepoName,
}

/// Which records have moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct RecordsMoved {
    /// True if records are left to move; repeat the request to move the next ones.
    pub more: bool,
    /// True if the notes, documents and requirements of the old venture stay there because another repository uses it.
    pub venture_in_use: bool,
    /// True if the old venture still has notes, documents or requirements.
    pub left: bool,
    /// True if the new venture has documents that are named `<old venture>.<name>`, because their names were taken.
    pub docs_renamed: bool,
}

/// A deleted venture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VentureDeleted {
    /// The code of the venture.
    pub code: VentureCode,
    /// When the venture was deleted. Deleting it again does not change this time, unless `put_venture` restored it.
    pub deleted_at: Timestamp,
}

/// Selects the page of ventures that `list_ventures` shows, sorted by code.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct ListVentures {
    /// The number of ventures on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

impl PutVenture {
    fn bounded(self, at: ValuePointerRef) -> Result<Self, Violations> {
        at_most(
            at,
            &[
                ("repos", self.repos.len(), Venture::MAX_REPOS),
                ("capabilities", self.capabilities.len(), Venture::MAX_CAPABILITIES),
            ],
        )?;
        Ok(self)
    }
}
