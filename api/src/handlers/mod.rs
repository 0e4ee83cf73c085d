//! One function per operation, with the same name as the operation. It decodes the request and returns a plan.
//! Handlers have no access to the database, so they can't add a round trip.

pub(crate) mod analytics;
pub(crate) mod day;
pub(crate) mod doc;
pub(crate) mod handoff;
pub(crate) mod machine;
pub(crate) mod note;
pub(crate) mod request_log;
pub(crate) mod requirement;
pub(crate) mod service;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod venture;
