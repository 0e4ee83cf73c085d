//! The stub of GitHub enforces what GitHub enforces.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod apps;
mod client;
mod graphql;
mod limits;
mod rights;
mod webhooks;
