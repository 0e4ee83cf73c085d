//! The types that every part of Deckwatch shares: ids, bounded strings, wire types, error codes and the table of
//! operations.
//!
//! This crate does no I/O and uses no clock and no randomness, so it compiles for wasm32 and for every host. Requests
//! are decoded with [`deserr`], which reports every invalid field, not only the first. Responses are plain serde types,
//! which ignore fields that a newer API adds.
//!
//! Start with [`operation`], then read the wire types of one resource.

mod analytics;
mod audit;
mod change;
mod day;
mod doc;
mod doc_title;
mod error;
mod handoff;
mod handoff_content;
mod id;
mod json;
mod logged;
mod machine;
mod note;
mod number;
pub mod operation;
mod page;
mod presence;
mod request;
mod requirement;
mod service;
mod session;
mod ssh_key;
mod tailscale_ip;
mod text;
mod time;
mod token;
mod venture;
mod violation;

pub use analytics::{Analytics, AnalyticsFilter, Figures, FiguresOf};
pub use audit::{AuditFilter, AuditedDoc, DocAudit, DocAuditTotals, VentureAudit};
pub use change::Change;
pub use day::{DayEnded, DayOutcome, DayStarted, EndDay, StartDay};
pub use doc::{
    Doc, DocFilter, DocOutcome, DocPut, DocSummary, DocText, DocType, DocVersion, GetDoc, ListDocVersions, PutDoc,
};
pub use error::{ErrorCode, Problem, RetryRule};
pub use handoff::{
    CreateHandoff, Handoff, HandoffDraft, HandoffFilter, HandoffPayload, HandoffStatus, LatestHandoffFilter,
};
pub use handoff_content::{HandoffContent, WrittenHandoff};
pub use id::{HandoffId, MachineId, NoteId, RequirementId, SessionId, TokenId};
pub use json::{Extra, Meta};
pub use logged::{LoggedRequest, RequestFilter};
pub use machine::{
    ApproveMachine, ApprovedAccess, Machine, MachineArch, MachineFilter, MachineHeartbeat, MachineOs, MachineRole,
    MachineStatus, PendingAccess, RegisterMachine, SshConfig, SshConfigFilter, SshUser,
};
pub use note::{
    CreateNote, ExecutiveSummaries, FoundNote, Note, NoteFilter, NoteName, NoteScope, NoteSummary, UpdateNote,
};
pub use number::{DocVersionNumber, HttpStatus, IssueNumber, RateLimit, StalenessDays, Track};
pub use operation::Operation;
pub use page::{Cursor, Excerpt, Limit, Page};
pub use presence::{HEARTBEAT_INTERVAL_SECONDS, LIVE_SECONDS, Presence, STALE_SECONDS};
pub use request::{BearerKey, CorrelationId, IdempotencyKey};
pub use requirement::{
    GenerationSource, PutRequirement, Requirement, RequirementDeleted, RequirementFilter, ScopeType,
};
pub use service::{Health, SweepRun, Version};
pub use session::{
    ActiveCounts, ActiveSession, EndReason, Heartbeat, LeaveSession, Session, SessionFilter, SessionStatus,
    UpdateSession,
};
pub use ssh_key::{KeyFingerprint, SshPublicKey};
pub use tailscale_ip::TailscaleIp;
pub use text::{
    Agent, Branch, Capability, Client, ClientSessionId, ClientVersion, CommitSha, DocContent, DocName, DocScope,
    DocTitle, GithubOrg, HandoffItem, Host, Link, LogWord, NamePattern, NoteContent, NoteTag, NoteTitle, RepoName,
    SearchText, SecretName, SourcePath, Summary, TokenName, VentureCode, VentureName,
};
pub use time::Timestamp;
pub use token::{CreateToken, ListTokens, MintedToken, Scope, Token};
pub use venture::{ListVentures, MoveRecords, PutVenture, RecordsMoved, Venture, VentureDeleted};
pub use violation::{Invalid, Violation, Violations, pointer_step};
