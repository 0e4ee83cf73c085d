//! The Context API. It turns an HTTP request into an HTTP response. It depends on three traits, [`Database`],
//! [`Clock`] and [`Entropy`], and not on Cloudflare or on an async runtime.
//!
//! A request passes these stages: `router` finds the operation, `middleware` identifies the caller, a function of
//! `handlers` returns a `plan::Plan`, and `app` runs the plan as one atomic batch. A handler has no access to the
//! database, so it can't make a second round trip. `store` has all SQL and renders all responses, so that a replay
//! repeats the same bytes.

mod app;
mod batch;
mod call;
mod cursor;
mod database;
mod decode;
mod digest;
mod error;
pub mod fault;
mod handlers;
mod headers;
mod incoming;
mod middleware;
#[cfg(feature = "openapi")]
pub mod openapi;
mod panics;
mod plan;
mod platform;
mod response;
mod router;
mod search;
mod search_cursor;
mod settings;
pub mod store;
mod sweep;
mod target;

pub use app::{Answer, App, DeferredStatements, refuse};
pub use database::{Database, DatabaseError, Param, Row, Statement};
pub use headers::{MAX_HEADER_BYTES, MAX_HEADERS};
pub use incoming::{CompleteBody, Incoming, IncomingError, MAX_BODY_BYTES, MAX_DOC_BODY_BYTES, UNRESERVED_BYTES};
pub use platform::{Clock, Entropy};
pub use settings::{Engine, Settings, SettingsError};
pub use store::sweep::SweepCounts;

/// The commit of this build, or `unknown` outside a checkout.
pub const COMMIT: &str = env!("DECKWATCH_COMMIT");

/// The migrations, in order: name and SQL. Both engines apply only these files.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_ventures.sql", include_str!("../../migrations/0001_ventures.sql")),
    ("0002_sessions.sql", include_str!("../../migrations/0002_sessions.sql")),
    ("0003_handoffs.sql", include_str!("../../migrations/0003_handoffs.sql")),
    ("0004_notes.sql", include_str!("../../migrations/0004_notes.sql")),
    ("0005_docs.sql", include_str!("../../migrations/0005_docs.sql")),
    ("0006_requests.sql", include_str!("../../migrations/0006_requests.sql")),
    ("0007_note_search.sql", include_str!("../../migrations/0007_note_search.sql")),
    ("0008_tokens.sql", include_str!("../../migrations/0008_tokens.sql")),
    ("0009_request_list.sql", include_str!("../../migrations/0009_request_list.sql")),
    ("0010_sweep_runs.sql", include_str!("../../migrations/0010_sweep_runs.sql")),
    ("0011_machines.sql", include_str!("../../migrations/0011_machines.sql")),
    ("0012_requirements.sql", include_str!("../../migrations/0012_requirements.sql")),
    ("0013_doc_versions.sql", include_str!("../../migrations/0013_doc_versions.sql")),
    ("0014_deleted_ventures.sql", include_str!("../../migrations/0014_deleted_ventures.sql")),
    ("0015_handoff_resolutions.sql", include_str!("../../migrations/0015_handoff_resolutions.sql")),
    ("0016_note_search_accents.sql", include_str!("../../migrations/0016_note_search_accents.sql")),
    ("0017_handoffs_to_agents.sql", include_str!("../../migrations/0017_handoffs_to_agents.sql")),
    ("0018_note_terms.sql", include_str!("../../migrations/0018_note_terms.sql")),
    ("0019_analytics_indexes.sql", include_str!("../../migrations/0019_analytics_indexes.sql")),
    ("0020_sessions_of_repositories.sql", include_str!("../../migrations/0020_sessions_of_repositories.sql")),
];
