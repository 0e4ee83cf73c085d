//! Notes: enterprise knowledge, saved only when a human asks.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::id::NoteId;
use crate::page::{Cursor, Excerpt, Limit, in_query};
use crate::text::{NoteContent, NoteTag, NoteTitle, SearchText, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations, at_most};

/// A note as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// Its title.
    pub title: NoteTitle,
    /// Its text. Always there when a note is read, created or given a new text; `null` in the answer of a change
    /// that leaves a text of 64 KiB or more alone.
    pub content: Option<NoteContent>,
    /// Bytes of its text.
    pub size_bytes: u32,
    /// Its tags.
    pub tags: Vec<NoteTag>,
    /// The venture it is about; `null` is a global note.
    pub venture: Option<VentureCode>,
    /// Counts its changes from 1 on. The `ETag` is this number in quotes.
    pub version: u32,
    /// When it was archived; `null` is a live note.
    pub archived_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who wrote it: the first 16 hexadecimal digits of the key's SHA-256.
    pub actor_key_id: String,
    /// The correlation id of the request that made it.
    pub creation_correlation_id: String,
    /// Whether a search finds only what stands in the beginning of its text, as there are more words than are indexed.
    #[serde(default)]
    pub indexed_in_part: bool,
}

impl Note {
    /// Most bytes of its text.
    pub const MAX_BYTES: usize = NoteContent::MAX_CHARS;
    /// Most tags.
    pub const MAX_TAGS: usize = 20;
    /// Tags that a team does well to share. Others are as good; notes tagged `executive-summary` stand in every
    /// answer of `start_day`.
    pub const RECOMMENDED_TAGS: &[&str] = &[
        "executive-summary",
        "strategy",
        "product",
        "customers",
        "market",
        "decision",
        "architecture",
        "process",
        "finance",
        "legal",
        "prd",
        "reference",
    ];
}

/// A note as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FoundNote {
    /// Its id.
    pub id: NoteId,
    /// Its title.
    pub title: NoteTitle,
    /// The beginning of its text; of a search, the place that fits best, with what was found between `**`. At
    /// most 500 characters.
    pub excerpt: String,
    /// Bytes of its text.
    pub size_bytes: u32,
    /// Its tags.
    pub tags: Vec<NoteTag>,
    /// The venture it is about; `null` is a global note.
    pub venture: Option<VentureCode>,
    /// Counts its changes from 1 on.
    pub version: u32,
    /// When it was archived; `null` is a live note.
    pub archived_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who wrote it: the first 16 hexadecimal digits of the key's SHA-256.
    pub actor_key_id: String,
    /// Whether a search finds only what stands in the beginning of its text, as there are more words than are indexed.
    #[serde(default)]
    pub indexed_in_part: bool,
}

/// Saves a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = CreateNote::bounded -> Violations)]
pub struct CreateNote {
    /// Its title.
    pub title: NoteTitle,
    /// Its text.
    pub content: NoteContent,
    /// At most 20. Free words; recommended are `executive-summary` (shown at the start of every day), `strategy`,
    /// `product`, `customers`, `market`, `decision`, `architecture`, `process`, `finance`, `legal`, `prd`, `reference`.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = Note::MAX_TAGS)))]
    pub tags: Vec<NoteTag>,
    /// The venture it is about; `null` is a global note.
    #[deserr(default)]
    #[serde(default)]
    pub venture: Option<VentureCode>,
}

impl CreateNote {
    fn bounded(self, at: ValuePointerRef) -> Result<Self, Violations> {
        at_most(at, &[("tags", self.tags.len(), Note::MAX_TAGS)])?;
        Ok(self)
    }
}

/// A merge patch of a note.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = UpdateNote::bounded -> Violations)]
pub struct UpdateNote {
    /// Its title; absent or `null` keeps it.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<NoteTitle>,
    /// Its text; absent or `null` keeps it.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<NoteContent>,
    /// All its tags, in place of those it has; at most 20. Absent or `null` keeps them.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = Note::MAX_TAGS)))]
    pub tags: Option<Vec<NoteTag>>,
    /// The venture it is about; `null` makes it global.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub venture: Change<VentureCode>,
}

impl UpdateNote {
    fn bounded(self, at: ValuePointerRef) -> Result<Self, Violations> {
        at_most(at, &[("tags", self.tags.as_ref().map_or(0, Vec::len), Note::MAX_TAGS)])?;
        Ok(self)
    }
}

/// Which notes are meant beside those of one venture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum NoteScope {
    /// Notes of no venture.
    Global,
}

/// Which notes `list_notes` shows.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct NoteFilter {
    /// The venture they are about.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// `global`: those of no venture.
    #[deserr(default)]
    pub scope: Option<NoteScope>,
    /// A tag they have.
    #[deserr(default)]
    pub tag: Option<NoteTag>,
    /// `true`: those that are archived, in place of those that are live.
    #[deserr(default, try_from(String) = flag -> Invalid)]
    pub archived: Option<bool>,
    /// Words that all stand in title or text, in any form and order, or begin a word there. Those that fit best come first.
    #[deserr(default)]
    pub q: Option<SearchText>,
    /// 1 to 100, 20 unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// Where the page starts: the `next_cursor` of the page before.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is deserr's")]
fn flag(text: String) -> Result<Option<bool>, Invalid> {
    match text.as_str() {
        "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        _ => Err(Invalid::new("must be true or false")),
    }
}

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

/// The notes tagged `executive-summary` as they stand in the context of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExecutiveSummaries {
    /// Those that fit into the pool, the last one perhaps cut.
    #[serde(flatten)]
    pub excerpt: Excerpt<NoteSummary>,
    /// The first of those that do not, at most 40: read one by its id.
    #[serde(default)]
    pub left_out: Vec<NoteName>,
}

/// A note without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NoteName {
    /// Its id.
    pub id: NoteId,
    /// Its title.
    pub title: String,
    /// `null` is a global note.
    pub venture: Option<VentureCode>,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
