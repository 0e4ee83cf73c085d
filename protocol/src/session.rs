//! Sessions: one agent's watch on a venture and repository.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::id::{HandoffId, SessionId};
use crate::json::Meta;
use crate::number::{IssueNumber, Track};
use crate::page::{Cursor, Limit, in_query};
use crate::text::{Agent, Branch, Client, ClientSessionId, ClientVersion, CommitSha, Host, RepoName, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

/// Where a session stands. One idle for 45 minutes reads as abandoned at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(rename_all = lowercase, error = Violations)]
pub enum SessionStatus {
    /// Alive: its heartbeats arrive.
    Active,
    /// Ended by its agent, with a handoff.
    Ended,
    /// Fell silent, or its agent left without ending its day.
    Abandoned,
}

impl SessionStatus {
    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ended => "ended",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[deserr(error = Violations)]
pub enum EndReason {
    /// A person or an agent ended the day.
    #[default]
    #[deserr(rename = "manual")]
    Manual,
    /// The agent's process ended, and the day was not ended before.
    #[deserr(rename = "process_exit")]
    ProcessExit,
    /// It fell silent for 45 minutes.
    #[deserr(rename = "stale")]
    Stale,
}

impl EndReason {
    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::ProcessExit => "process_exit",
            Self::Stale => "stale",
        }
    }
}

/// One agent's watch on a venture and repository, from start of day to end of day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The running agent.
    pub agent: Agent,
    /// The agent's command line tool.
    pub client: Client,
    /// What the tool says of its version.
    pub client_version: Option<ClientVersion>,
    /// The id that the tool gives its own conversation.
    pub client_session_id: Option<ClientSessionId>,
    /// The machine it runs on.
    pub host: Host,
    /// The venture it works on.
    pub venture: VentureCode,
    /// The repository it works in.
    pub repo: RepoName,
    /// The line of work; `null` is none, 0 is a track.
    pub track: Option<Track>,
    /// The GitHub issue it works on.
    pub issue_number: Option<IssueNumber>,
    /// The git branch; `null` on a detached HEAD.
    pub branch: Option<Branch>,
    /// The commit that is checked out.
    pub commit_sha: Option<CommitSha>,
    /// Where it stands.
    pub status: SessionStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the agent was last heard of.
    pub last_heartbeat_at: Timestamp,
    /// When it ended or was found abandoned.
    pub ended_at: Option<Timestamp>,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// The handoff that ended the session.
    pub final_handoff_id: Option<HandoffId>,
    /// Who holds the API key: the first 16 hexadecimal digits of its SHA-256.
    pub actor_key_id: String,
    /// The correlation id of the request that created the session.
    pub creation_correlation_id: String,
    /// What the client notes about the session.
    pub meta: Meta,
}

/// What others need to know of a session that is alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActiveSession {
    /// Its id.
    pub id: SessionId,
    /// The running agent.
    pub agent: Agent,
    /// The agent's command line tool.
    pub client: Client,
    /// The machine it runs on.
    pub host: Host,
    /// The repository it works in.
    pub repo: RepoName,
    /// The line of work; `null` is none, 0 is a track.
    pub track: Option<Track>,
    /// The GitHub issue it works on.
    pub issue_number: Option<IssueNumber>,
    /// The git branch; `null` on a detached HEAD.
    pub branch: Option<Branch>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the agent was last heard of.
    pub last_heartbeat_at: Timestamp,
}

/// Which sessions `list_sessions` shows, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct SessionFilter {
    /// The venture it works on.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// The repository it works in.
    #[deserr(default)]
    pub repo: Option<RepoName>,
    /// The running agent.
    #[deserr(default)]
    pub agent: Option<Agent>,
    /// The line of work; `null` is none, 0 is a track.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub track: Option<Track>,
    /// Where it stands.
    #[deserr(default)]
    pub status: Option<SessionStatus>,
    /// Only sessions whose last heartbeat is at or after this time.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub active_since: Option<Timestamp>,
    /// 1 to 100, 20 unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
    /// Where the page starts: the `next_cursor` of the page before.
    #[deserr(default)]
    pub cursor: Option<Cursor>,
}

/// A merge patch of a session's whereabouts; also a heartbeat.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct UpdateSession {
    /// The git branch; `null` on a detached HEAD.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub branch: Change<Branch>,
    /// The commit that is checked out.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub commit_sha: Change<CommitSha>,
    /// The GitHub issue it works on.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub issue_number: Change<IssueNumber>,
    /// The line of work; `null` is none, 0 is a track.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub track: Change<Track>,
    /// Merged into the stored object as RFC 7396 says; `null` empties it.
    #[deserr(default)]
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub meta: Change<Meta>,
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
    /// The session.
    pub session_id: SessionId,
    /// Where it stands.
    pub status: SessionStatus,
    /// When the agent was last heard of.
    pub last_heartbeat_at: Timestamp,
    /// When the server wants to hear again.
    pub next_heartbeat_at: Timestamp,
    /// The same as seconds from now: 10 minutes ± 2, drawn anew each time so that a fleet spreads out.
    pub heartbeat_interval_seconds: u32,
}
