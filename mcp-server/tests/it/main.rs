//! The real `deckwatch-mcp` as an agent's CLI meets it: a process, its pipes, a repository, a home.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a panic fails the test")]

mod api;
mod beside;
mod between;
mod day;
mod docs;
mod following;
mod foreign_launch;
mod generator;
mod github;
mod harness;
mod healing;
mod leaving;
mod notes;
mod outage;
mod outbox;
mod process;
mod protocol;
#[cfg(target_os = "linux")]
mod renaming;
mod resources;
mod secrets;
mod server;
mod snapshot;
mod status;
mod tools;
mod trouble;
mod ventures;
