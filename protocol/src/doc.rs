//! Operational documents. What must exist is in `requirement`, what is missing or stale in `audit`.

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
