//! Reads a request off the wire, and no more of its body than the API takes.

use deckwatch_api::{Body, Intake};
use futures_util::StreamExt;

/// The request with its body. Fails when the caller went away in the middle of it.
pub(crate) async fn read(request: worker::web_sys::Request) -> worker::Result<http::Request<Body>> {
    let (parts, mut stream) = worker::request_from_wasm(request)?.into_parts();
    let mut intake = Intake::of(&parts.method, parts.uri.path());
    while let Some(piece) = stream.next().await {
        if !intake.take(&piece?) {
            break;
        }
    }
    Ok(http::Request::from_parts(parts, intake.finish()))
}
