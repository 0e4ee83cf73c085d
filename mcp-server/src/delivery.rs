//! Does pending work in the background, without a tool call: sends the writes in the outbox, and starts a requested
//! day.

use std::sync::Arc;
use std::time::Duration;

use deckwatch_client::outbox::{HeldDecision, QueueStatus, Replayed, SendReason, TakenOver, Unsent, Waiting};

use crate::render::outbox::NAMED;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The pause before the next try while the API can't be reached. It doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a start of day waits for queued writes that do not concern it.
const REPLAY_LIMIT: Duration = Duration::from_millis(500);

impl Keeper {
    /// Sends the writes in the outbox, unless another process is sending them. Waits for a replay of this process.
    pub(crate) async fn replay(&self, reason: SendReason) -> Result<Replayed, Trouble> {
        let _one = self.pending.replaying.lock().await;
        Ok(self.identity.client().await?.replay(reason).await)
    }

    /// Sends queued writes before a day starts. A queued end of day of this agent must arrive first, or it would end
    /// the new session. Other writes get a short time, and the rest is sent later.
    pub(crate) async fn replay_before_start(&self) -> Result<(), Trouble> {
        let (me, client) = (self.identity.me().await?, self.identity.client().await?);
        if client.day_waits_of(&me.agent).await {
            self.replay(SendReason::Requested).await?;
        } else if let Ok(replayed) = tokio::time::timeout(REPLAY_LIMIT, self.replay(SendReason::Requested)).await {
            replayed?;
        } else {
            self.pending.notify();
        }
        Ok(())
    }

    /// Whether writes can be queued on this machine.
    pub(crate) async fn queue_status(&self) -> QueueStatus {
        match self.identity.client().await {
            Ok(client) => client.queue_status().await,
            Err(_) => QueueStatus::NotNeeded,
        }
    }

    /// The writes in the outbox: queued, held or refused.
    pub(crate) async fn waiting(&self) -> Waiting {
        match self.identity.client().await {
            Ok(client) => client.waiting().await,
            Err(_) => Waiting::default(),
        }
    }

    /// The queued writes, newest first: the handoffs for this agent or this repository, and all notes.
    pub(crate) async fn unsent(&self) -> Result<Unsent, Trouble> {
        let (me, client) = (self.identity.me().await?, self.identity.client().await?);
        let (checkout, mut unsent) = (self.identity.checkout().await?, client.unsent().await);
        unsent.handoffs.retain(|handoff| {
            let is_here = handoff.repo.as_str().eq_ignore_ascii_case(checkout.repo.as_str());
            is_here || handoff.to_agent.as_ref() == Some(&me.agent)
        });
        Ok(unsent)
    }

    /// Applies a person's decision about the held writes.
    pub(crate) async fn resolve_held(&self, decision: HeldDecision) -> Result<(), Trouble> {
        let resolved = self.identity.client().await?.resolve_held(decision).await?;
        log::info!("{resolved} held writes: {decision:?}");
        Ok(())
    }

    /// Takes over the writes for this API that are queued under another key.
    pub(crate) async fn take_over(&self) -> Result<TakenOver, Trouble> {
        let taken = self.identity.client().await?.take_over().await?;
        log::info!("{} writes of other keys taken over, {} queues busy", taken.entries, taken.busy);
        Ok(taken)
    }

    /// Marks the refused writes that a report named as reported.
    pub(crate) async fn reported(&self, waiting: Waiting) {
        if let Ok(client) = self.identity.client().await {
            client.reported(waiting.set_aside.into_iter().take(NAMED).collect()).await;
        }
    }

    /// Starts the day that was requested while the API could not be reached. True if the request still waits.
    async fn start_wanted(&self) -> bool {
        let wanted = *self.pending.wanted();
        if let Some((track, issue)) = wanted {
            match self.start(track, issue).await {
                Ok(day) => log::info!("the API is back; session {} is active", day.session.id),
                Err(trouble) => log::info!("could not start the day: {trouble}"),
            }
        }
        self.pending.wanted().is_some()
    }
}

/// Runs until the process ends.
pub(crate) async fn run(keeper: Arc<Keeper>) {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Err(trouble) = keeper.replay(SendReason::Periodic).await {
            log::info!("could not send the outbox: {trouble}");
        }
        let is_wanted = keeper.start_wanted().await;
        if !is_wanted && keeper.waiting().await.queued == 0 {
            keeper.pending.wake.notified().await;
            pause = FIRST_PAUSE;
        }
        // Also pause when a write was queued just now: it was tried a moment ago.
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
