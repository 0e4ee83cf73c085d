//! The words that every part of Deckwatch shares: ids, bounded texts, wire types, error codes and
//! the table of operations.
//!
//! Nothing here does I/O, reads a clock or rolls dice, so it compiles for wasm32 and for every
//! host. Requests are decoded with [`deserr`], which collects every bad field instead of stopping
//! at the first; answers are plain serde types, tolerant of fields that a newer API adds.
//!
//! Start at [`operation`] for what can be asked, then at the wire types of one resource.

mod analytics;
mod change;
mod day;
mod doc;
mod error;
mod handoff;
mod id;
mod json;
mod logged;
mod note;
pub mod operation;
mod page;
mod request;
mod service;
mod session;
mod text;
mod time;
mod token;
mod venture;
mod violation;

pub use analytics::{Analytics, AnalyticsFilter, Figures, FiguresOf};
pub use change::Change;
pub use day::{DayEnded, DayOutcome, DayStarted, EndDay, StartDay};
pub use doc::{DocAudit, DocProblem, DocSummary};
pub use error::{ErrorCode, Problem};
pub use handoff::{
    CreateHandoff, Handoff, HandoffDraft, HandoffFilter, HandoffPayload, HandoffStatus, LatestHandoffFilter,
};
pub use id::{HandoffId, NoteId, SessionId, TokenId};
pub use json::{Extra, Meta};
pub use logged::{LoggedRequest, RequestFilter};
pub use note::{CreateNote, FoundNote, Note, NoteFilter, NoteScope, NoteSummary, UpdateNote};
pub use operation::Operation;
pub use page::{Cursor, Excerpt, Limit, Page};
pub use request::{BearerKey, CorrelationId, IdempotencyKey};
pub use service::{Health, Version};
pub use session::{ActiveSession, EndReason, Heartbeat, Session, SessionFilter, SessionStatus, UpdateSession};
pub use text::{
    Agent, Branch, Capability, Client, ClientSessionId, ClientVersion, CommitSha, GithubOrg, HandoffItem, Host,
    HttpStatus, IssueNumber, Link, LogWord, NoteContent, NoteTag, NoteTitle, RateLimit, RepoName, SearchText,
    SecretName, Summary, TokenName, Track, VentureCode, VentureName,
};
pub use time::Timestamp;
pub use token::{CreateToken, ListTokens, MintedToken, Scope, Token};
pub use venture::{ListVentures, PutVenture, Venture};
pub use violation::{Invalid, Violation, Violations};
