//! What the black-box tests stand on: an engine to ask, callers to ask as, answers to look at.
//!
//! A test starts with [`Api::start`], takes a caller ([`Anonymous`], [`Agent`], [`Admin`]), asks, and says
//! what the [`Response`] must be. It goes through HTTP alone; what goes around it to the database is named
//! `db_…`. Each test has a venture and agents of its own, so that the suite can share one engine.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "this crate is used by tests alone, and a test fails by panicking"
)]

mod agent;
mod ask;
mod caller;
mod cursor;
mod engine;
mod machine;
mod programs;
mod records;
mod response;
pub mod scripted_model;
mod server_process;
mod shape;
mod wire;
mod worker_process;

pub use agent::Agent;
pub use ask::Ask;
pub use caller::{Admin, Anonymous, Caller, Holder};
pub use cursor::cursor_at;
pub use engine::{Api, PANICS};
pub use machine::{ask_approve, ask_register, fresh_public_key};
pub use programs::program;
pub use response::Response;
pub use server_process::ServerProcess;
pub use shape::{a_moment_later, fresh, overlay};
pub use wire::Wire;
