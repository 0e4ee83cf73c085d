//! The types that every part of Deckwatch shares: ids, bounded strings, wire types, error codes and the table of
//! operations.
//!
//! This crate does no I/O and uses no clock and no randomness, so it compiles for wasm32 and for every host. Requests
//! are decoded with [`deserr`], which reports every invalid field, not only the first. Responses are plain serde types,
//! which ignore fields that a newer API adds.
//!
//! Start with [`operation_table!`], then read the wire types of one resource.

mod activity;
mod analytics;
mod audit;
mod change;
mod claim;
mod claim_subject;
mod classification;
pub mod cut;
mod day;
mod delivery;
mod doc;
mod doc_title;
pub mod endpoint;
mod error;
mod escalation;
mod event;
mod fence;
mod group;
mod handoff;
mod handoff_content;
mod id;
mod inbox;
mod json;
mod logged;
mod machine;
mod message;
mod note;
mod number;
pub mod operation;
mod page;
mod person;
mod presence;
mod recipient;
mod request;
mod requirement;
mod sealed;
mod service;
mod session;
mod shared_state;
mod ssh_key;
mod tailscale_ip;
mod text;
mod time;
mod token;
mod venture;
mod violation;
mod watch;

// Everything that a module makes public is part of this crate.
pub use activity::*;
pub use analytics::*;
pub use audit::*;
pub use change::*;
pub use claim::*;
pub use classification::*;
pub use day::*;
pub use delivery::*;
pub use doc::*;
pub use error::*;
pub use escalation::*;
pub use event::*;
pub use fence::*;
pub use group::*;
pub use handoff::*;
pub use handoff_content::*;
pub use id::*;
pub use inbox::*;
pub use json::*;
pub use logged::*;
pub use machine::*;
pub use message::*;
pub use note::*;
pub use number::*;
pub use operation::Operation;
pub use page::*;
pub use person::*;
pub use presence::*;
pub use recipient::*;
pub use request::*;
pub use requirement::*;
pub use sealed::*;
pub use service::*;
pub use session::*;
pub use shared_state::*;
pub use ssh_key::*;
pub use tailscale_ip::*;
pub use text::*;
pub use time::*;
pub use token::*;
pub use venture::*;
pub use violation::*;
pub use watch::*;
