//! Notes: enterprise knowledge, saved only if a human asks for it. A note of the kind `memory` is what an agent remembers.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::id::{NoteId, SessionId};
use crate::page::{Cursor, Excerpt, Limit, in_query};
use crate::text::{Agent, CommitSha, NoteContent, NoteTag, NoteTitle, SearchText, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations, at_most};

/// The kind of a note.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum NoteKind {
    /// Enterprise knowledge that a human wants to keep.
    #[default]
    Note,
    /// What an agent remembers about its venture. Lists show memories only if they ask for them, and `start_day` never does.
    Memory,
}

impl NoteKind {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Memory => "memory",
        }
    }

    /// Whether it is the kind of a note that a human wants to keep.
    pub fn is_note(&self) -> bool {
        *self == Self::Note
    }
}

impl NoteId {
    /// The prefix of the id of a memory.
    pub const MEMORY_PREFIX: &str = "mem_";

    /// The kind of the note with this id.
    pub fn kind(&self) -> NoteKind {
        if self.as_str().starts_with(Self::MEMORY_PREFIX) { NoteKind::Memory } else { NoteKind::Note }
    }
}

/// A stored note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Note {
    /// The id of the note.
    pub id: NoteId,
    /// The title of the note.
    pub title: NoteTitle,
    /// The text of the note. It is present after the note is read, created, or changed with a new text. It is `null`
    /// after another change if the text has 64 KiB or more.
    pub content: Option<NoteContent>,
    /// The size of the text in bytes.
    pub size_bytes: u32,
    /// The tags of the note.
    pub tags: Vec<NoteTag>,
    /// The venture of the note. `null` means a global note.
    pub venture: Option<VentureCode>,
    /// The version number of the note, from 1. The `ETag` header is this number in quotes.
    pub version: u32,
    /// When the note was archived. `null` if it is not archived.
    pub archived_at: Option<Timestamp>,
    /// When the note was created.
    pub created_at: Timestamp,
    /// When the note was last changed.
    pub updated_at: Timestamp,
    /// The actor that wrote the note: the first 16 hexadecimal digits of the SHA-256 of its API key.
    pub actor_key_id: String,
    /// The correlation id of the request that created the note.
    pub creation_correlation_id: String,
    /// Whether only the beginning of the text is indexed, because it has too many words. A search does not find the
    /// rest.
    #[serde(default)]
    pub indexed_in_part: bool,
    /// The kind of the note. The id of a memory begins with `mem_`.
    #[serde(default)]
    pub kind: NoteKind,
    /// Who remembers it. `null` if the note is no memory.
    #[serde(default)]
    pub author: Option<NoteAuthor>,
}

impl Note {
    /// The maximum size of the text in bytes.
    pub const MAX_BYTES: usize = NoteContent::MAX_CHARS;
    /// The maximum number of tags.
    pub const MAX_TAGS: usize = 20;
    /// The maximum size of the text of a memory in bytes.
    pub const MAX_MEMORY_BYTES: usize = 8 * 1024;
    /// The maximum number of memories of a venture that are not archived.
    pub const MAX_MEMORIES: u32 = 500;
    /// Tags that a team should use in the same way. Any other tag is valid too. Every answer of `start_day` contains
    /// the notes tagged `executive-summary`.
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

/// The agent that remembers something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NoteAuthor {
    /// The agent.
    pub agent: Agent,
    /// The session in which it saved the memory.
    pub session_id: SessionId,
    /// The commit that the memory is about, if it is known.
    pub commit_sha: Option<CommitSha>,
}

/// A note in a list or search result, with an excerpt of its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FoundNote {
    /// The id of the note.
    pub id: NoteId,
    /// The title of the note.
    pub title: NoteTitle,
    /// At most 500 characters of the text: in a list the beginning, in a search the best match, with the found words
    /// between `**`.
    pub excerpt: String,
    /// The size of the text in bytes.
    pub size_bytes: u32,
    /// The tags of the note.
    pub tags: Vec<NoteTag>,
    /// The venture of the note. `null` means a global note.
    pub venture: Option<VentureCode>,
    /// The version number of the note, from 1.
    pub version: u32,
    /// When the note was archived. `null` if it is not archived.
    pub archived_at: Option<Timestamp>,
    /// When the note was created.
    pub created_at: Timestamp,
    /// When the note was last changed.
    pub updated_at: Timestamp,
    /// The actor that wrote the note: the first 16 hexadecimal digits of the SHA-256 of its API key.
    pub actor_key_id: String,
    /// Whether only the beginning of the text is indexed, because it has too many words. A search does not find the
    /// rest.
    #[serde(default)]
    pub indexed_in_part: bool,
    /// The kind of the note. The id of a memory begins with `mem_`.
    #[serde(default)]
    pub kind: NoteKind,
    /// Who remembers it. `null` if the note is no memory.
    #[serde(default)]
    pub author: Option<NoteAuthor>,
}

/// Saves a note, or remembers something: a memory names the session of its agent instead of a venture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = CreateNote::bounded -> Violations)]
pub struct CreateNote {
    /// The title of the note.
    pub title: NoteTitle,
    /// The text of the note.
    pub content: NoteContent,
    /// At most 20 tags, in any words. Recommended are `executive-summary` (shown at the start of every day),
    /// `strategy`, `product`, `customers`, `market`, `decision`, `architecture`, `process`, `finance`, `legal`, `prd`,
    /// `reference`.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = Note::MAX_TAGS)))]
    pub tags: Vec<NoteTag>,
    /// The venture of the note. `null` means a global note. A memory belongs to the venture of its session.
    #[deserr(default)]
    #[serde(default)]
    pub venture: Option<VentureCode>,
    /// The kind of the note. The text of a memory has at most 8 KiB.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "NoteKind::is_note")]
    pub kind: NoteKind,
    /// The session of the agent that remembers. It may have ended. Required for a memory, and only for a memory.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The commit that the memory is about. The default is the commit of the session. Only for a memory.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_sha: Option<CommitSha>,
}

impl CreateNote {
    /// A global note without tags.
    pub fn new(title: NoteTitle, content: NoteContent) -> Self {
        let (tags, kind) = (Vec::new(), NoteKind::Note);
        Self { title, content, tags, venture: None, kind, session_id: None, commit_sha: None }
    }

    /// A memory of the agent of this session, without tags.
    pub fn memory(session: SessionId, title: NoteTitle, content: NoteContent) -> Self {
        Self { kind: NoteKind::Memory, session_id: Some(session), ..Self::new(title, content) }
    }

    fn bounded(self, at: ValuePointerRef) -> Result<Self, Violations> {
        at_most(at, &[("tags", self.tags.len(), Note::MAX_TAGS)])?;
        match self.kind {
            NoteKind::Note => self.without_session(),
            NoteKind::Memory => self.of_session(),
        }
    }

    fn without_session(self) -> Result<Self, Violations> {
        let only = "is only for notes of the kind `memory`";
        match (&self.session_id, &self.commit_sha) {
            (Some(_), _) => Err(Violations::at("/session_id", only)),
            (None, Some(_)) => Err(Violations::at("/commit_sha", only)),
            (None, None) => Ok(self),
        }
    }

    fn of_session(self) -> Result<Self, Violations> {
        if self.session_id.is_none() {
            return Err(Violations::at("/session_id", "is required for a note of the kind `memory`"));
        }
        if self.venture.is_some() {
            return Err(Violations::at(
                "/venture",
                "must not be given: a memory belongs to the venture of its session",
            ));
        }
        if self.content.as_str().len() > Note::MAX_MEMORY_BYTES {
            return Err(Violations::at("/content", "must have at most 8 KiB as UTF-8 in a note of the kind `memory`"));
        }
        Ok(self)
    }
}

/// Changes a note, as a merge patch.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = UpdateNote::bounded -> Violations)]
pub struct UpdateNote {
    /// The new title. Absent or `null` keeps the title.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<NoteTitle>,
    /// The new text. Absent or `null` keeps the text.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<NoteContent>,
    /// The new tags, at most 20. They replace all tags. Absent or `null` keeps the tags.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = Note::MAX_TAGS)))]
    pub tags: Option<Vec<NoteTag>>,
    /// The new venture. `null` makes the note global.
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

/// A scope of notes other than one venture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum NoteScope {
    /// Notes that belong to no venture.
    Global,
}

/// Selects the notes that `list_notes` shows.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct NoteFilter {
    /// `memory`: show what agents remember. Otherwise, only notes that a human wants to keep are shown.
    #[deserr(default)]
    pub kind: Option<NoteKind>,
    /// Show only notes of this venture.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// `global`: show only notes that belong to no venture.
    #[deserr(default)]
    pub scope: Option<NoteScope>,
    /// Show only notes with this tag.
    #[deserr(default)]
    pub tag: Option<NoteTag>,
    /// `true`: show only archived notes. Otherwise, archived notes are not shown.
    #[deserr(default, try_from(String) = flag -> Invalid)]
    pub archived: Option<bool>,
    /// Search words. The title or text must contain all of them, in any order and inflection; a word also matches the
    /// beginning of a longer word. The best match comes first.
    #[deserr(default)]
    pub q: Option<SearchText>,
    /// The number of notes on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
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

/// A note as `start_day` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NoteSummary {
    /// The id of the note.
    pub id: NoteId,
    /// The title of the note.
    pub title: String,
    /// The text of the note.
    pub content: String,
    /// True if `content` is only the beginning of the text.
    pub truncated: bool,
    /// The venture of the note. `null` means a global note.
    pub venture: Option<VentureCode>,
    /// The actor that wrote the note: the first 16 hexadecimal digits of the SHA-256 of its API key.
    pub actor_key_id: String,
    /// When the note was last changed.
    pub updated_at: Timestamp,
}

/// The notes tagged `executive-summary`, as `start_day` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExecutiveSummaries {
    /// The notes that fit into the limit of 12 KB. The last one may be cut.
    #[serde(flatten)]
    pub excerpt: Excerpt<NoteSummary>,
    /// The first 40 notes that don't fit. Read them by their ids.
    #[serde(default)]
    pub left_out: Vec<NoteName>,
}

/// A note without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NoteName {
    /// The id of the note.
    pub id: NoteId,
    /// The title of the note.
    pub title: String,
    /// The venture of the note. `null` means a global note.
    pub venture: Option<VentureCode>,
    /// When the note was last changed.
    pub updated_at: Timestamp,
}
