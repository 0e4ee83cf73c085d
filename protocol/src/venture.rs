//! Ventures: the products the team works on.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::text::{GithubOrg, RepoName, VentureCode, VentureName};
use crate::time::Timestamp;
use crate::violation::Violations;

/// A product the team works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Venture {
    pub code: VentureCode,
    pub name: VentureName,
    pub github_org: Option<GithubOrg>,
    pub repos: Vec<RepoName>,
    /// Free words; `has_api` and `has_database` decide which documents must exist.
    pub capabilities: Vec<String>,
    pub created_at: Timestamp,
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
#[deserr(deny_unknown_fields, error = Violations)]
pub struct PutVenture {
    pub name: VentureName,
    #[deserr(default)]
    #[serde(default)]
    pub github_org: Option<GithubOrg>,
    #[deserr(default)]
    #[serde(default)]
    pub repos: Vec<RepoName>,
    #[deserr(default)]
    #[serde(default)]
    pub capabilities: Vec<GithubOrg>,
}
