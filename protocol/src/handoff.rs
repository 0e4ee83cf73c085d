//! Handoffs: the structured record that a session leaves to the next one.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::id::{HandoffId, SessionId};
use crate::json::Extra;
use crate::page::{Cursor, Limit, in_query};
use crate::text::{Agent, HandoffItem, IssueNumber, Link, RepoName, Summary, Track, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

/// How the work stands that a handoff describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(error = Violations)]
pub enum HandoffStatus {
    /// Under way: the next session continues.
    #[deserr(rename = "in_progress")]
    InProgress,
    /// Waiting for somebody or something.
    #[deserr(rename = "blocked")]
    Blocked,
    /// Ready for review or for another agent.
    #[deserr(rename = "ready")]
    Ready,
    /// Finished.
    #[deserr(rename = "done")]
    Done,
}

impl HandoffStatus {
    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Done => "done",
        }
    }
}

/// What an agent writes into a handoff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct HandoffDraft {
    pub summary: Summary,
    pub status: HandoffStatus,
    #[deserr(default)]
    #[serde(default)]
    pub accomplished: Vec<HandoffItem>,
    #[deserr(default)]
    #[serde(default)]
    pub in_progress: Vec<HandoffItem>,
    #[deserr(default)]
    #[serde(default)]
    pub blocked: Vec<HandoffItem>,
    #[deserr(default)]
    #[serde(default)]
    pub next_steps: Vec<HandoffItem>,
    #[deserr(default)]
    #[serde(default)]
    pub links: Vec<Link>,
    /// The agent it is meant for; `null` is whoever comes next.
    #[deserr(default)]
    #[serde(default)]
    pub to_agent: Option<Agent>,
    /// Anything else, as a JSON object.
    #[deserr(default)]
    #[serde(default)]
    pub extra: Extra,
}

/// Hands work over without ending the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct CreateHandoff {
    pub session_id: SessionId,
    pub handoff: HandoffDraft,
}

/// The structured part of a handoff, stored as canonical JSON (RFC 8785).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HandoffPayload {
    #[serde(default)]
    pub accomplished: Vec<String>,
    #[serde(default)]
    pub in_progress: Vec<String>,
    #[serde(default)]
    pub blocked: Vec<String>,
    #[serde(default)]
    pub next_steps: Vec<String>,
    #[serde(default)]
    pub links: Vec<String>,
    #[serde(default)]
    pub extra: Extra,
}

impl HandoffPayload {
    /// Most bytes of the canonical JSON.
    pub const MAX_BYTES: usize = 800 * 1024;
    /// Most entries of each of the five lists.
    pub const MAX_ITEMS: usize = 200;
}

/// A handoff as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Handoff {
    pub id: HandoffId,
    pub session_id: SessionId,
    pub venture: VentureCode,
    pub repo: RepoName,
    pub track: Option<Track>,
    pub issue_number: Option<IssueNumber>,
    pub from_agent: Agent,
    pub to_agent: Option<Agent>,
    pub status: HandoffStatus,
    pub summary: Summary,
    pub payload: HandoffPayload,
    /// SHA-256 of the payload's canonical JSON, in hexadecimal.
    pub payload_hash: String,
    /// Bytes of the payload's canonical JSON.
    pub payload_size_bytes: u32,
    /// The shape of the payload; 1 today.
    pub schema_version: u32,
    pub created_at: Timestamp,
    pub actor_key_id: String,
    pub creation_correlation_id: String,
}

/// Which handoffs `list_handoffs` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct HandoffFilter {
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    #[deserr(default)]
    pub repo: Option<RepoName>,
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub track: Option<Track>,
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub issue_number: Option<IssueNumber>,
    #[deserr(default)]
    pub from_agent: Option<Agent>,
    #[deserr(default)]
    pub to_agent: Option<Agent>,
    #[deserr(default)]
    pub status: Option<HandoffStatus>,
    #[deserr(default)]
    pub session_id: Option<SessionId>,
    /// 1 to 100, 20 unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// Which handoff `latest_handoff` answers with: the newest that fits.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct LatestHandoffFilter {
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    #[deserr(default)]
    pub repo: Option<RepoName>,
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub track: Option<Track>,
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub issue_number: Option<IssueNumber>,
    #[deserr(default)]
    pub from_agent: Option<Agent>,
    #[deserr(default)]
    pub to_agent: Option<Agent>,
    #[deserr(default)]
    pub status: Option<HandoffStatus>,
    #[deserr(default)]
    pub session_id: Option<SessionId>,
}
