//! Reads the body of a request off the wire when the API asks for it, within a budget of the isolate.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deckwatch_api::{Incoming, IncomingError};
use futures_util::StreamExt;
use futures_util::future::select;
use worker::Delay;
use worker::send::{SendFuture, SendWrapper};

/// Most bytes of larger bodies that an isolate takes at once. It has 128 MB, what is made of a body may take three
/// times as much, and WebAssembly gives no memory back.
const BODY_BUDGET: usize = 16 * 1024 * 1024;

/// How much of a refused body is thrown away, and for how long.
const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_millis(250);

/// The bytes of bodies that have a place.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// A body under way.
pub(crate) struct Upload {
    stream: SendWrapper<worker::Body>,
    place: Option<Place>,
}

impl Upload {
    pub(crate) fn of(body: worker::Body) -> Self {
        Self { stream: SendWrapper::new(body), place: None }
    }

    /// Reads the rest of a refused body and throws it away, as far as it comes at once: the runtime closes the
    /// connection over a body that was not read, and a client that still writes may miss the answer.
    pub(crate) async fn discard(mut self) {
        let discarding = pin!(async {
            let mut seen = 0;
            while let Some(Ok(piece)) = self.stream.next().await {
                seen += piece.len();
                if seen > MAX_DISCARDED_BYTES {
                    return;
                }
            }
        });
        select(discarding, Delay::from(DISCARD_TIMEOUT)).await;
    }
}

#[async_trait]
impl Incoming for Upload {
    async fn piece(&mut self) -> Option<Result<Bytes, IncomingError>> {
        let piece = SendFuture::new(self.stream.next()).await?;
        Some(piece.map_err(|error| {
            log::info!("a body broke off: {error}");
            IncomingError::CutShort
        }))
    }

    /// A request can't wait for another one here: the runtime may have put the other one to sleep.
    async fn reserve(&mut self, bytes: usize) -> Result<(), IncomingError> {
        let take = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= BODY_BUDGET);
        let taken = TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        self.place = taken.ok().map(|_| Place(bytes));
        if self.place.is_some() { Ok(()) } else { Err(IncomingError::NoRoom) }
    }
}

/// A place in the budget.
struct Place(usize);

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.fetch_sub(self.0, Ordering::Relaxed);
    }
}
