//! The audit: compares the documents of a venture with the requirements that apply to it.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::id::RequirementId;
use crate::page::{Cursor, Excerpt, Limit, in_query};
use crate::requirement::GenerationSource;
use crate::text::VentureCode;
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

/// One requirement and the state of its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditedDoc {
    /// The id of the requirement.
    pub requirement_id: RequirementId,
    /// The scope of the document: `global` or the code of a venture.
    pub scope: String,
    /// The document name that the requirement demands. `{venture}` is replaced by the code of the venture.
    pub name: String,
    /// Whether the document must exist.
    pub required: bool,
    /// Whether the document can be generated from the repository.
    pub auto_generate: bool,
    /// What the document is generated from.
    pub sources: Vec<GenerationSource>,
    /// When the document was last changed or confirmed. If several documents match, this is the latest time; if none
    /// matches, `null`.
    pub confirmed_at: Option<Timestamp>,
    /// The number of days after `confirmed_at` when the document becomes stale.
    pub staleness_days: u32,
}

/// The documents of a venture that are missing, stale or optional. Documents that exist and are fresh are not listed. Each
/// list shows up to 50 documents by name, among them those that can be generated; `totals` counts all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocAudit {
    /// Required documents that don't exist.
    pub missing: Vec<AuditedDoc>,
    /// Documents that were not changed or confirmed within the days that the requirement allows.
    pub stale: Vec<AuditedDoc>,
    /// Optional documents that don't exist. Nothing needs to be done.
    #[serde(default)]
    pub optional: Vec<AuditedDoc>,
    /// Patterns with a `*` that were not compared with every document.
    #[serde(default)]
    pub unchecked: Vec<AuditedDoc>,
    /// The number of documents in each list. An API of an older version does not count them.
    #[serde(default)]
    pub totals: Option<DocAuditTotals>,
}

impl DocAudit {
    /// The numbers of documents. An API of an older version does not count them, but lists them all.
    pub fn counts(&self) -> DocAuditTotals {
        let listed = |docs: &[AuditedDoc]| u32::try_from(docs.len()).unwrap_or(u32::MAX);
        self.totals.clone().unwrap_or_else(|| DocAuditTotals {
            missing: listed(&self.missing),
            stale: listed(&self.stale),
            optional: listed(&self.optional),
            unchecked: listed(&self.unchecked),
        })
    }
}

/// The number of documents in each list of an audit, including documents that the list does not show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocAuditTotals {
    /// Required documents that don't exist.
    pub missing: u32,
    /// Documents that were not changed or confirmed within the days that the requirement allows.
    pub stale: u32,
    /// Optional documents that don't exist.
    pub optional: u32,
    /// Patterns that were not compared with every document.
    pub unchecked: u32,
}

/// The requirements of one venture, grouped by the state of their documents and sorted by name. Each list is whole if the
/// request names the venture. Otherwise, each list shows the first 50.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VentureAudit {
    /// The code of the venture.
    pub venture: VentureCode,
    /// Required documents that don't exist.
    pub missing: Excerpt<AuditedDoc>,
    /// Documents that were not changed or confirmed within the days that the requirement allows.
    pub stale: Excerpt<AuditedDoc>,
    /// Documents that exist and are fresh.
    pub present: Excerpt<AuditedDoc>,
    /// Optional documents that don't exist. Nothing needs to be done.
    pub optional: Excerpt<AuditedDoc>,
    /// Patterns with a `*` that were not compared with every document of their scope, because there are too many patterns
    /// or documents. No fresh document was among those that were compared.
    #[serde(default)]
    pub unchecked: Excerpt<AuditedDoc>,
}

/// Selects the ventures that `audit_docs` checks. They are sorted by code.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct AuditFilter {
    /// Audit only this venture. Without it, every venture that the caller may see is audited.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// The number of ventures on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}
