//! Reads the body of a request from hyper when the engine asks for it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deckwatch_api::IncomingError;
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::connections::ConnectionSlot;

/// How long a whole body may take. The largest, 7 MiB, needs 2 Mbit/s.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a body waits for memory in the budget.
const RESERVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of a refused body is read and discarded. A client that is still writing treats a closed connection as a
/// server failure.
const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;
/// The same limit for a caller without a valid key. Reading costs the server as much as sending costs the client.
const MAX_DISCARDED_BYTES_WITHOUT_KEY: usize = 256 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum number of bodies without a valid key that are read and discarded at the same time. Hundreds of them would
/// delay requests of known callers.
const MAX_CONCURRENT_DISCARDS: usize = 4;

/// The permits to read and discard a body without a valid key.
static DISCARDS: Semaphore = Semaphore::const_new(MAX_CONCURRENT_DISCARDS);

/// A body that is being received.
pub(super) struct Upload {
    /// `None` after the end.
    body: Option<Incoming>,
    budget: Arc<Semaphore>,
    reservation: Option<OwnedSemaphorePermit>,
    slot: Arc<ConnectionSlot>,
    until: Option<Instant>,
    is_admitted: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    expects_continue: bool,
}

impl Upload {
    pub(super) fn of(body: Incoming, headers: &HeaderMap, budget: Arc<Semaphore>, slot: Arc<ConnectionSlot>) -> Self {
        let expects_continue = headers.contains_key(EXPECT);
        Self { body: Some(body), budget, reservation: None, slot, until: None, is_admitted: false, expects_continue }
    }
}

#[async_trait]
impl deckwatch_api::Incoming for Upload {
    async fn chunk(&mut self) -> Option<Result<Bytes, IncomingError>> {
        self.expects_continue = false;
        let until = *self.until.get_or_insert_with(|| Instant::now() + BODY_TIMEOUT);
        let body = self.body.as_mut()?;
        loop {
            match timeout_at(until, body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    // Trailers are not a part of the body.
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Ok(None) => {
                    self.body = None;
                    return None;
                }
                Ok(Some(Err(error))) => {
                    log::debug!("could not read a request body: {error}");
                    self.body = None;
                    return Some(Err(IncomingError::CutShort));
                }
                Err(_) => return Some(Err(IncomingError::TooSlow)),
            }
        }
    }

    async fn reserve(&mut self, bytes: usize) -> Result<(), IncomingError> {
        let permits = u32::try_from(bytes).map_err(|_| IncomingError::NoRoom)?;
        let reservation = timeout(RESERVE_TIMEOUT, Arc::clone(&self.budget).acquire_many_owned(permits)).await;
        self.reservation = reservation.ok().and_then(Result::ok);
        if self.reservation.is_some() { Ok(()) } else { Err(IncomingError::NoRoom) }
    }

    fn admit(&mut self) {
        self.is_admitted = true;
        self.slot.is_known();
    }
}

impl Drop for Upload {
    /// Reads the rest of the body in the background. If the client waits for `100 Continue`, it gets the response
    /// instead, and the connection closes.
    fn drop(&mut self) {
        let has_more = |body: &Incoming| !self.expects_continue && !body.is_end_stream();
        if let Some(body) = self.body.take().filter(has_more) {
            let is_admitted = self.is_admitted;
            let discarding = async move {
                if is_admitted {
                    return discard(body, MAX_DISCARDED_BYTES).await;
                }
                // The semaphore is never closed.
                let _place = DISCARDS.acquire().await;
                discard(body, MAX_DISCARDED_BYTES_WITHOUT_KEY).await;
            };
            tokio::spawn(timeout(DISCARD_TIMEOUT, discarding));
        }
    }
}

async fn discard(mut body: Incoming, limit: usize) {
    let mut read_bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read_bytes += frame.data_ref().map_or(0, Bytes::len);
        if read_bytes > limit {
            return;
        }
    }
}
