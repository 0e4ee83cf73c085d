//! The outbox against an API that is scripted: what stops it, what it sets aside, what it can't hold.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod held;
mod other_queues;
mod refusals;
mod scripted;
mod waiting;
