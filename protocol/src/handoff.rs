//! Handoffs: the structured record that a session leaves to the next one.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::id::{HandoffId, SessionId};
use crate::json::Extra;
use crate::number::{IssueNumber, Track};
use crate::page::{Cursor, Limit, in_query};
use crate::text::{Agent, HandoffItem, Link, RepoName, Summary, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations, at_most};

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
#[deserr(deny_unknown_fields, error = Violations, validate = HandoffDraft::bounded -> Violations)]
pub struct HandoffDraft {
    /// The work in short.
    pub summary: Summary,
    /// Where it stands.
    pub status: HandoffStatus,
    /// What is done.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = HandoffPayload::MAX_ITEMS)))]
    pub accomplished: Vec<HandoffItem>,
    /// What is under way.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = HandoffPayload::MAX_ITEMS)))]
    pub in_progress: Vec<HandoffItem>,
    /// What waits, and for what.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = HandoffPayload::MAX_ITEMS)))]
    pub blocked: Vec<HandoffItem>,
    /// What comes next.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = HandoffPayload::MAX_ITEMS)))]
    pub next_steps: Vec<HandoffItem>,
    /// Pull requests, issues, pages.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = HandoffPayload::MAX_ITEMS)))]
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

impl HandoffDraft {
    fn bounded(self, at: ValuePointerRef) -> Result<Self, Violations> {
        const MAX: usize = HandoffPayload::MAX_ITEMS;
        at_most(
            at,
            &[
                ("accomplished", self.accomplished.len(), MAX),
                ("in_progress", self.in_progress.len(), MAX),
                ("blocked", self.blocked.len(), MAX),
                ("next_steps", self.next_steps.len(), MAX),
                ("links", self.links.len(), MAX),
            ],
        )?;
        Ok(self)
    }
}

/// Hands work over without ending the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct CreateHandoff {
    /// The session.
    pub session_id: SessionId,
    /// The handoff.
    pub handoff: HandoffDraft,
}

/// The structured part of a handoff, stored as canonical JSON (RFC 8785).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HandoffPayload {
    /// What is done.
    #[serde(default)]
    pub accomplished: Vec<String>,
    /// What is under way.
    #[serde(default)]
    pub in_progress: Vec<String>,
    /// What waits, and for what.
    #[serde(default)]
    pub blocked: Vec<String>,
    /// What comes next.
    #[serde(default)]
    pub next_steps: Vec<String>,
    /// Pull requests, issues, pages.
    #[serde(default)]
    pub links: Vec<String>,
    /// Anything else, as a JSON object.
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
    /// Its id.
    pub id: HandoffId,
    /// The session.
    pub session_id: SessionId,
    /// The venture it is about.
    pub venture: VentureCode,
    /// The repository it is about.
    pub repo: RepoName,
    /// The line of work; `null` is none, 0 is a track.
    pub track: Option<Track>,
    /// The GitHub issue it is about.
    pub issue_number: Option<IssueNumber>,
    /// The agent that wrote it.
    pub from_agent: Agent,
    /// The agent it is meant for; `null` is whoever comes next.
    pub to_agent: Option<Agent>,
    /// Where it stands.
    pub status: HandoffStatus,
    /// The work in short.
    pub summary: Summary,
    /// Always there when one handoff is read; `null` in a list when it has more than 32 KiB.
    pub payload: Option<HandoffPayload>,
    /// SHA-256 of the payload's canonical JSON, in hexadecimal.
    pub payload_hash: String,
    /// Bytes of the payload's canonical JSON.
    pub payload_size_bytes: u32,
    /// The shape of the payload; 1 today.
    pub schema_version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who holds the key: the first 16 hexadecimal digits of its SHA-256.
    pub actor_key_id: String,
    /// The correlation id of the request that made it.
    pub creation_correlation_id: String,
}

/// Which handoffs `list_handoffs` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct HandoffFilter {
    /// The venture it is about.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// The repository it is about.
    #[deserr(default)]
    pub repo: Option<RepoName>,
    /// The line of work; `null` is none, 0 is a track.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub track: Option<Track>,
    /// The GitHub issue it is about.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub issue_number: Option<IssueNumber>,
    /// The agent that wrote it.
    #[deserr(default)]
    pub from_agent: Option<Agent>,
    /// The agent it is meant for; `null` is whoever comes next.
    #[deserr(default)]
    pub to_agent: Option<Agent>,
    /// Where it stands.
    #[deserr(default)]
    pub status: Option<HandoffStatus>,
    /// The session.
    #[deserr(default)]
    pub session_id: Option<SessionId>,
    /// 1 to 100, 20 unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// Where the page starts: the `next_cursor` of the page before.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// Which handoff `latest_handoff` answers with: the newest that fits.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct LatestHandoffFilter {
    /// The venture it is about.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// The repository it is about.
    #[deserr(default)]
    pub repo: Option<RepoName>,
    /// The line of work; `null` is none, 0 is a track.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub track: Option<Track>,
    /// The GitHub issue it is about.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub issue_number: Option<IssueNumber>,
    /// The agent that wrote it.
    #[deserr(default)]
    pub from_agent: Option<Agent>,
    /// The agent it is meant for; `null` is whoever comes next.
    #[deserr(default)]
    pub to_agent: Option<Agent>,
    /// Where it stands.
    #[deserr(default)]
    pub status: Option<HandoffStatus>,
    /// The session.
    #[deserr(default)]
    pub session_id: Option<SessionId>,
}

impl From<LatestHandoffFilter> for HandoffFilter {
    fn from(latest: LatestHandoffFilter) -> Self {
        let LatestHandoffFilter { venture, repo, track, issue_number, from_agent, to_agent, status, session_id } =
            latest;
        Self { venture, repo, track, issue_number, from_agent, to_agent, status, session_id, limit: None, cursor: None }
    }
}
