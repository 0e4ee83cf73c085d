//! The checks around every request, one per file. [`crate::app`] defines their order.

pub(crate) mod admission;
pub(crate) mod auth;
pub(crate) mod etag;
pub(crate) mod idempotency;
pub(crate) mod rate_limit;
pub(crate) mod token;
