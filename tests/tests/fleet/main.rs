//! The launcher's commands for a fleet, on hosts with real sshd.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hosts;
mod on;
mod placement;
mod runs;
mod world;
