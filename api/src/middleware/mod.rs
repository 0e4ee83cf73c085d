//! What surrounds every request, one concern a file. The order is written in [`crate::app`].

pub(crate) mod admission;
pub(crate) mod auth;
pub(crate) mod etag;
pub(crate) mod idempotency;
pub(crate) mod rate_limit;
pub(crate) mod token;
