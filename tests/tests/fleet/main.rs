//! The launcher's commands for a fleet, on hosts with real sshd.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod hosts;
mod on;
mod placement;
mod runs;
mod world;
