//! The launcher's commands for a fleet, on hosts with real sshd.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bootstrap;
mod breaker;
mod deploy;
mod health;
mod hosts;
mod machines_file;
mod mesh;
mod mosh;
mod on;
mod placement;
mod runs;
mod slow_link;
mod terminal;
mod tmux;
mod top;
mod world;
