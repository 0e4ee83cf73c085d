//! The launcher's verbs against a real `deckwatch-server`, as a team's admin and its agents use them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod doctor;
mod list;
mod members;
mod records;
mod ventures_sync;
