//! Operational documents. `requirement` defines which documents must exist; `audit` lists what is missing or stale.

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
    /// The scope: `global` or the code of a venture.
    pub scope: String,
    /// The name of the document, such as `api.md`.
    pub name: String,
    /// The title of the document.
    pub title: String,
    /// The type of the content: `markdown` or `json`.
    pub doc_type: String,
    /// The version number of the content, from 1.
    pub version: u32,
    /// The SHA-256 of the content, in hexadecimal.
    pub content_hash: String,
    /// The size of the content in bytes.
    pub size_bytes: u32,
    /// When the content was last changed.
    pub updated_at: Timestamp,
}

/// All metadata of a document, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Doc {
    /// The metadata that `start_day` also shows.
    #[serde(flatten)]
    pub summary: DocSummary,
    /// The repository that the document was made from.
    pub source_repo: Option<RepoName>,
    /// The path of the source in that repository.
    pub source_path: Option<SourcePath>,
    /// When the document was first stored.
    pub created_at: Timestamp,
    /// The actor that stored the content: the first 16 hexadecimal digits of the SHA-256 of its API key.
    pub actor_key_id: String,
}

impl Doc {
    /// The maximum size of the content in bytes.
    pub const MAX_BYTES: usize = DocContent::MAX_CHARS;
    /// The number of versions that are kept. The newest version and deletions count.
    pub const MAX_VERSIONS: u32 = 20;
}

/// A document, or one of its versions, with its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocText {
    /// The metadata. The `ETag` header is `content_hash` in quotes.
    #[serde(flatten)]
    pub doc: Doc,
    /// The content.
    pub content: String,
}

/// What `put_doc` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DocOutcome {
    /// The document is new, or it was deleted before.
    Created,
    /// The content changed.
    Updated,
    /// The content is the same as before, so `version` and `updated_at` did not change. Title, type and source are
    /// those of the request.
    Unchanged,
}

/// The answer of `put_doc`, without the content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocPut {
    /// What `put_doc` did.
    pub outcome: DocOutcome,
    /// The document after the change.
    #[serde(flatten)]
    pub doc: Doc,
}

/// One version of a document, as it was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DocVersion {
    /// The scope: `global` or the code of a venture.
    pub scope: String,
    /// The name of the document, such as `api.md`.
    pub name: String,
    /// The version number, from 1. A deletion counts as a version.
    pub version: u32,
    /// True if this version is the deletion of the document.
    pub deleted: bool,
    /// The title of the document.
    pub title: String,
    /// The type of the content: `markdown` or `json`.
    pub doc_type: String,
    /// The SHA-256 of the content, in hexadecimal. `null` for a deletion.
    pub content_hash: Option<String>,
    /// The size of the content in bytes.
    pub size_bytes: u32,
    /// The repository that the document was made from.
    pub source_repo: Option<RepoName>,
    /// The path of the source in that repository.
    pub source_path: Option<SourcePath>,
    /// When the version was stored.
    pub created_at: Timestamp,
    /// The actor that stored the version: the first 16 hexadecimal digits of the SHA-256 of its API key.
    pub actor_key_id: String,
    /// The correlation id of the request that stored the version.
    pub creation_correlation_id: String,
}

/// The type of the content of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum DocType {
    /// Markdown text.
    #[default]
    Markdown,
    /// One JSON value.
    Json,
}

impl DocType {
    /// The value on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Json => "json",
        }
    }
}

/// Creates or replaces a document. The path contains its scope and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct PutDoc {
    /// The content. If `doc_type` is `json`, the content must be one JSON value.
    pub content: DocContent,
    /// The type of the content. The default is `markdown`.
    #[deserr(default)]
    #[serde(default)]
    pub doc_type: DocType,
    /// The title. The default is the first heading of Markdown or the member `title` of JSON, otherwise the name.
    #[deserr(default)]
    #[serde(default)]
    pub title: Option<DocTitle>,
    /// The repository that the document was made from.
    #[deserr(default)]
    #[serde(default)]
    pub source_repo: Option<RepoName>,
    /// The path of the source in that repository.
    #[deserr(default)]
    #[serde(default)]
    pub source_path: Option<SourcePath>,
}

impl PutDoc {
    /// The title of the document if it is stored as `name`.
    pub fn title_under(&self, name: &DocName) -> String {
        let found = || match self.doc_type {
            DocType::Markdown => doc_title::of_markdown(self.content.as_str()),
            DocType::Json => doc_title::of_json(self.content.as_str()),
        };
        let given = self.title.as_ref().map(|title| title.as_str().to_owned());
        given.or_else(found).unwrap_or_else(|| name.to_string())
    }
}

/// Selects the documents that `list_docs` shows. They are sorted by scope and name.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct DocFilter {
    /// Show only documents of this venture.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// Show only documents of this scope: `global` or the code of a venture.
    #[deserr(default)]
    pub scope: Option<DocScope>,
    /// The number of documents on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// Selects the version that `get_doc` reads.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct GetDoc {
    /// A version number that is still kept, also of a deleted document. The default is the newest version.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub version: Option<DocVersionNumber>,
}

/// Selects the page of versions that `list_doc_versions` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct ListDocVersions {
    /// The number of versions on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}
