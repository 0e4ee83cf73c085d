//! The start and the end of an agent's day.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::activity::{PublicKey, Uuid};
use crate::audit::DocAudit;
use crate::claim::Claim;
use crate::doc::DocSummary;
use crate::group::Groups;
use crate::handoff::{Handoff, HandoffDraft};
use crate::id::SessionId;
use crate::json::Meta;
use crate::note::ExecutiveSummaries;
use crate::number::{Epoch, IssueNumber, Track};
use crate::page::Excerpt;
use crate::session::{ActiveCounts, ActiveSession, EndReason, Session};
use crate::text::{
    Agent, Branch, Client, ClientSessionId, ClientVersion, CommitSha, Host, RepoName, StatusLine, VentureCode,
};
use crate::time::Timestamp;
use crate::venture::Venture;
use crate::violation::Violations;

/// Starts the day of an agent in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct StartDay {
    /// The name of the agent, such as `mac1-claude-1`.
    pub agent: Agent,
    /// The agent CLI, such as `claude`.
    pub client: Client,
    /// The version that the agent CLI reports.
    #[deserr(default)]
    #[serde(default)]
    pub client_version: Option<ClientVersion>,
    /// The id that the agent CLI gives to its conversation.
    #[deserr(default)]
    #[serde(default)]
    pub client_session_id: Option<ClientSessionId>,
    /// The hostname of the machine that the agent runs on.
    pub host: Host,
    /// The code of the venture that the agent works on.
    pub venture: VentureCode,
    /// The repository that the agent works in.
    pub repo: RepoName,
    /// The track: a line of work within the repository. `null` means no track; 0 is a track like any other.
    #[deserr(default)]
    #[serde(default)]
    pub track: Option<Track>,
    /// The number of the GitHub issue that the agent works on.
    #[deserr(default)]
    #[serde(default)]
    pub issue_number: Option<IssueNumber>,
    /// The git branch. `null` means a detached HEAD.
    #[deserr(default)]
    #[serde(default)]
    pub branch: Option<Branch>,
    /// The hash of the commit that is checked out.
    #[deserr(default)]
    #[serde(default)]
    pub commit_sha: Option<CommitSha>,
    /// Any other data that the client stores with the session.
    #[deserr(default)]
    #[serde(default)]
    pub meta: Meta,
    /// A UUID that the process makes once. The same one keeps the epoch of the session, another one takes the next. A
    /// request without it keeps the epoch.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_id: Option<Uuid>,
    /// A UUID that the machine makes once. The name of an agent belongs to the machine and the owner of the key that took it
    /// first in the venture. A request without it takes no name, and is refused by none.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<Uuid>,
    /// The groups of the agent, and its role in each. `null` keeps those of the session.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Groups>,
    /// The public key to which messages for the agent are sealed. `null` keeps that of the session.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<PublicKey>,
    /// Why the agent goes on under a name that belongs to another machine or owner. `null` takes no such name.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take_over: Option<StatusLine>,
}

impl StartDay {
    /// Starts the day of an agent, with no value in the optional fields.
    pub fn new(agent: Agent, client: Client, host: Host, venture: VentureCode, repo: RepoName) -> Self {
        SessionRequest::new(agent, client, host, repo).start_day_on(venture)
    }
}

/// A request to start a session, whose venture may not be known yet. The outbox of a client keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionRequest {
    /// The name of the agent.
    pub agent: Agent,
    /// The agent CLI.
    pub client: Client,
    /// The version that the agent CLI reports.
    pub client_version: Option<ClientVersion>,
    /// The id that the agent CLI gives to its conversation.
    pub client_session_id: Option<ClientSessionId>,
    /// The hostname of the machine that the agent runs on.
    pub host: Host,
    /// The venture that the agent works on. `None` means the venture that the repository belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venture: Option<VentureCode>,
    /// The repository that the agent works in.
    pub repo: RepoName,
    /// The track.
    pub track: Option<Track>,
    /// The number of the GitHub issue that the agent works on.
    pub issue_number: Option<IssueNumber>,
    /// The git branch.
    pub branch: Option<Branch>,
    /// The hash of the commit that is checked out.
    pub commit_sha: Option<CommitSha>,
    /// Any other data that the client stores with the session.
    pub meta: Meta,
    /// The id of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_id: Option<Uuid>,
    /// The id of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<Uuid>,
    /// The groups of the agent, and its role in each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Groups>,
    /// The public key to which messages for the agent are sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<PublicKey>,
    /// Why the agent goes on under a name that belongs to another machine or owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take_over: Option<StatusLine>,
}

impl SessionRequest {
    /// A request with no value in the optional fields.
    pub fn new(agent: Agent, client: Client, host: Host, repo: RepoName) -> Self {
        Self {
            agent,
            client,
            client_version: None,
            client_session_id: None,
            host,
            venture: None,
            repo,
            track: None,
            issue_number: None,
            branch: None,
            commit_sha: None,
            meta: Meta::default(),
            start_id: None,
            machine_id: None,
            groups: None,
            public_key: None,
            take_over: None,
        }
    }

    /// Converts the request to a start of day on this venture.
    pub fn start_day_on(self, venture: VentureCode) -> StartDay {
        StartDay {
            agent: self.agent,
            client: self.client,
            client_version: self.client_version,
            client_session_id: self.client_session_id,
            host: self.host,
            venture,
            repo: self.repo,
            track: self.track,
            issue_number: self.issue_number,
            branch: self.branch,
            commit_sha: self.commit_sha,
            meta: self.meta,
            start_id: self.start_id,
            machine_id: self.machine_id,
            groups: self.groups,
            public_key: self.public_key,
            take_over: self.take_over,
        }
    }
}

/// Whether `start_day` created a session or resumed the agent's active one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DayOutcome {
    /// The session is new. The HTTP status is 201.
    Created,
    /// The agent's active session continues. The HTTP status is 200.
    Resumed,
}

/// What an agent needs to know at the start of its day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DayStarted {
    /// Whether the session was created or resumed.
    pub outcome: DayOutcome,
    /// The session.
    pub session: Session,
    /// When the agent should send its next heartbeat.
    pub next_heartbeat_at: Timestamp,
    /// The seconds from now until `next_heartbeat_at`, from 480 to 720.
    pub heartbeat_interval_seconds: u32,
    /// The venture that the agent works on.
    pub venture: Venture,
    /// The newest handoff of this venture and repository, of any age. If the session has a track, this is the newest
    /// handoff of that track, or of no track while the track has no handoff.
    pub last_handoff: Option<Handoff>,
    /// The handoffs of this venture that are addressed to this agent, newest first. A handoff is shown until the agent
    /// ends a day that began after the handoff arrived. A payload of more than 8 KiB is shown as `null`.
    #[serde(default)]
    pub handoffs_to_you: Excerpt<Handoff>,
    /// The active sessions of other agents on the venture. The agent's own other sessions are not included. Sessions on the
    /// same issue of the same repository come first, then those on its branch, then those in the repository, then the
    /// others; among equals, the latest heartbeat comes first. Shows up to 20, and up to 100 on the same issue or branch.
    pub active_sessions: Excerpt<ActiveSession>,
    /// How many of these work in the same place. An API of an older version does not count them.
    #[serde(default)]
    pub active_counts: Option<ActiveCounts>,
    /// The claims of the venture, also the agent's own: those on the issue of the session first, then those in its repository,
    /// then the newest. Shows up to 10.
    #[serde(default)]
    pub claims: Excerpt<Claim>,
    /// The notes tagged `executive-summary`: first those of the venture, then global ones, each newest first, 12 KB in
    /// total. The note that exceeds 12 KB is cut at a paragraph. Of the notes after it, only the titles are listed.
    pub executive_summaries: ExecutiveSummaries,
    /// The documents of the venture, then the global ones, without their content.
    pub doc_index: Excerpt<DocSummary>,
    /// The documents that are missing or stale, and the optional documents that don't exist.
    pub doc_audit: DocAudit,
    /// The id of this request in the log.
    pub correlation_id: String,
}

/// Records the handoff and ends the session, or keeps the session active if `keep_open` is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct EndDay {
    /// The id of the session.
    pub session_id: SessionId,
    /// Why the session ends.
    #[deserr(default)]
    #[serde(default)]
    pub end_reason: EndReason,
    /// True to record the handoff and keep the session active.
    #[deserr(default)]
    #[serde(default)]
    pub keep_open: bool,
    /// The epoch of the caller. If the session has another epoch, the handoff is recorded and the session goes on.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The handoff to record.
    pub handoff: HandoffDraft,
}

/// The ended session and its handoff. A second end of the same day returns the first result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DayEnded {
    /// The session, after the change.
    pub session: Session,
    /// The recorded handoff.
    pub handoff: Handoff,
    /// The id of this request in the log.
    pub correlation_id: String,
}
