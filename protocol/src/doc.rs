//! Operational documents: what exists, what is missing, what is stale.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A document without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocSummary {
    /// `global` or the code of a venture.
    pub scope: String,
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// `markdown` or `json`.
    pub doc_type: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of the content, in hexadecimal.
    pub content_hash: String,
    /// Bytes of the content.
    pub size_bytes: u32,
    /// When it was last changed.
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
    /// Whether it must exist.
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
    /// Documents that do not exist.
    pub missing: Vec<DocProblem>,
    /// Documents older than they may be.
    pub stale: Vec<DocProblem>,
}
