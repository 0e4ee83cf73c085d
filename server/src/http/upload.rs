//! The body of a request, read from hyper when the engine asks for it.

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

use super::crowd::Member;

/// How long a body may take in all. The largest, 7 MiB, then needs 2 Mbit/s.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a body waits for its place in the budget.
const PLACE_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of a refused body is read and thrown away, and for how long: a client that still writes would take a
/// closed connection for a dead server.
const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;
/// The same for a caller whose key is not known to be good: reading costs as much as sending.
const MAX_DISCARDED_BYTES_OF_STRANGER: usize = 256 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bodies of strangers that are read and thrown away at once. The work of hundreds at once would keep the requests
/// of known callers waiting.
const MOST_DISCARDED_AT_ONCE: usize = 4;

/// The places for bodies of strangers that are read and thrown away.
static DISCARDS: Semaphore = Semaphore::const_new(MOST_DISCARDED_AT_ONCE);

/// A body under way.
pub(super) struct Upload {
    /// `None` once it has ended.
    body: Option<Incoming>,
    budget: Arc<Semaphore>,
    place: Option<OwnedSemaphorePermit>,
    member: Arc<Member>,
    until: Option<Instant>,
    is_admitted: bool,
    /// Whether the client waits to be told to send it.
    waits_to_be_told: bool,
}

impl Upload {
    pub(super) fn of(body: Incoming, headers: &HeaderMap, budget: Arc<Semaphore>, member: Arc<Member>) -> Self {
        let waits_to_be_told = headers.contains_key(EXPECT);
        Self { body: Some(body), budget, place: None, member, until: None, is_admitted: false, waits_to_be_told }
    }
}

#[async_trait]
impl deckwatch_api::Incoming for Upload {
    async fn piece(&mut self) -> Option<Result<Bytes, IncomingError>> {
        self.waits_to_be_told = false;
        let until = *self.until.get_or_insert_with(|| Instant::now() + BODY_TIMEOUT);
        let body = self.body.as_mut()?;
        loop {
            match timeout_at(until, body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    // Trailers are no part of it.
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Ok(None) => {
                    self.body = None;
                    return None;
                }
                Ok(Some(Err(error))) => {
                    log::debug!("a body broke off: {error}");
                    self.body = None;
                    return Some(Err(IncomingError::CutShort));
                }
                Err(_) => return Some(Err(IncomingError::TooSlow)),
            }
        }
    }

    async fn reserve(&mut self, bytes: usize) -> Result<(), IncomingError> {
        let permits = u32::try_from(bytes).map_err(|_| IncomingError::NoRoom)?;
        let place = timeout(PLACE_TIMEOUT, Arc::clone(&self.budget).acquire_many_owned(permits)).await;
        self.place = place.ok().and_then(Result::ok);
        if self.place.is_some() { Ok(()) } else { Err(IncomingError::NoRoom) }
    }

    fn admit(&mut self) {
        self.is_admitted = true;
        self.member.is_known();
    }
}

impl Drop for Upload {
    /// Reads on behind the answer. Who waits to be told gets the answer instead, and the connection closes.
    fn drop(&mut self) {
        let has_more = |body: &Incoming| !self.waits_to_be_told && !body.is_end_stream();
        if let Some(body) = self.body.take().filter(has_more) {
            let is_admitted = self.is_admitted;
            let discarding = async move {
                if is_admitted {
                    return discard(body, MAX_DISCARDED_BYTES).await;
                }
                // It is never closed.
                let _place = DISCARDS.acquire().await;
                discard(body, MAX_DISCARDED_BYTES_OF_STRANGER).await;
            };
            tokio::spawn(timeout(DISCARD_TIMEOUT, discarding));
        }
    }
}

async fn discard(mut body: Incoming, most: usize) {
    let mut seen = 0;
    while let Some(Ok(frame)) = body.frame().await {
        seen += frame.data_ref().map_or(0, Bytes::len);
        if seen > most {
            return;
        }
    }
}
