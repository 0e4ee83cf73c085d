//! Reads a request off the wire, and no more of its body than the API takes.

use deckwatch_api::{Body, MAX_BODY_BYTES};
use futures_util::StreamExt;
use http::header::CONTENT_LENGTH;

/// The request with its body. Fails when the caller went away in the middle of it.
pub(crate) async fn read(request: worker::web_sys::Request) -> worker::Result<http::Request<Body>> {
    let (parts, stream) = worker::request_from_wasm(request)?.into_parts();
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let body = match announced.map(usize::try_from) {
        Some(Ok(length)) if length <= MAX_BODY_BYTES => read_body(stream, length).await?,
        Some(_) => Body::TooLarge,
        None => read_body(stream, 0).await?,
    };
    Ok(http::Request::from_parts(parts, body))
}

async fn read_body(mut stream: worker::Body, expected: usize) -> worker::Result<Body> {
    let mut bytes = Vec::with_capacity(expected);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            return Ok(Body::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Body::Whole(bytes.into()))
}
