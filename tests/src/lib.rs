//! The harness of the black-box tests: an engine, callers that send requests, and responses to check.
//!
//! A test starts with [`Api::start`], takes a caller ([`Anonymous`], [`Agent`], [`Admin`]), sends requests and checks
//! each [`Response`]. It uses only HTTP. A function that accesses the database directly has a name with `db_`. Each
//! test has its own venture and agents, so that all tests can share one engine.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "only tests use this crate, and a test fails by panicking"
)]

mod agent;
mod caller;
mod cursor;
mod database_lock;
mod engine;
mod events;
mod examples;
mod file_server;
#[cfg(target_os = "linux")]
mod fleet_hosts;
pub mod github_stub;
pub mod golden;
mod holder;
mod machine;
mod mail_load;
mod mailbox;
#[cfg(target_os = "linux")]
mod preload;
mod programs;
mod records;
mod response;
pub mod scripted_model;
mod server_process;
mod shape;
#[cfg(target_os = "linux")]
mod slow_disk;
mod small_disk;
mod socket;
mod test_request;
mod tools;
#[cfg(target_os = "linux")]
mod volatile_disk;
mod wire;
mod worker_process;

pub use agent::Agent;
pub use caller::{Admin, Anonymous, Caller, KeyCaller};
pub use cursor::cursor_at;
pub use database_lock::DatabaseLock;
pub use engine::{Api, PANICS};
pub use examples::{ExampleSender, Examples, takes_query};
pub use file_server::{Answer, FileServer};
#[cfg(target_os = "linux")]
pub use fleet_hosts::{Fleet, Guests, Host, HostOutput};
pub use holder::Holder;
pub use machine::{ask_approve, ask_register, fresh_public_key};
pub use mail_load::MailLoad;
pub use mailbox::{Mailbox, texts};
pub use programs::program;
pub use response::Response;
pub use server_process::ServerProcess;
pub use shape::{a_moment_later, fresh, fresh_uuid, overlay};
#[cfg(target_os = "linux")]
pub use slow_disk::slow_disk;
pub use small_disk::BadDisk;
pub use socket::Socket;
pub use test_request::TestRequest;
pub use tools::tool_names;
#[cfg(target_os = "linux")]
pub use volatile_disk::VolatileDisk;
pub use wire::Wire;
pub use worker_process::{SelectOne, WorkerProcess};
