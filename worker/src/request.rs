//! Reads the body of a request when the API asks for it, within a memory budget of the isolate.

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

/// The maximum total size of the larger bodies that an isolate holds at once. An isolate has 128 MB of memory, decoding
/// a body may need three times its size, and WebAssembly does not return memory.
const BODY_BUDGET: usize = 16 * 1024 * 1024;

/// How much of a refused body is read and discarded, and for how long.
const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_millis(250);

/// The bytes of the budget that are reserved now.
static RESERVED_BYTES: AtomicUsize = AtomicUsize::new(0);

/// A body that is being received.
pub(crate) struct Upload {
    stream: SendWrapper<worker::Body>,
    reservation: Option<Reservation>,
}

impl Upload {
    pub(crate) fn of(body: worker::Body) -> Self {
        Self { stream: SendWrapper::new(body), reservation: None }
    }

    /// Reads and discards the rest of a refused body, as far as it arrives immediately. Otherwise the runtime closes
    /// the connection because of the unread body, and a client that is still sending may not get the answer.
    pub(crate) async fn discard(mut self) {
        let discarding = pin!(async {
            let mut seen = 0;
            while let Some(Ok(chunk)) = self.stream.next().await {
                seen += chunk.len();
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
    async fn chunk(&mut self) -> Option<Result<Bytes, IncomingError>> {
        let chunk = SendFuture::new(self.stream.next()).await?;
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
