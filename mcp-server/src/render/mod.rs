//! Builds the reports: plain text from wire types, by pure functions.
//!
//! This module guarantees two things. Stored text is inside a [`fence`] and can't leave it. A report stays within its
//! [`budget`] for any stored text, and says what it omits. This module does not call the API, read a clock or use
//! random numbers.

pub(crate) mod claims;
pub(crate) mod clean;
pub(crate) mod context;
pub(crate) mod context_report;
pub(crate) mod doc;
pub(crate) mod doc_audit;
pub(crate) mod doc_heal;
pub(crate) mod fence;
mod fill;
pub(crate) mod handoff;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod next_page;
pub(crate) mod note;
pub(crate) mod outbox;
mod page;
pub(crate) mod part;
pub(crate) mod piece;
pub(crate) mod plan;
pub(crate) mod queue;
pub(crate) mod sod;
pub(crate) mod state;
pub(crate) mod ventures;

#[cfg(test)]
pub(crate) mod golden;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
pub(crate) mod team;

pub(crate) use crate::budget;
