//! Hands an answer to the runtime.

use bytes::Bytes;
use worker::{Headers, Response};

/// The answer as the runtime sends it: a body of known length, and none at all when it is empty, as
/// 204 and 304 must have none.
pub(crate) fn respond(answer: http::Response<Bytes>) -> Response {
    let (parts, body) = answer.into_parts();
    let response = Response::builder().with_status(parts.status.as_u16()).with_headers(Headers::from(parts.headers));
    if body.is_empty() { response.empty() } else { response.fixed(body.into()) }
}
