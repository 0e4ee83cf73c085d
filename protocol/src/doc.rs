//! Operational documents: what exists, what is missing, what is stale.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A document without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocSummary {
    /// `global` or the code of a venture.
    pub scope: String,
    pub name: String,
    pub title: String,
    pub doc_type: String,
    pub version: u32,
    pub content_hash: String,
    pub size_bytes: u32,
    pub updated_at: Timestamp,
}

/// One document that does not hold what its requirement says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocProblem {
    /// `global` or the code of a venture.
    pub scope: String,
    /// The name that the requirement asks for.
    pub name: String,
    pub required: bool,
    /// Whether the document can be generated from the repository.
    pub auto_generate: bool,
    /// When the stale document was last changed; `null` when it is missing.
    pub updated_at: Option<Timestamp>,
    /// How old a document may get.
    pub staleness_days: u32,
}

/// The documents of a venture against its requirements; what is present and fresh is not listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocAudit {
    pub missing: Vec<DocProblem>,
    pub stale: Vec<DocProblem>,
}
