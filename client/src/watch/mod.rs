//! Follows the events of the API, in their order and without a gap.
//!
//! Over HTTPS, a socket says when there are new events. If it can't be opened, because a proxy refuses it, the client asks
//! every 30 seconds. With the embedded engine, the client looks four times a second whether the database has changed.

mod link;
mod socket;

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use deckwatch_protocol::{ErrorCode, Event, EventFilter, EventSeq, Limit, VentureCode, WatchRequest, WatchedVenture};
use deckwatch_server::ChangeObserver;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use self::link::LinkState;
pub use self::link::{Link, LinkWay};
use self::socket::Socket;
use crate::api::{Api, ClientError};

/// The time between two requests without a socket.
const POLL_INTERVAL: Duration = Duration::from_secs(30);
/// The time between two looks at the database of the embedded engine.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// The first and the longest pause before the client opens a socket again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// So many events are listed at once.
const PAGE: u64 = 100;

/// The events of one venture or of the whole team, from a place on.
pub struct Watch {
    api: Api,
    venture: Option<VentureCode>,
    /// The last event that the caller has. `None` before the first look.
    after: Option<u64>,
    /// Whether there may be events that were not listed yet.
    has_more: bool,
    source: Source,
    pauses: ExponentialBackoff,
    /// When the client may open a socket again.
    opens_at: Instant,
    polls_at: Instant,
    link: LinkState,
}

/// What says that there are new events.
enum Source {
    /// Nothing. The client polls, and opens a socket when it may.
    Polling,
    /// A socket.
    Open(Box<Socket>),
    /// The database of the embedded engine.
    Database(ChangeObserver),
}

/// What a watch has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// The next events, oldest first.
    Events(Vec<Event>),
    /// Events may be missing: they are no longer kept, or the database was restored. The watch goes on after the newest
    /// event. Read again what you keep about the records.
    Gap,
}

impl Watch {
    /// Follows the events of `venture`, or of all ventures and the whole team. Begins after the event `after`, or after the
    /// event that is the newest at the first call of [`Self::next`]. Opens no connection yet.
    pub fn new(api: Api, venture: Option<VentureCode>, after: Option<u64>) -> Self {
        let now = Instant::now();
        let (source, pauses) = (Source::Polling, pauses());
        let link = LinkState::new();
        Self { api, venture, after, has_more: true, source, pauses, opens_at: now, polls_at: now, link }
    }

    /// The last event that [`Self::next`] has returned. Pass it to [`Self::new`] to go on after a restart.
    pub fn after(&self) -> Option<u64> {
        self.after
    }

    /// Whether a socket is open. Then the client does not poll.
    pub fn has_socket(&self) -> bool {
        matches!(self.source, Source::Open(_))
    }

    /// The connection to the API, now and after each change.
    pub fn link(&self) -> Receiver<Link> {
        self.link.subscribe()
    }

    /// Waits for the next events. Goes on through failures of the network and of the API. Fails if the API refuses the
    /// key, or refuses it for this venture. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Result<Watched, ClientError> {
        loop {
            if self.has_more || self.after.is_none() {
                match self.list().await {
                    Ok(Some(watched)) => return Ok(watched),
                    Ok(None) => {}
                    Err(error) if error.is_passing() => {
                        log::info!("could not list events: {error}");
                        self.link.lost(error.to_string());
                        let pause = self.pause();
                        sleep(error.asks_to_wait().unwrap_or_default().max(pause)).await;
                    }
                    Err(error) => return Err(error),
                }
            } else {
                self.wait().await;
            }
        }
    }

    /// Finds the place after the newest event, unless the watch has one.
    pub(crate) async fn begin(&mut self) -> Result<(), ClientError> {
        if self.after.is_none() {
            self.list().await?;
        }
        Ok(())
    }

    /// Lists the next page.
    async fn list(&mut self) -> Result<Option<Watched>, ClientError> {
        let Some(after) = self.after else {
            self.after = Some(self.page(None, 1).await?.1.1);
            self.has_more = false;
            return Ok(None);
        };
        match self.page(Some(after), PAGE).await {
            Ok((events, (next_after, head))) => {
                self.after = Some(next_after);
                self.has_more = next_after < head;
                Ok(Some(Watched::Events(events)).filter(|watched| *watched != Watched::Events(Vec::new())))
            }
            Err(error) if error.code() == Some(ErrorCode::EventsGone) => {
                self.after = Some(self.page(None, 1).await?.1.1);
                self.has_more = false;
                Ok(Some(Watched::Gap))
            }
            Err(error) => Err(error),
        }
    }

    /// The events of a page, its `next_after` and its `head`.
    async fn page(&mut self, after: Option<u64>, limit: u64) -> Result<(Vec<Event>, (u64, u64)), ClientError> {
        let filter = EventFilter {
            venture: self.venture.clone(),
            kinds: None,
            after: after.and_then(|after| EventSeq::try_from(after).ok()),
            limit: Limit::try_from(limit).ok(),
        };
        let page = self.api.list_events(&filter).await?;
        self.polls_at = Instant::now() + POLL_INTERVAL;
        self.link.heard();
        Ok((page.items, (page.next_after, page.head)))
    }

    /// Waits until there may be new events.
    async fn wait(&mut self) {
        match &mut self.source {
            Source::Open(socket) => match socket.changed(self.after, &self.link).await {
                Ok(()) => {
                    // The socket works.
                    self.pauses = pauses();
                    self.has_more = true;
                }
                Err(cause) => {
                    log::info!("the socket to the API ended: {cause}");
                    self.link.lost(format!("the socket to the API ended: {cause}"));
                    self.source = Source::Polling;
                    let pause = self.pause();
                    self.opens_at = Instant::now() + pause;
                }
            },
            Source::Database(observer) => {
                sleep(LOOK_INTERVAL).await;
                self.has_more = match observer.has_changed() {
                    // A request of this client changes the database as well, so look at the number itself.
                    Ok(true) => self.api.newest_event().await.is_none_or(|newest| Some(newest) != self.after),
                    Ok(false) => {
                        self.link.heard();
                        false
                    }
                    Err(error) => {
                        log::info!("could not look whether the database has changed: {error}");
                        self.link.lost(format!("could not look whether the database has changed: {error}"));
                        self.source = Source::Polling;
                        true
                    }
                };
            }
            Source::Polling => self.poll().await,
        }
    }

    /// Opens a socket if it may, or waits until it is time to poll.
    async fn poll(&mut self) {
        if let Some(database) = self.api.database() {
            match ChangeObserver::open(database) {
                Ok(observer) => {
                    self.source = Source::Database(observer);
                    self.link.goes_by(LinkWay::Database);
                    // What changed before the first look.
                    self.has_more = true;
                }
                Err(error) => {
                    log::info!("could not observe the database: {error}");
                    sleep(LOOK_INTERVAL).await;
                    self.has_more = true;
                }
            }
            return;
        }
        // Borrows nothing, so that a watch can be followed in a task of its own.
        let (api, request, opens_at) = (self.api.clone(), self.request(), self.opens_at);
        let opens = async move {
            sleep_until(opens_at).await;
            Socket::open(&api, &request).await
        };
        match timeout_at(self.polls_at, opens).await {
            Err(_) => self.has_more = true,
            Ok(Ok(socket)) => {
                self.source = Source::Open(Box::new(socket));
                self.link.goes_by(LinkWay::Socket);
            }
            Ok(Err(cause)) => {
                log::info!("could not open a socket to the API, so events are listed every 30 s: {cause}");
                self.link.has_no_socket(cause);
                let pause = self.pause();
                self.opens_at = Instant::now() + pause;
            }
        }
    }

    fn request(&self) -> WatchRequest {
        let venture = self.venture.as_ref().map_or_else(WatchedVenture::all, WatchedVenture::of);
        let after = self.after.and_then(|after| EventSeq::try_from(after).ok()).unwrap_or_default();
        WatchRequest { ventures: vec![venture], after }
    }

    fn pause(&mut self) -> Duration {
        self.pauses.next().unwrap_or(PAUSES.1)
    }
}

fn pauses() -> ExponentialBackoff {
    let (first, longest) = PAUSES;
    ExponentialBuilder::default()
        .with_min_delay(first)
        .with_max_delay(longest)
        .without_max_times()
        .with_jitter()
        .build()
}
