//! Handoffs: the structured record that a session leaves to the next one.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::escalation;
use crate::id::{HandoffId, SessionId};
use crate::json::Extra;
use crate::number::{IssueNumber, Track};
use crate::page::{Cursor, Limit, in_query};
use crate::text::{Agent, HandoffItem, Link, RepoName, Summary, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations, at_most};

/// The status of the work that a handoff describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(error = Violations)]
pub enum HandoffStatus {
    /// The work is not finished; the next session continues it.
    #[deserr(rename = "in_progress")]
    InProgress,
    /// The work waits for a person or an event.
    #[deserr(rename = "blocked")]
    Blocked,
    /// The work is ready for review or for another agent.
    #[deserr(rename = "ready")]
    Ready,
    /// The work is finished.
    #[deserr(rename = "done")]
    Done,
}

impl HandoffStatus {
    /// The value on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Done => "done",
        }
    }
}

/// The content of a handoff, as an agent writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = HandoffDraft::bounded -> Violations)]
pub struct HandoffDraft {
    /// A summary of the work.
    pub summary: Summary,
    /// The status of the work.
    pub status: HandoffStatus,
    /// What was accomplished.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = HandoffPayload::MAX_ITEMS)))]
    pub accomplished: Vec<HandoffItem>,
    /// What is in progress.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = HandoffPayload::MAX_ITEMS)))]
    pub in_progress: Vec<HandoffItem>,
    /// What is blocked, and why.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = HandoffPayload::MAX_ITEMS)))]
    pub blocked: Vec<HandoffItem>,
    /// What to do next.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = HandoffPayload::MAX_ITEMS)))]
    pub next_steps: Vec<HandoffItem>,
    /// URLs of pull requests, issues and pages.
    #[deserr(default)]
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = HandoffPayload::MAX_ITEMS)))]
    pub links: Vec<Link>,
    /// The agent that the handoff is addressed to. `null` means the next agent on the repository.
    #[deserr(default)]
    #[serde(default)]
    pub to_agent: Option<Agent>,
    /// Any other data, as a JSON object. In a handoff with the status `blocked`, the field `escalation` says why the agent
    /// stopped and asked: `credential`, `same_error`, `time_box` or `other`.
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
        escalation::check(&self.extra, self.status == HandoffStatus::Blocked, at)?;
        Ok(self)
    }
}

/// Records a handoff without ending the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct CreateHandoff {
    /// The id of the session that the handoff belongs to.
    pub session_id: SessionId,
    /// The handoff to record.
    pub handoff: HandoffDraft,
}

/// The structured part of a handoff, stored as canonical JSON (RFC 8785).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HandoffPayload {
    /// What was accomplished.
    #[serde(default)]
    pub accomplished: Vec<String>,
    /// What is in progress.
    #[serde(default)]
    pub in_progress: Vec<String>,
    /// What is blocked, and why.
    #[serde(default)]
    pub blocked: Vec<String>,
    /// What to do next.
    #[serde(default)]
    pub next_steps: Vec<String>,
    /// URLs of pull requests, issues and pages.
    #[serde(default)]
    pub links: Vec<String>,
    /// Any other data, as a JSON object.
    #[serde(default)]
    pub extra: Extra,
}

impl HandoffPayload {
    /// The maximum size of the canonical JSON in bytes.
    pub const MAX_BYTES: usize = 800 * 1024;
    /// The maximum number of entries in each of the five lists.
    pub const MAX_ITEMS: usize = 200;
}

/// A stored handoff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Handoff {
    /// The id of the handoff.
    pub id: HandoffId,
    /// The id of the session that the handoff belongs to.
    pub session_id: SessionId,
    /// The code of the venture.
    pub venture: VentureCode,
    /// The repository.
    pub repo: RepoName,
    /// The track: a line of work within the repository. `null` means no track; 0 is a track like any other.
    pub track: Option<Track>,
    /// The number of the GitHub issue.
    pub issue_number: Option<IssueNumber>,
    /// The agent that wrote the handoff.
    pub from_agent: Agent,
    /// The agent that the handoff is addressed to. `null` means the next agent on the repository.
    pub to_agent: Option<Agent>,
    /// The status of the work.
    pub status: HandoffStatus,
    /// A summary of the work.
    pub summary: Summary,
    /// The structured part. A list shows `null` if it is larger than 32 KiB; `get_handoff` always returns it.
    pub payload: Option<HandoffPayload>,
    /// The SHA-256 of the canonical JSON of the payload, in hexadecimal.
    pub payload_hash: String,
    /// The size of the canonical JSON of the payload in bytes.
    pub payload_size_bytes: u32,
    /// The version of the format of the payload. It is currently 1.
    pub schema_version: u32,
    /// When the handoff was created.
    pub created_at: Timestamp,
    /// The actor that created the handoff: the first 16 hexadecimal digits of the SHA-256 of its API key.
    pub actor_key_id: String,
    /// The correlation id of the request that created the handoff.
    pub creation_correlation_id: String,
}

/// Selects the handoffs that `list_handoffs` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct HandoffFilter {
    /// Show only handoffs of this venture.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// Show only handoffs of this repository.
    #[deserr(default)]
    pub repo: Option<RepoName>,
    /// Show only handoffs of this track. 0 is a track like any other.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub track: Option<Track>,
    /// Show only handoffs about this GitHub issue.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub issue_number: Option<IssueNumber>,
    /// Show only handoffs from this agent.
    #[deserr(default)]
    pub from_agent: Option<Agent>,
    /// Show only handoffs that are addressed to this agent.
    #[deserr(default)]
    pub to_agent: Option<Agent>,
    /// Show only handoffs with this status.
    #[deserr(default)]
    pub status: Option<HandoffStatus>,
    /// Show only handoffs of this session.
    #[deserr(default)]
    pub session_id: Option<SessionId>,
    /// The number of handoffs on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// Selects the handoff that `latest_handoff` returns: the newest one that matches every filter.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct LatestHandoffFilter {
    /// Show only handoffs of this venture.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// Show only handoffs of this repository.
    #[deserr(default)]
    pub repo: Option<RepoName>,
    /// Show only handoffs of this track. 0 is a track like any other.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub track: Option<Track>,
    /// Show only handoffs about this GitHub issue.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub issue_number: Option<IssueNumber>,
    /// Show only handoffs from this agent.
    #[deserr(default)]
    pub from_agent: Option<Agent>,
    /// Show only handoffs that are addressed to this agent.
    #[deserr(default)]
    pub to_agent: Option<Agent>,
    /// Show only handoffs with this status.
    #[deserr(default)]
    pub status: Option<HandoffStatus>,
    /// Show only handoffs of this session.
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
