//! The launcher's commands against a real `deckwatch-server`, with an admin's key and an agent's key, and the steps of the
//! workflows.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it measured"
)]

mod claims_guard;
mod docs_push;
mod doctor;
mod fleet;
mod list;
mod members;
mod notices;
mod records;
mod stage;
mod terminal;
mod top;
mod ventures_sync;
mod workflow_steps;
