//! Operational documents. What must exist is in `requirement`, what is missing or stale in `audit`.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::doc_title;
use crate::number::DocVersionNumber;
use crate::page::{Cursor, Limit, in_query};
use crate::text::{DocContent, DocName, DocScope, DocTitle, RepoName, SourcePath, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

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
    /// When its content was last changed.
    pub updated_at: Timestamp,
}

/// A document without its content, in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Doc {
    /// What a day shows of it.
    #[serde(flatten)]
    pub summary: DocSummary,
    /// The repository that it was made from.
    pub source_repo: Option<RepoName>,
    /// Where in that repository.
    pub source_path: Option<SourcePath>,
    /// When it was first put.
    pub created_at: Timestamp,
    /// Who gave it its content: the first 16 hexadecimal digits of the key's SHA-256.
    pub actor_key_id: String,
}

impl Doc {
    /// Most bytes of its content.
    pub const MAX_BYTES: usize = DocContent::MAX_CHARS;
    /// How many versions are kept, the newest one and deletions among them.
    pub const MAX_VERSIONS: u32 = 20;
}

/// A document, or one of its versions, with its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocText {
    /// Everything else about it. The `ETag` is its `content_hash` in quotes.
    #[serde(flatten)]
    pub doc: Doc,
    /// What it says.
    pub content: String,
}

/// What a put has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DocOutcome {
    /// There was no such document, or it had been deleted.
    Created,
    /// Its content is another now.
    Updated,
    /// Its content is what it was: `version` and `updated_at` are too. Title, type and source are what was put.
    Unchanged,
}

/// The answer to a put: never the content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocPut {
    /// What was done.
    pub outcome: DocOutcome,
    /// The document as it is now.
    #[serde(flatten)]
    pub doc: Doc,
}

/// One version of a document, as it was when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocVersion {
    /// `global` or the code of a venture.
    pub scope: String,
    /// The name of the document.
    pub name: String,
    /// Counts from 1 on, over deletions.
    pub version: u32,
    /// True when this version is that the document was deleted.
    pub deleted: bool,
    /// Its title.
    pub title: String,
    /// `markdown` or `json`.
    pub doc_type: String,
    /// SHA-256 of the content, in hexadecimal; `null` of a deletion.
    pub content_hash: Option<String>,
    /// Bytes of the content.
    pub size_bytes: u32,
    /// The repository that it was made from.
    pub source_repo: Option<RepoName>,
    /// Where in that repository.
    pub source_path: Option<SourcePath>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it: the first 16 hexadecimal digits of the key's SHA-256.
    pub actor_key_id: String,
    /// The correlation id of the request that made it.
    pub creation_correlation_id: String,
}

/// How the content of a document is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum DocType {
    /// Markdown.
    #[default]
    Markdown,
    /// One JSON value.
    Json,
}

impl DocType {
    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Json => "json",
        }
    }
}

/// Makes or replaces a document; its scope and name are in the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct PutDoc {
    /// What it says. Of the type `json`, it must be one JSON value.
    pub content: DocContent,
    /// How it is read; `markdown` unless given.
    #[deserr(default)]
    #[serde(default)]
    pub doc_type: DocType,
    /// Its title. Without one it is the first heading of markdown, the member `title` of JSON, or else the name.
    #[deserr(default)]
    #[serde(default)]
    pub title: Option<DocTitle>,
    /// The repository that it was made from.
    #[deserr(default)]
    #[serde(default)]
    pub source_repo: Option<RepoName>,
    /// Where in that repository.
    #[deserr(default)]
    #[serde(default)]
    pub source_path: Option<SourcePath>,
}

impl PutDoc {
    /// The title that the document gets under `name`.
    pub fn title_under(&self, name: &DocName) -> String {
        let found = || match self.doc_type {
            DocType::Markdown => doc_title::of_markdown(self.content.as_str()),
            DocType::Json => doc_title::of_json(self.content.as_str()),
        };
        let given = self.title.as_ref().map(|title| title.as_str().to_owned());
        given.or_else(found).unwrap_or_else(|| name.to_string())
    }
}

/// Which documents `list_docs` shows, by scope and name.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct DocFilter {
    /// The venture that they belong to.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// `global`, or a venture.
    #[deserr(default)]
    pub scope: Option<DocScope>,
    /// 1 to 100, 20 unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// Where the page starts: the `next_cursor` of the page before.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// What `get_doc` reads of a document.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct GetDoc {
    /// One of its kept versions, also after it was deleted; the newest unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub version: Option<DocVersionNumber>,
}

/// Which versions `list_doc_versions` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct ListDocVersions {
    /// 1 to 100, 20 unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// Where the page starts: the `next_cursor` of the page before.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}
