//! Tests of the outbox against a scripted API.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod held;
mod other_queues;
mod refusals;
mod same_handoff;
mod scripted;
mod waiting;
