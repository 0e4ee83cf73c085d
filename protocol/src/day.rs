//! The start and the end of an agent's day.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::audit::DocAudit;
use crate::doc::DocSummary;
use crate::handoff::{Handoff, HandoffDraft};
use crate::id::SessionId;
use crate::json::Meta;
use crate::note::ExecutiveSummaries;
use crate::number::{IssueNumber, Track};
use crate::page::Excerpt;
use crate::session::{ActiveCounts, ActiveSession, EndReason, Session};
use crate::text::{Agent, Branch, Client, ClientSessionId, ClientVersion, CommitSha, Host, RepoName, VentureCode};
use crate::time::Timestamp;
use crate::venture::Venture;
use crate::violation::Violations;

/// Who starts the day, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct StartDay {
    /// The running agent.
    pub agent: Agent,
    /// The agent's command line tool.
    pub client: Client,
    /// What the tool says of its version.
    #[deserr(default)]
    #[serde(default)]
    pub client_version: Option<ClientVersion>,
    /// The id that the tool gives its own conversation.
    #[deserr(default)]
    #[serde(default)]
    pub client_session_id: Option<ClientSessionId>,
    /// The machine it runs on.
    pub host: Host,
    /// The venture it works on.
    pub venture: VentureCode,
    /// The repository it works in.
    pub repo: RepoName,
    /// The line of work; `null` is none, 0 is a track.
    #[deserr(default)]
    #[serde(default)]
    pub track: Option<Track>,
    /// The GitHub issue it works on.
    #[deserr(default)]
    #[serde(default)]
    pub issue_number: Option<IssueNumber>,
    /// The git branch; `null` on a detached HEAD.
    #[deserr(default)]
    #[serde(default)]
    pub branch: Option<Branch>,
    /// The commit that is checked out.
    #[deserr(default)]
    #[serde(default)]
    pub commit_sha: Option<CommitSha>,
    /// What the client notes about the session.
    #[deserr(default)]
    #[serde(default)]
    pub meta: Meta,
}

/// Whether `start_day` made a session or found the agent's live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DayOutcome {
    /// A new session; the answer's status is 201.
    Created,
    /// The agent's live session goes on; the answer's status is 200.
    Resumed,
}

/// Everything an agent needs at the start of its day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DayStarted {
    /// Whether the session is new.
    pub outcome: DayOutcome,
    /// The session.
    pub session: Session,
    /// When the server wants to hear of the agent.
    pub next_heartbeat_at: Timestamp,
    /// The same as seconds from now: 480 to 720.
    pub heartbeat_interval_seconds: u32,
    /// The venture it works on.
    pub venture: Venture,
    /// The newest handoff of this venture and repository, of this track when the session has one
    /// (or of no track, while the track has none); never hidden by age.
    pub last_handoff: Option<Handoff>,
    /// The handoffs to this agent on this venture, newest first: each until the agent has ended a day that began after
    /// it came. The payload of one is `null` when it has more than 8 KiB.
    #[serde(default)]
    pub handoffs_to_you: Excerpt<Handoff>,
    /// Everyone else on the venture; the agent's own other sessions are not among them. Those on the same issue of the same
    /// repository come first, then those on the same branch of it, then those in it, then the others; among these, the
    /// latest heartbeat first. Up to 20 are shown, and up to 100 of those on the same issue or branch.
    pub active_sessions: Excerpt<ActiveSession>,
    /// How many of these work at the same place; an API of an older version does not count them.
    #[serde(default)]
    pub active_counts: Option<ActiveCounts>,
    /// Notes tagged `executive-summary`: the venture's, then global ones, newest first, 12 KB in all. The note that
    /// overflows them is cut at a paragraph, and those beyond it are named.
    pub executive_summaries: ExecutiveSummaries,
    /// The documents of the venture, then global ones, without content.
    pub doc_index: Excerpt<DocSummary>,
    /// Which documents are missing or stale, and which optional ones are not there.
    pub doc_audit: DocAudit,
    /// Names the request in the log.
    pub correlation_id: String,
}

/// Ends the day, or with `keep_open` records the handoff and lets the session go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct EndDay {
    /// The session.
    pub session_id: SessionId,
    /// Why it ended.
    #[deserr(default)]
    #[serde(default)]
    pub end_reason: EndReason,
    /// True to record the handoff and let the session go on.
    #[deserr(default)]
    #[serde(default)]
    pub keep_open: bool,
    /// The handoff.
    pub handoff: HandoffDraft,
}

/// The session as it ended and the handoff it left. A second end of day answers with the first result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DayEnded {
    /// The session.
    pub session: Session,
    /// The handoff.
    pub handoff: Handoff,
    /// Names the request in the log.
    pub correlation_id: String,
}
