//! One function per operation, named as the operation: it decodes, decides, and returns a plan. None of
//! them touches a database, so none can make a second round trip.

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
