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
/// list shows up to 50 documents: first those that can be generated, then the others, each by the name in the requirement.
/// `totals` counts all.
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
    /// Names and patterns that were not compared with every document. `audit_docs` compares more of them.
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
            total_is_minimum: false,
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
    /// Names and patterns that were not compared with every document.
    pub unchecked: u32,
    /// True if the numbers are only lower bounds, because more than 80 requirements apply to the venture. The start of a day
    /// compares 80 of them, first those whose documents can be generated. `audit_docs` compares all. Absent if the numbers
    /// are exact.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub total_is_minimum: bool,
}

/// The requirements of one venture, grouped by the state of their documents. Each list is whole. It shows first the documents
/// that can be generated, then the others, each by the name in the requirement.
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
    /// Names and patterns that were not compared with every document of their scope, because there are too many. An audit
    /// reads the first 90 documents of each scope. If a scope has more, it looks up 50 other names of the first 140
    /// requirements, and compares each pattern with 20 documents that begin like it, or with 4 if more than 4 patterns apply. No fresh
    /// document was among those that were compared.
    #[serde(default)]
    pub unchecked: Excerpt<AuditedDoc>,
}

/// Selects the ventures that `audit_docs` checks. They are sorted by code. A page has one venture, whatever its limit.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct AuditFilter {
    /// Audit only this venture. Without it, every venture that the caller may see is audited.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// The largest number of ventures on a page, from 1 to 100. The default is 20. An audit reads so much that a page has one.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}
