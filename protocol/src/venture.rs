//! Ventures: the products the team works on.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::page::{Cursor, Limit, in_query};
use crate::text::{Capability, GithubOrg, RepoName, VentureCode, VentureName};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations, at_most};

/// A product the team works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Venture {
    /// Its code.
    pub code: VentureCode,
    /// What people call it.
    pub name: VentureName,
    /// Its organisation or user on GitHub.
    pub github_org: Option<GithubOrg>,
    /// Its repositories.
    pub repos: Vec<RepoName>,
    /// Free words; `has_api` and `has_database` decide which documents must exist.
    pub capabilities: Vec<Capability>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Venture {
    /// Most repositories of one venture.
    pub const MAX_REPOS: usize = 100;
    /// Most capabilities of one venture.
    pub const MAX_CAPABILITIES: usize = 20;
}

/// Registers or replaces a venture; its code is in the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = PutVenture::bounded -> Violations)]
pub struct PutVenture {
    /// What people call it.
    pub name: VentureName,
    /// Its organisation or user on GitHub.
    #[deserr(default)]
    #[serde(default)]
    pub github_org: Option<GithubOrg>,
    /// Its repositories.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = Venture::MAX_REPOS)))]
    pub repos: Vec<RepoName>,
    /// What it has, such as `has_api`.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = Venture::MAX_CAPABILITIES)))]
    pub capabilities: Vec<Capability>,
}

/// Moves the sessions and handoffs of one repository to another venture, another name, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct MoveRecords {
    /// The repository that they are of now.
    pub repo: RepoName,
    /// The venture that they will be of.
    pub to_venture: VentureCode,
    /// The repository that they will be of.
    pub to_repo: RepoName,
}

/// Whether all records are moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordsMoved {
    /// True if some are left: the same request moves the next ones.
    pub more: bool,
}

/// A venture that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VentureDeleted {
    /// Its code.
    pub code: VentureCode,
    /// When it was first deleted, unless `put_venture` has brought it back since.
    pub deleted_at: Timestamp,
}

/// Which ventures `list_ventures` shows, by code.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct ListVentures {
    /// 1 to 100, 20 unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// Where the page starts.
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
