//! Does what waits for the API while this process lives, so that nobody has to call a tool for it: sends what
//! is in the outbox, starts a day that was asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deckwatch_client::outbox::{Replayed, Waiting, Word};
use deckwatch_protocol::{DayStarted, IssueNumber, Track};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::session::Keeper;
use crate::trouble::Trouble;

/// How long to wait before an API that could not be reached is tried again: longer each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long the start of a day waits for writes that do not concern it.
const MOMENT: Duration = Duration::from_millis(500);

/// What waits for the API, beside the outbox itself.
#[derive(Default)]
pub(crate) struct Pending {
    /// Wakes [`run`] when there is something.
    something: Notify,
    /// The day that was asked for while the API could not be reached.
    wanted: Mutex<Option<Wanted>>,
    /// A start of day that goes on although nobody waits for it any more.
    left_behind: Mutex<Option<AbortHandle>>,
    /// Held while this process sends what is in the outbox.
    replaying: tokio::sync::Mutex<()>,
}

/// What the start of a day was asked with.
type Wanted = (Option<Track>, Option<IssueNumber>);

impl Pending {
    /// Wakes [`run`]: something was put into the outbox.
    pub(crate) fn something_waits(&self) {
        self.something.notify_one();
    }

    /// Takes note of how a start of day came out: what could not be started is started as soon as that works.
    pub(crate) fn started(
        &self,
        started: &Result<DayStarted, Trouble>,
        track: Option<Track>,
        issue: Option<IssueNumber>,
    ) {
        let is_wanted = matches!(started, Err(Trouble::Api(error)) if error.is_outage());
        *self.wanted() = is_wanted.then_some((track, issue));
        if is_wanted {
            self.something_waits();
        }
    }

    /// The day that was asked for has ended before it could be started.
    pub(crate) fn forget_start(&self) {
        *self.wanted() = None;
    }

    /// Remembers a start of day that goes on although nobody waits for it any more, in the place of the one
    /// before: that one may be pausing before its next try, and who asks now must not wait for it.
    pub(crate) fn leave_behind(&self, start: Option<AbortHandle>) {
        let mut left = self.left_behind.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *left, start) {
            before.abort();
        }
    }

    fn wanted(&self) -> MutexGuard<'_, Option<Wanted>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    /// Sends what waits in the outbox, unless another process is at it. What this one is at is waited for.
    pub(crate) async fn replay(&self) -> Result<Replayed, Trouble> {
        let _one = self.pending.replaying.lock().await;
        Ok(self.identity.api().await?.replay().await)
    }

    /// Sends what waits before a day starts. An end of this agent's own day must arrive first, or it would end
    /// the session that starts now; everything else gets a moment, and the rest of it goes on later.
    pub(crate) async fn replay_before_start(&self) -> Result<(), Trouble> {
        let (me, api) = (self.identity.me().await?, self.identity.api().await?);
        if api.day_waits_of(&me.agent).await {
            self.replay().await?;
        } else if let Ok(replayed) = tokio::time::timeout(MOMENT, self.replay()).await {
            replayed?;
        } else {
            self.pending.something_waits();
        }
        Ok(())
    }

    /// What waits in the outbox, is held there, or was refused.
    pub(crate) async fn waiting(&self) -> Waiting {
        match self.identity.api().await {
            Ok(api) => api.waiting().await,
            Err(_) => Waiting::default(),
        }
    }

    /// Does what a human says about what is held.
    pub(crate) async fn resolve_held(&self, word: Word) -> Result<(), Trouble> {
        let resolved = self.identity.api().await?.resolve_held(word).await?;
        log::info!("{resolved} held writes: {word:?}");
        Ok(())
    }

    /// What was refused has been reported now.
    pub(crate) async fn reported(&self, waiting: Waiting) {
        if let Ok(api) = self.identity.api().await {
            api.reported(waiting.set_aside).await;
        }
    }

    /// Starts the day that was asked for while the API could not be reached; says whether one still is.
    async fn start_wanted(&self) -> bool {
        let wanted = *self.pending.wanted();
        if let Some((track, issue)) = wanted {
            match self.start(track, issue).await {
                Ok(day) => log::info!("the API is back; session {} goes on", day.session.id),
                Err(trouble) => log::info!("the day could not be started: {trouble}"),
            }
        }
        self.pending.wanted().is_some()
    }
}

/// Runs until the process ends.
pub(crate) async fn run(keeper: Arc<Keeper>) {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Err(trouble) = keeper.replay().await {
            log::info!("the outbox could not be looked at: {trouble}");
        }
        let is_wanted = keeper.start_wanted().await;
        if !is_wanted && keeper.waiting().await.queued == 0 {
            keeper.pending.something.notified().await;
            pause = FIRST_PAUSE;
        }
        // Also after something was queued just now: it was tried a moment ago.
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
