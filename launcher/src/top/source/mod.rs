//! Reads the records, and reads again what an event says has changed.
//!
//! While a socket is open, nothing is polled. Heartbeats append no events, so the sessions are also read again when one of
//! them would otherwise be called silent, at most every five minutes.

mod detail;

use std::collections::BTreeSet;
use std::time::Duration;

use deckwatch_client::watch::{Link, Watch, Watched};
use deckwatch_client::{Api, ClientError};
use deckwatch_machine::clock::now;
use deckwatch_protocol::{
    ClaimFilter, Cursor, Event, EventFilter, EventKind, EventSeq, LIVE_SECONDS, Limit, MachineFilter, MessageId, Page,
    Session, SessionFilter, SessionId, SessionStatus, Timestamp, VentureCode,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::model::Update;
use super::model::detail::AgentKey;

/// The items of a page.
const PAGE: u64 = 100;
/// The maximum number of pages of a list.
const MAX_PAGES: usize = 20;
/// How many of the latest events are shown at the start.
const FIRST_EVENTS: u64 = 100;
/// For how many seconds an agent that left stays on the board.
const GONE_SECONDS: i64 = 12 * 60 * 60;
/// Events within this time are handled together.
const SETTLING: Duration = Duration::from_millis(100);
/// From this number on, all sessions are read in place of single ones.
const MANY_SESSIONS: usize = 5;
/// The least time between two readings of all sessions that no event asked for.
const REREAD_INTERVAL: Duration = Duration::from_mins(5);
/// The first and the longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How often the state of the connection is shown at most.
const LINK_INTERVAL: Duration = Duration::from_millis(500);

/// What the source tells the screen.
#[derive(Debug)]
pub(super) enum News {
    Update(Update),
    /// The connection of the watch.
    Link(Link),
}

/// What the screen asks for.
#[derive(Debug)]
pub(super) enum Request {
    /// Everything about one agent. The messages are the newest ones from it and to it.
    Detail(AgentKey, Vec<MessageId>),
    Machines,
}

/// The API, and the venture that is shown. Without one, all are.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) api: Api,
    pub(super) venture: Option<VentureCode>,
}

/// What must be read again.
#[derive(Debug, Default)]
struct Unread {
    all_sessions: bool,
    sessions: BTreeSet<String>,
    claims: bool,
    machines: bool,
}

impl Unread {
    fn everything() -> Self {
        Self { all_sessions: true, claims: true, machines: true, ..Self::default() }
    }

    fn is_empty(&self) -> bool {
        !self.all_sessions && self.sessions.is_empty() && !self.claims && !self.machines
    }

    /// What this event has changed.
    fn add(&mut self, event: &Event) {
        match event.kind {
            EventKind::ClaimTaken | EventKind::ClaimReleased => self.claims = true,
            EventKind::MachineRegistered => self.machines = true,
            EventKind::SessionStarted
            | EventKind::SessionMoved
            | EventKind::SessionEnded
            | EventKind::SessionLost
            | EventKind::AgentWorking
            | EventKind::AgentIdle
            | EventKind::AgentWaiting
            | EventKind::AgentBlocked => {
                self.sessions.extend(event.session_id.as_ref().map(ToString::to_string));
            }
            _ => {}
        }
        // The end of a session moves the end of its claims.
        self.claims |=
            matches!(event.kind, EventKind::SessionEnded | EventKind::SessionLost | EventKind::SessionStarted);
        self.all_sessions |= self.sessions.len() > MANY_SESSIONS;
    }
}

impl Source {
    /// Reads everything once. For a board without a screen.
    pub(super) async fn read_once(&self) -> Result<Vec<Update>, ClientError> {
        let (tell, mut told) = unbounded_channel();
        let mut reader = Reader { source: self.clone(), tell, next_reread: None };
        reader.read(&mut Unread::everything()).await?;
        let mut updates = Vec::new();
        while let Ok(news) = told.try_recv() {
            if let News::Update(update) = news {
                updates.push(update);
            }
        }
        Ok(updates)
    }

    /// Reads everything, then what changes, until the screen is gone.
    pub(super) async fn follow(self, tell: UnboundedSender<News>, mut asked: UnboundedReceiver<Request>) {
        let mut reader = Reader { source: self.clone(), tell: tell.clone(), next_reread: None };
        let head = reader.first_events().await;
        let watch = Watch::new(self.api.clone(), self.venture.clone(), Some(head));
        spawn_local(tell_link(watch.link(), tell));
        let (found, mut watched) = unbounded_channel();
        spawn_local(run_watch(watch, found));
        let mut unread = Unread::everything();
        let mut pauses = PAUSES.0;
        let mut tries_at = Instant::now();
        loop {
            if !unread.is_empty() && Instant::now() >= tries_at {
                match reader.read(&mut unread).await {
                    Ok(()) => pauses = PAUSES.0,
                    Err(error) => {
                        reader.tell(Update::NotRead(error.to_string()));
                        tries_at = Instant::now() + error.asks_to_wait().unwrap_or_default().max(pauses);
                        pauses = (pauses * 2).min(PAUSES.1);
                    }
                }
            }
            let wakes_at = if unread.is_empty() { reader.next_reread } else { Some(tries_at) };
            tokio::select! {
                found = watched.recv() => match found {
                    Some(found) => reader.take(found, &mut watched, &mut unread).await,
                    None => return,
                },
                request = asked.recv() => match request {
                    Some(Request::Detail(key, messages)) => {
                        let detail = detail::read(&self.api, key, &messages).await;
                        reader.tell(Update::Detail(Box::new(detail)));
                    }
                    Some(Request::Machines) => unread.machines = true,
                    None => return,
                },
                () = sleep_until(wakes_at.unwrap_or_else(far_away)) => unread.all_sessions |= unread.is_empty(),
            }
        }
    }
}

/// Passes on what a watch finds. The watch is never dropped while it waits, because then it would forget its pause.
async fn run_watch(mut watch: Watch, found: UnboundedSender<Result<Watched, ClientError>>) {
    loop {
        let next = watch.next().await;
        let is_refused = next.is_err();
        if found.send(next).is_err() {
            return;
        }
        if is_refused {
            sleep(PAUSES.1).await;
        }
    }
}

/// Passes on the state of the connection.
async fn tell_link(mut link: tokio::sync::watch::Receiver<Link>, tell: UnboundedSender<News>) {
    while link.changed().await.is_ok() {
        let now = link.borrow_and_update().clone();
        if tell.send(News::Link(now)).is_err() {
            return;
        }
        sleep(LINK_INTERVAL).await;
    }
}

/// Reads the records and passes them on.
struct Reader {
    source: Source,
    tell: UnboundedSender<News>,
    /// When a session would be called silent by what is known.
    next_reread: Option<Instant>,
}

impl Reader {
    fn tell(&self, update: Update) {
        // Without a screen, the source is about to end.
        let _ = self.tell.send(News::Update(update));
    }

    /// Passes on the latest events. Returns the number of the newest one. Tries again until the API answers.
    async fn first_events(&self) -> u64 {
        let mut pause = PAUSES.0;
        loop {
            match self.latest_events().await {
                Ok((events, head)) => {
                    self.tell(Update::Events(events));
                    return head;
                }
                Err(error) => {
                    self.tell(Update::NotRead(error.to_string()));
                    sleep(error.asks_to_wait().unwrap_or_default().max(pause)).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    async fn latest_events(&self) -> Result<(Vec<Event>, u64), ClientError> {
        let filter = |after: Option<u64>, limit: u64| EventFilter {
            venture: self.source.venture.clone(),
            kinds: None,
            after: after.and_then(|after| EventSeq::try_from(after).ok()),
            limit: Limit::try_from(limit).ok(),
        };
        let head = self.source.api.list_events(&filter(None, 1)).await?.head;
        let after = head.saturating_sub(FIRST_EVENTS);
        let page = self.source.api.list_events(&filter(Some(after), PAGE)).await?;
        // A later event is found by the watch.
        Ok((page.items.into_iter().filter(|event| event.seq <= head).collect(), head))
    }

    /// Takes what the watch has found, with what it finds within a moment.
    async fn take(
        &self,
        first: Result<Watched, ClientError>,
        watched: &mut UnboundedReceiver<Result<Watched, ClientError>>,
        unread: &mut Unread,
    ) {
        let settled = Instant::now() + SETTLING;
        let mut next = Some(first);
        while let Some(found) = next {
            match found {
                Ok(Watched::Events(events)) => {
                    for event in &events {
                        unread.add(event);
                    }
                    self.tell(Update::Events(events));
                }
                Ok(Watched::Gap) => *unread = Unread::everything(),
                Err(error) => self.tell(Update::NotRead(error.to_string())),
            }
            next = timeout_at(settled, watched.recv()).await.ok().flatten();
        }
    }

    /// Reads what must be read. What was read is no longer in `unread`.
    async fn read(&mut self, unread: &mut Unread) -> Result<(), ClientError> {
        if unread.all_sessions {
            let sessions = self.sessions().await?;
            self.next_reread = reread_at(&sessions);
            self.tell(Update::Sessions(sessions));
            (unread.all_sessions, unread.sessions) = (false, BTreeSet::new());
        }
        while let Some(id) = unread.sessions.first().cloned() {
            if let Ok(id) = id.parse::<SessionId>() {
                let session = self.source.api.get_session(&id).await?;
                self.tell(Update::Session(Box::new(session)));
            }
            unread.sessions.remove(&id);
        }
        if unread.claims {
            let mut filter = ClaimFilter { venture: self.source.venture.clone(), ..ClaimFilter::default() };
            let claims = self.pages("claims", async |limit, cursor| {
                (filter.limit, filter.cursor) = (limit, cursor);
                self.source.api.list_claims(&filter).await
            });
            let claims = claims.await?;
            self.tell(Update::Claims(claims));
            unread.claims = false;
        }
        if unread.machines {
            let mut filter = MachineFilter::default();
            let machines = self.pages("machines", async |limit, cursor| {
                (filter.limit, filter.cursor) = (limit, cursor);
                self.source.api.list_machines(&filter).await
            });
            let machines = machines.await?;
            self.tell(Update::Machines(machines));
            unread.machines = false;
        }
        self.tell(Update::Read(now()));
        Ok(())
    }

    /// The active sessions, and the newest of those that ended lately.
    async fn sessions(&self) -> Result<Vec<Session>, ClientError> {
        let of = |status, active_since| SessionFilter {
            venture: self.source.venture.clone(),
            status: Some(status),
            active_since,
            ..SessionFilter::default()
        };
        let mut active = of(SessionStatus::Active, None);
        let mut found = self
            .pages("agents", async |limit, cursor| {
                (active.limit, active.cursor) = (limit, cursor);
                self.source.api.list_sessions(&active).await
            })
            .await?;
        let since = Some(now().plus_seconds(-GONE_SECONDS));
        for status in [SessionStatus::Abandoned, SessionStatus::Ended] {
            let filter = SessionFilter { limit: Limit::try_from(PAGE).ok(), ..of(status, since) };
            found.extend(self.source.api.list_sessions(&filter).await?.items);
        }
        Ok(found)
    }

    /// The pages of a list, up to a limit. Says so if there are more.
    async fn pages<T>(
        &self,
        what: &str,
        mut list: impl AsyncFnMut(Option<Limit>, Option<Cursor>) -> Result<Page<T>, ClientError>,
    ) -> Result<Vec<T>, ClientError> {
        let (mut found, mut cursor) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let page = list(Limit::try_from(PAGE).ok(), cursor).await?;
            found.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(found);
            }
        }
        self.tell(Update::Cut(format!("only {} {what} are read", found.len())));
        Ok(found)
    }
}

/// When the first of these agents would be called silent. It may have sent a heartbeat by then.
fn reread_at(sessions: &[Session]) -> Option<Instant> {
    let now = now();
    let silent_in = |session: &Session| {
        let silence = now.seconds_since(session.last_heartbeat_at);
        Duration::from_secs(LIVE_SECONDS.saturating_sub(silence))
    };
    let active = sessions.iter().filter(|session| session.status == SessionStatus::Active);
    active.map(silent_in).min().map(|wait| Instant::now() + wait.max(REREAD_INTERVAL))
}

/// A time that is never reached.
fn far_away() -> Instant {
    Instant::now() + Duration::from_hours(24)
}

/// The time of a moment that was measured without the clock.
pub(super) fn time_of(moment: Instant) -> Timestamp {
    let ago = i64::try_from(moment.elapsed().as_secs()).unwrap_or_default();
    now().plus_seconds(-ago)
}
