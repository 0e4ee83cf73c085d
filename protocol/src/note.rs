//! Notes: enterprise knowledge, saved only when a human asks.

use serde::{Deserialize, Serialize};

use crate::id::NoteId;
use crate::text::VentureCode;
use crate::time::Timestamp;

/// A note as it stands in the context of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NoteSummary {
    /// Its id.
    pub id: NoteId,
    /// Its title.
    pub title: String,
    /// Its text.
    pub content: String,
    /// True when `content` is only the beginning of the note.
    pub truncated: bool,
    /// `null` is a global note.
    pub venture: Option<VentureCode>,
    /// Who wrote it: the first 16 hexadecimal digits of the key's SHA-256.
    pub actor_key_id: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
