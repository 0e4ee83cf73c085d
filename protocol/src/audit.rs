//! The audit: the documents of a venture against the requirements that hold for it.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::id::RequirementId;
use crate::page::{Cursor, Excerpt, Limit, in_query};
use crate::requirement::GenerationSource;
use crate::text::VentureCode;
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

/// One requirement and how its document stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditedDoc {
    /// The requirement.
    pub requirement_id: RequirementId,
    /// Where the document stands: `global` or the code of a venture.
    pub scope: String,
    /// The name that the requirement asks for, with the venture's code in it where it says so.
    pub name: String,
    /// Whether the document must exist.
    pub required: bool,
    /// Whether the document can be generated from the repository.
    pub auto_generate: bool,
    /// What it is generated from.
    pub sources: Vec<GenerationSource>,
    /// When the document was last changed or confirmed, the freshest one where several fit; `null` when none does.
    pub confirmed_at: Option<Timestamp>,
    /// How many days after that it is stale.
    pub staleness_days: u32,
}

/// What is not in order with the documents of a venture; what is present and fresh is not listed. Each list shows up to 50
/// documents by name, among them those that can be generated; `totals` counts all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocAudit {
    /// Documents that must exist and do not.
    pub missing: Vec<AuditedDoc>,
    /// Documents that nobody has changed or confirmed for too long.
    pub stale: Vec<AuditedDoc>,
    /// Documents that need not exist and do not: nothing is wrong.
    #[serde(default)]
    pub optional: Vec<AuditedDoc>,
    /// Patterns with a `*` that were not compared with every document.
    #[serde(default)]
    pub unchecked: Vec<AuditedDoc>,
    /// How many documents each list stands for; an API of an older version does not count them.
    #[serde(default)]
    pub totals: Option<DocAuditTotals>,
}

/// How many documents each list of an audit stands for, whatever it shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocAuditTotals {
    /// Documents that must exist and do not.
    pub missing: u32,
    /// Documents that nobody has changed or confirmed for too long.
    pub stale: u32,
    /// Documents that need not exist and do not.
    pub optional: u32,
    /// Patterns that were not compared with every document.
    pub unchecked: u32,
}

/// Every requirement of one venture, by how its document stands; each list shows the first 50 by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VentureAudit {
    /// The venture.
    pub venture: VentureCode,
    /// Documents that must exist and do not.
    pub missing: Excerpt<AuditedDoc>,
    /// Documents that nobody has changed or confirmed for too long.
    pub stale: Excerpt<AuditedDoc>,
    /// Documents that exist and are fresh.
    pub present: Excerpt<AuditedDoc>,
    /// Documents that need not exist and do not: nothing is wrong.
    pub optional: Excerpt<AuditedDoc>,
    /// Patterns with a `*` that were not compared with every document: 20 patterns are compared with the first 1,000
    /// documents of their scope. No fresh document was among them.
    #[serde(default)]
    pub unchecked: Excerpt<AuditedDoc>,
}

/// Which ventures `audit_docs` looks at, by code.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct AuditFilter {
    /// This one; unless given, every one that the caller sees.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// 1 to 100, 20 unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// Where the page starts: the `next_cursor` of the page before.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}
