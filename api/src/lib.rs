//! The Context API. It turns an HTTP request into an HTTP response. It depends on five traits, [`Database`],
//! [`Clock`], [`Entropy`], [`Outbound`] and [`Hint`], and not on Cloudflare or on an async runtime.
//!
//! A request passes these stages: `router` finds the operation, `middleware` identifies the caller, a function of
//! `handlers` returns a `plan::Plan`, and `app` runs the plan as one atomic batch. A handler has no access to the
//! database, so it can't make a second round trip. `store` has all SQL and renders all responses, so that a replay
//! repeats the same bytes.

mod app;
mod batch;
mod call;
pub mod constraints;
mod cursor;
mod database;
mod decode;
mod digest;
mod error;
pub mod fault;
mod figures;
mod github;
mod handlers;
mod headers;
mod hint;
mod incoming;
mod last_outage;
mod middleware;
#[cfg(feature = "openapi")]
pub mod openapi;
mod outbound;
mod panics;
mod plan;
mod platform;
mod response;
mod router;
mod search;
mod search_cursor;
mod settings;
pub mod store;
mod summary_cut;
mod sweep;
mod target;
pub mod watch;
mod webhook;

pub use app::{Answer, App, DeferredStatements, refuse};
pub use database::{Database, DatabaseError, Param, Row, Statement};
pub use headers::{MAX_HEADER_BYTES, MAX_HEADERS};
pub use incoming::{CompleteBody, Incoming, IncomingError, UNRESERVED_BYTES};
pub use last_outage::LastOutage;
pub use outbound::{MAX_RESPONSE_BYTES, Outbound, OutboundError, OutboundRequest, OutboundResponse};
pub use platform::{Clock, Entropy, Hint};
pub use settings::{Engine, SETTINGS, Settings, SettingsError};
pub use store::sweep::SweepCounts;

/// The commit of this build, or `unknown` outside a checkout.
pub const COMMIT: &str = env!("DECKWATCH_COMMIT");

/// The names of the first migration before the first release. A database that has one of them can't be opened: the
/// migrations of that time were replaced by one set, twice.
pub const BEFORE_FIRST_RELEASE: [&str; 2] = ["0001_ventures.sql", "0001_ventures_and_tokens.sql"];

/// The migrations, in order: name and SQL. The build script lists the files of `migrations/`. Both engines apply only
/// these files.
pub const MIGRATIONS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
