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
mod figures;
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

/// The name of the first migration before the first release. A database that has it can't be opened: the migrations of
/// that time were replaced by one set.
pub const BEFORE_FIRST_RELEASE: &str = "0001_ventures.sql";

/// The migrations, in order: name and SQL. Both engines apply only these files.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_ventures_and_tokens.sql", include_str!("../../migrations/0001_ventures_and_tokens.sql")),
    ("0002_sessions_and_handoffs.sql", include_str!("../../migrations/0002_sessions_and_handoffs.sql")),
    ("0003_notes.sql", include_str!("../../migrations/0003_notes.sql")),
    ("0004_documents.sql", include_str!("../../migrations/0004_documents.sql")),
    ("0005_machines.sql", include_str!("../../migrations/0005_machines.sql")),
    ("0006_requests.sql", include_str!("../../migrations/0006_requests.sql")),
];
