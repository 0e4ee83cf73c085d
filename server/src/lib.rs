//! The embedded engine: the Context API on SQLite, in one process.
//!
//! [`Embedded`] is the engine, for a client that uses the API without a server. The binary `deckwatch-server` serves
//! it over HTTP. Neither contains rules or SQL of the API.

pub mod backup;
mod bounds;
mod change_observer;
mod connection;
mod database;
mod embedded;
#[cfg(feature = "cli")]
mod executable;
#[cfg(feature = "cli")]
pub mod health_check;
#[cfg(feature = "cli")]
pub mod http;
#[cfg(feature = "cli")]
mod hub;
mod log_rows;
mod migrations;
#[cfg(feature = "cli")]
mod outbound;
mod platform;
mod private_files;
mod queue;
mod readers;
mod wait_limit;
mod write_trial;
mod writer;

pub use change_observer::ChangeObserver;
pub use database::Sqlite;
pub use embedded::{Embedded, OpenError};
#[cfg(feature = "cli")]
pub use executable::Executable;
#[cfg(feature = "cli")]
pub use outbound::Network;
pub use platform::{SystemClock, SystemEntropy};
pub use readers::MAX_READING_THREADS;
pub use write_trial::{WriteTrialError, try_write};
