//! One function per operation, with the same name as the operation. It gets the decoded request and returns a plan.
//! Handlers have no access to the database, so they can't add a round trip.
//!
//! The router calls `handlers::<name of the operation>` with the call, then the parameters of the path, the query and the
//! body, as far as the table of operations lists them. The compiler refuses an operation without a handler.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "all handlers have the same form: they own the request and may refuse it"
)]

mod analytics;
mod claim;
mod classification;
mod day;
mod doc;
mod event;
mod handoff;
mod inbox;
mod machine;
mod message;
mod note;
mod request_log;
mod requirement;
mod service;
mod session;
mod shared_state;
mod token;
mod venture;

pub(crate) use analytics::*;
pub(crate) use claim::*;
pub(crate) use classification::*;
pub(crate) use day::*;
pub(crate) use doc::*;
pub(crate) use event::*;
pub(crate) use handoff::*;
pub(crate) use inbox::*;
pub(crate) use machine::*;
pub(crate) use message::*;
pub(crate) use note::*;
pub(crate) use request_log::*;
pub(crate) use requirement::*;
pub(crate) use service::*;
pub(crate) use session::*;
pub(crate) use shared_state::*;
pub(crate) use token::*;
pub(crate) use venture::*;
