//! Sessions: the work of one agent on a venture and repository, from start of day to end of day.

use deserr::{Deserr, ValuePointerRef};
use serde::{Deserialize, Serialize};

use crate::activity::{Activity, DeliveryMode, PublicKey, ReportedActivity};
use crate::change::Change;
use crate::group::Groups;
use crate::id::{HandoffId, SessionId};
use crate::json::Meta;
use crate::number::{Epoch, IssueNumber, Track};
use crate::page::{Cursor, Limit, in_query};
use crate::text::{
    Agent, Branch, Client, ClientSessionId, ClientVersion, CommitSha, Host, RepoName, StatusLine, VentureCode,
};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

/// The status of a session. A session without a heartbeat for 45 minutes is shown as abandoned immediately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum SessionStatus {
    /// The agent is alive: its heartbeats arrive.
    Active,
    /// The agent ended the session with a handoff.
    Ended,
    /// No heartbeat arrived for 45 minutes, or the agent left without ending its day.
    Abandoned,
}

impl SessionStatus {
    /// The value on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ended => "ended",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The reason why a session ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(error = Violations)]
pub enum EndReason {
    /// A person or an agent ended the day.
    #[default]
    #[deserr(rename = "manual")]
    Manual,
    /// The process of the agent exited before it ended its day.
    #[deserr(rename = "process_exit")]
    ProcessExit,
    /// No heartbeat arrived for 45 minutes.
    #[deserr(rename = "stale")]
    Stale,
}

impl EndReason {
    /// The value on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::ProcessExit => "process_exit",
            Self::Stale => "stale",
        }
    }
}

/// The work of one agent on a venture and repository, from start of day to end of day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Session {
    /// The id of the session.
    pub id: SessionId,
    /// The name of the agent, such as `mac1-claude-1`.
    pub agent: Agent,
    /// The agent CLI, such as `claude`.
    pub client: Client,
    /// The version that the agent CLI reports.
    pub client_version: Option<ClientVersion>,
    /// The id that the agent CLI gives to its conversation.
    pub client_session_id: Option<ClientSessionId>,
    /// The hostname of the machine that the agent runs on.
    pub host: Host,
    /// The code of the venture that the agent works on.
    pub venture: VentureCode,
    /// The repository that the agent works in.
    pub repo: RepoName,
    /// The track: a line of work within the repository. `null` means no track; 0 is a track like any other.
    pub track: Option<Track>,
    /// The number of the GitHub issue that the agent works on.
    pub issue_number: Option<IssueNumber>,
    /// The git branch. `null` means a detached HEAD.
    pub branch: Option<Branch>,
    /// The hash of the commit that is checked out.
    pub commit_sha: Option<CommitSha>,
    /// The status of the session.
    pub status: SessionStatus,
    /// When the session was created.
    pub created_at: Timestamp,
    /// When the last heartbeat of the agent arrived. `start_day` and `update_session` count as heartbeats.
    pub last_heartbeat_at: Timestamp,
    /// When the session ended or was marked as abandoned.
    pub ended_at: Option<Timestamp>,
    /// Why the session ended.
    pub end_reason: Option<EndReason>,
    /// The handoff that ended the session.
    pub final_handoff_id: Option<HandoffId>,
    /// The actor that created the session: the first 16 hexadecimal digits of the SHA-256 of its API key.
    pub actor_key_id: String,
    /// The correlation id of the request that created the session.
    pub creation_correlation_id: String,
    /// Any other data that the client stores with the session.
    pub meta: Meta,
    /// The number of the process that speaks for the session. Another process of the agent takes the next one.
    #[serde(default)]
    pub epoch: Epoch,
    /// How messages reach the agent.
    #[serde(default)]
    pub mode: DeliveryMode,
    /// Until when messages do not disturb the agent. `null` means that they may.
    #[serde(default)]
    pub dnd_until: Option<Timestamp>,
    /// What the agent last said about its work. `null` if it said nothing, or if the session is not active.
    #[serde(default)]
    pub presence: Option<Activity>,
    /// The groups of the agent, and its role in each.
    #[serde(default)]
    pub groups: Groups,
    /// The public key to which messages for the agent are sealed.
    #[serde(default)]
    pub public_key: Option<PublicKey>,
    /// Why the session took the name of the agent over from another owner or machine. `null` if it did not.
    #[serde(default)]
    pub take_over_reason: Option<StatusLine>,
}

/// The part of an active session that other agents need to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActiveSession {
    /// The id of the session.
    pub id: SessionId,
    /// The name of the agent, such as `mac1-claude-1`.
    pub agent: Agent,
    /// The agent CLI, such as `claude`.
    pub client: Client,
    /// The hostname of the machine that the agent runs on.
    pub host: Host,
    /// The repository that the agent works in.
    pub repo: RepoName,
    /// The track: a line of work within the repository. `null` means no track; 0 is a track like any other.
    pub track: Option<Track>,
    /// The number of the GitHub issue that the agent works on.
    pub issue_number: Option<IssueNumber>,
    /// The git branch. `null` means a detached HEAD.
    pub branch: Option<Branch>,
    /// When the session was created.
    pub created_at: Timestamp,
    /// When the last heartbeat of the agent arrived. `start_day` and `update_session` count as heartbeats.
    pub last_heartbeat_at: Timestamp,
    /// What the agent last said about its work.
    #[serde(default)]
    pub presence: Option<Activity>,
    /// The groups of the agent, and its role in each.
    #[serde(default)]
    pub groups: Groups,
    /// Why the session took the name of the agent over from another owner or machine. `null` if it did not.
    #[serde(default)]
    pub take_over_reason: Option<StatusLine>,
}

/// The numbers of other agents that work in the same place as an agent. An agent on the same issue and branch is in all
/// three numbers. Of more than 1,000 other agents, those with the latest heartbeats are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActiveCounts {
    /// Others in the same repository, on the same issue.
    pub same_issue: u32,
    /// Others in the same repository, on the same branch.
    pub same_branch: u32,
    /// Others in the same repository.
    pub same_repo: u32,
}

/// Selects the sessions that `list_sessions` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct SessionFilter {
    /// Show only sessions on this venture.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// Show only sessions in this repository.
    #[deserr(default)]
    pub repo: Option<RepoName>,
    /// Show only sessions of this agent.
    #[deserr(default)]
    pub agent: Option<Agent>,
    /// Show only sessions of this track. 0 is a track like any other.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub track: Option<Track>,
    /// Show only sessions with this status.
    #[deserr(default)]
    pub status: Option<SessionStatus>,
    /// Show only sessions whose last heartbeat is at or after this time.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub active_since: Option<Timestamp>,
    /// The number of sessions on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// The `next_cursor` of the previous page. Without it, the first page is returned.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// A merge patch of a session. It also counts as a heartbeat.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations, validate = UpdateSession::fenced -> Violations)]
pub struct UpdateSession {
    /// The git branch. `null` means a detached HEAD.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub branch: Change<Branch>,
    /// The hash of the commit that is checked out. `null` removes it.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub commit_sha: Change<CommitSha>,
    /// The number of the GitHub issue that the agent works on. `null` removes it.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub issue_number: Change<IssueNumber>,
    /// The track: a line of work within the repository. `null` means no track; 0 is a track like any other.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub track: Change<Track>,
    /// An object that is merged into the stored one (RFC 7396). `null` removes all stored data.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub meta: Change<Meta>,
    /// The epoch of the caller. If the session has another epoch, the request is refused: 409 `superseded`. Required with
    /// `presence`.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// What the agent does. `null` removes it.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub presence: Change<ReportedActivity>,
    /// The groups of the agent, and its role in each. They replace the stored ones; `null` means no groups.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub groups: Change<Groups>,
    /// How messages reach the agent. `null` means `push`.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub mode: Change<DeliveryMode>,
    /// Until when messages do not disturb the agent. `null` means that they may.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub dnd_until: Change<Timestamp>,
}

impl UpdateSession {
    fn fenced(self, _: ValuePointerRef) -> Result<Self, Violations> {
        if !self.presence.is_keep() && self.epoch.is_none() {
            return Err(Violations::at("/epoch", "is required with presence"));
        }
        Ok(self)
    }
}

/// Says that the agent has left. Nothing happens if the session was heard from after `last_heartbeat_at`: then another
/// process goes on with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct LeaveSession {
    /// The last heartbeat of the session that the caller knows of.
    pub last_heartbeat_at: Timestamp,
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Heartbeat {
    /// The id of the session.
    pub session_id: SessionId,
    /// The status of the session.
    pub status: SessionStatus,
    /// When the last heartbeat of the agent arrived. `start_day` and `update_session` count as heartbeats.
    pub last_heartbeat_at: Timestamp,
    /// When the agent should send its next heartbeat.
    pub next_heartbeat_at: Timestamp,
    /// The seconds from now until `next_heartbeat_at`: 10 ± 2 minutes, chosen at random each time, so that the agents
    /// of a fleet don't all send at once.
    pub heartbeat_interval_seconds: u32,
}
