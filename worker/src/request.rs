//! Reads a request: its parts, and its body when the API asks for it, within a memory budget of the isolate.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deckwatch_api::{Incoming, IncomingError, UNRESERVED_BYTES};
use futures_util::StreamExt;
use futures_util::future::select;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use worker::js_sys::Uint8Array;
use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Body, Delay, web_sys};

/// The maximum total size of the larger bodies that an isolate holds at once. An isolate has 128 MB of memory, decoding
/// a body may need three times its size, and WebAssembly does not return memory.
const BODY_BUDGET: usize = 16 * 1024 * 1024;

/// How much of a refused body is read and discarded, and for how long.
const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_millis(250);

/// The bytes of the budget that are reserved now.
static RESERVED_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Parses the parts of a request. `head` has a line with the method, one with the URL, and two with the name and the value
/// of each header.
pub(crate) fn parse(head: &str) -> Result<Request<()>, http::Error> {
    let mut parsed = HeaderMap::new();
    let mut lines = head.split('\n');
    let (method, url) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        parsed.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
    }
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes())?).uri(url).body(())?;
    *request.headers_mut() = parsed;
    Ok(request)
}

/// A body that is being received.
pub(crate) struct Upload {
    source: SendWrapper<Source>,
    reservation: Option<Reservation>,
}

/// How a body is read.
enum Source {
    /// There is no body, or it was read.
    Empty,
    /// A body with an announced length that needs no reservation is read at once: that takes less time than a stream.
    Small(web_sys::Request),
    /// Any other body is read in pieces.
    Stream(Body),
}

impl Upload {
    pub(crate) fn of(request: web_sys::Request, headers: &HeaderMap) -> Self {
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let source = match length {
            Some(0) => Source::Empty,
            Some(1..=UNRESERVED_BYTES) => Source::Small(request),
            _ => request.body().map_or(Source::Empty, |stream| Source::Stream(Body::new(stream))),
        };
        Self { source: SendWrapper::new(source), reservation: None }
    }

    /// Reads and discards the rest of a refused body, as far as it arrives immediately. Otherwise the runtime closes
    /// the connection because of the unread body, and a client that is still sending may not get the answer.
    pub(crate) async fn discard(mut self) {
        if matches!(*self.source, Source::Empty) {
            return;
        }
        let discarding = pin!(async {
            let mut seen = 0;
            while let Some(Ok(chunk)) = self.next().await {
                seen += chunk.len();
                if seen > MAX_DISCARDED_BYTES {
                    return;
                }
            }
        });
        select(discarding, Delay::from(DISCARD_TIMEOUT)).await;
    }

    async fn next(&mut self) -> Option<Result<Bytes, String>> {
        match &mut *self.source {
            Source::Empty => None,
            Source::Stream(stream) => stream.next().await.map(|chunk| chunk.map_err(|error| error.to_string())),
            Source::Small(request) => {
                let bytes = read(request).await;
                *self.source = Source::Empty;
                Some(bytes.map_err(|error| format!("{error:?}")))
            }
        }
    }
}

/// Reads a whole body.
async fn read(request: &web_sys::Request) -> Result<Bytes, JsValue> {
    let buffer = JsFuture::from(request.array_buffer()?).await?;
    Ok(Uint8Array::new(&buffer).to_vec().into())
}

#[async_trait]
impl Incoming for Upload {
    async fn chunk(&mut self) -> Option<Result<Bytes, IncomingError>> {
        let chunk = SendFuture::new(self.next()).await?;
        Some(chunk.map_err(|error| {
            log::info!("a request body ended early: {error}");
            IncomingError::CutShort
        }))
    }

    /// Reserves memory, or refuses at once. A request must not wait for another request here, because the runtime may
    /// have suspended the other one.
    async fn reserve(&mut self, bytes: usize) -> Result<(), IncomingError> {
        let add = |reserved: usize| reserved.checked_add(bytes).filter(|total| *total <= BODY_BUDGET);
        let reserved = RESERVED_BYTES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        self.reservation = reserved.ok().map(|_| Reservation(bytes));
        if self.reservation.is_some() { Ok(()) } else { Err(IncomingError::NoRoom) }
    }
}

/// The bytes that one body has reserved. Dropping it frees them.
struct Reservation(usize);

impl Drop for Reservation {
    fn drop(&mut self) {
        RESERVED_BYTES.fetch_sub(self.0, Ordering::Relaxed);
    }
}
