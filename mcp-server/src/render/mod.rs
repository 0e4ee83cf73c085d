//! What people and models read: plain text, built from wire types by pure functions.
//!
//! Two promises are kept here and nowhere else. Text that others stored stands inside a [`fence`]
//! and can't leave it; and a rendering stays within its [`budget`], whatever is stored, saying what
//! it left out. Nothing here asks the API, reads a clock or rolls dice.

pub(crate) mod age;
pub(crate) mod budget;
pub(crate) mod clean;
pub(crate) mod context;
pub(crate) mod context_report;
pub(crate) mod doc;
pub(crate) mod doc_audit;
pub(crate) mod doc_heal;
pub(crate) mod fence;
mod fill;
pub(crate) mod handoff;
pub(crate) mod note;
pub(crate) mod outbox;
mod page;
pub(crate) mod part;
pub(crate) mod piece;
pub(crate) mod plan;
pub(crate) mod queue;
pub(crate) mod sod;
pub(crate) mod ventures;

#[cfg(test)]
pub(crate) mod golden;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
pub(crate) mod team;
