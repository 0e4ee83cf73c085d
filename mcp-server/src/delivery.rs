//! Does what waits for the API while this process lives, so that nobody has to call a tool for it: sends what
//! is in the outbox, starts a day that was asked for.

use std::sync::Arc;
use std::time::Duration;

use deckwatch_client::outbox::{HeldDecision, Keeping, Occasion, Replayed, TakenOver, UnsentHandoff, Waiting};

use crate::render::outbox::NAMED;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// How long to wait before an API that could not be reached is tried again: longer each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long the start of a day waits for writes that do not concern it.
const MOMENT: Duration = Duration::from_millis(500);

impl Keeper {
    /// Sends what waits in the outbox, unless another process is at it. What this one is at is waited for.
    pub(crate) async fn replay(&self, occasion: Occasion) -> Result<Replayed, Trouble> {
        let _one = self.pending.replaying.lock().await;
        Ok(self.identity.api().await?.replay(occasion).await)
    }

    /// Sends what waits before a day starts. An end of this agent's own day must arrive first, or it would end
    /// the session that starts now; everything else gets a moment, and the rest of it goes on later.
    pub(crate) async fn replay_before_start(&self) -> Result<(), Trouble> {
        let (me, api) = (self.identity.me().await?, self.identity.api().await?);
        if api.day_waits_of(&me.agent).await {
            self.replay(Occasion::Asked).await?;
        } else if let Ok(replayed) = tokio::time::timeout(MOMENT, self.replay(Occasion::Asked)).await {
            replayed?;
        } else {
            self.pending.notify();
        }
        Ok(())
    }

    /// Whether what the API does not take can wait on this machine.
    pub(crate) async fn keeping(&self) -> Keeping {
        match self.identity.api().await {
            Ok(api) => api.keeping().await,
            Err(_) => Keeping::NoQueue,
        }
    }

    /// What waits in the outbox, is held there, or was refused.
    pub(crate) async fn waiting(&self) -> Waiting {
        match self.identity.api().await {
            Ok(api) => api.waiting().await,
            Err(_) => Waiting::default(),
        }
    }

    /// The handoffs for this agent or this repository that wait on this machine, the newest first.
    pub(crate) async fn unsent_handoffs(&self) -> Vec<UnsentHandoff> {
        let (Ok(me), Ok(api), Ok(checkout)) =
            (self.identity.me().await, self.identity.api().await, self.identity.checkout().await)
        else {
            return Vec::new();
        };
        // Where the disk does not say, `waiting` does.
        let mut handoffs = api.unsent().await.unwrap_or_default().handoffs;
        handoffs.retain(|handoff| {
            let is_here = handoff.repo.as_str().eq_ignore_ascii_case(checkout.repo.as_str());
            is_here || handoff.to_agent.as_ref() == Some(&me.agent)
        });
        handoffs
    }

    /// Does what a person decides about what is held.
    pub(crate) async fn resolve_held(&self, decision: HeldDecision) -> Result<(), Trouble> {
        let resolved = self.identity.api().await?.resolve_held(decision).await?;
        log::info!("{resolved} held writes: {decision:?}");
        Ok(())
    }

    /// Takes over what waits for this API under another key.
    pub(crate) async fn take_over(&self) -> Result<TakenOver, Trouble> {
        let taken = self.identity.api().await?.take_over().await?;
        log::info!("{} writes of other keys taken over, {} queues busy", taken.entries, taken.busy);
        Ok(taken)
    }

    /// What was refused has been reported now, as far as it was named.
    pub(crate) async fn reported(&self, waiting: Waiting) {
        if let Ok(api) = self.identity.api().await {
            api.reported(waiting.set_aside.into_iter().take(NAMED).collect()).await;
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
        if let Err(trouble) = keeper.replay(Occasion::ByItself).await {
            log::info!("the outbox could not be looked at: {trouble}");
        }
        let is_wanted = keeper.start_wanted().await;
        if !is_wanted && keeper.waiting().await.queued == 0 {
            keeper.pending.wake.notified().await;
            pause = FIRST_PAUSE;
        }
        // Also after something was queued just now: it was tried a moment ago.
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
