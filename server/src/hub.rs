//! The hub of the open sockets. A poke wakes it when a batch has appended events. It collects pokes for a moment, reads the
//! new events once, and passes them to all sockets.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deckwatch_api::watch::{CHECK_SECONDS, HINT_DELAY_MS, MAX_SOCKETS_OF_ACTOR, NewEvents, Watcher};
use deckwatch_api::{App, DatabaseError, Hint};
use deckwatch_protocol::TokenId;
use tokio::sync::{Notify, broadcast};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// The maximum number of sockets. The other connections of the server stay free for requests.
const MAX_SOCKETS: usize = 384;
/// How many messages a socket may be behind. Then it gets the newest one only.
const MAX_BEHIND: usize = 16;

/// The open sockets.
pub(crate) struct Hub {
    poked: Notify,
    news: broadcast::Sender<Arc<News>>,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    next: u64,
    by_number: HashMap<u64, (String, Option<TokenId>)>,
}

/// What concerns the sockets.
pub(crate) struct News {
    pub(crate) events: NewEvents,
    /// The tokens whose sockets must close.
    pub(crate) revoked: BTreeSet<TokenId>,
}

impl Hint for Hub {
    fn poke(&self, _: u64) {
        self.poked.notify_one();
    }
}

impl Hub {
    pub(crate) fn new() -> Arc<Self> {
        let (news, _) = broadcast::channel(MAX_BEHIND);
        Arc::new(Self { poked: Notify::new(), news, members: Mutex::default() })
    }

    /// Adds a socket. `None` if there are too many.
    pub(crate) fn join(self: &Arc<Self>, watcher: &Watcher) -> Option<Membership> {
        let mut members = self.lock();
        let of_actor = members.by_number.values().filter(|(actor, _)| *actor == watcher.actor).count();
        if members.by_number.len() >= MAX_SOCKETS || of_actor >= MAX_SOCKETS_OF_ACTOR {
            return None;
        }
        let number = members.next;
        members.next += 1;
        members.by_number.insert(number, (watcher.actor.clone(), watcher.token.clone()));
        Some(Membership { number, news: self.news.subscribe(), hub: Arc::clone(self) })
    }

    /// Passes new events to the sockets while it is polled. Without a socket it reads nothing.
    pub(crate) async fn run(&self, app: &App) {
        let mut checks = interval(Duration::from_secs(CHECK_SECONDS));
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Until the first look, every event is new.
        let mut last = 0;
        loop {
            let is_check = tokio::select! {
                () = self.poked.notified() => false,
                _ = checks.tick() => true,
            };
            if !is_check {
                sleep(Duration::from_millis(HINT_DELAY_MS)).await;
            }
            if self.lock().by_number.is_empty() {
                continue;
            }
            match self.look(app, last, is_check).await {
                Ok(news) => {
                    last = news.events.head;
                    // It fails only if no socket listens any more.
                    let _ = self.news.send(Arc::new(news));
                }
                Err(error) => log::warn!("could not read the events for the open sockets: {error}"),
            }
        }
    }

    async fn look(&self, app: &App, last: u64, is_check: bool) -> Result<News, DatabaseError> {
        let events = app.new_events(Some(last)).await?;
        let tokens = if is_check { self.tokens() } else { BTreeSet::new() };
        Ok(News { events, revoked: app.revoked(&tokens).await? })
    }

    fn tokens(&self) -> BTreeSet<TokenId> {
        self.lock().by_number.values().filter_map(|(_, token)| token.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open socket, until it is dropped.
pub(crate) struct Membership {
    number: u64,
    pub(crate) news: broadcast::Receiver<Arc<News>>,
    hub: Arc<Hub>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.hub.lock().by_number.remove(&self.number);
    }
}
