//! The embedded shell: the Context API on SQLite, in one process.
//!
//! [`Embedded`] is the engine, for a client that wants the API without a server; the binary
//! `deckwatch-server` puts it behind HTTP. Neither holds a rule or a line of the API's SQL.

pub mod backup;
mod bounds;
mod database;
mod embedded;
#[cfg(feature = "cli")]
mod executable;
#[cfg(feature = "cli")]
pub mod http;
mod migrations;
mod patience;
mod platform;
mod private_files;
mod queue;
mod readers;
mod writer;

pub use database::Sqlite;
pub use embedded::{Embedded, OpenError};
#[cfg(feature = "cli")]
pub use executable::Executable;
pub use platform::{SystemClock, SystemEntropy};
