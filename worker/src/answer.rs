//! Converts an answer of the API into a response of the Workers runtime.

use bytes::Bytes;
use worker::{Headers, Response};

/// Converts the answer. The response has a body of known length, or no body if the answer is empty, because responses
/// with the status 204 or 304 must have none.
pub(crate) fn respond(answer: http::Response<Bytes>) -> Response {
    let (parts, body) = answer.into_parts();
    let response = Response::builder().with_status(parts.status.as_u16()).with_headers(Headers::from(parts.headers));
    if body.is_empty() { response.empty() } else { response.fixed(body.into()) }
}
