//! What the background has healed and has yet to tell, and what it has begun.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use deckwatch_protocol::{CommitSha, VentureCode};

/// What the background has done, and has yet to tell.
#[derive(Default)]
pub(crate) struct BackgroundHealing {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Each venture and commit is healed once by this process, and never two at a time.
    begun: HashSet<HealingRun>,
    unreported: Option<String>,
    /// Told already: the same is no news.
    last_reported: Option<String>,
}

/// A venture's documents at one commit of a repository.
pub(super) type HealingRun = (VentureCode, Option<CommitSha>);

impl BackgroundHealing {
    /// What was done since somebody asked last: one line.
    pub(crate) fn take_report(&self) -> Option<String> {
        let mut state = self.state();
        let news = state.unreported.take().filter(|news| state.last_reported.as_ref() != Some(news));
        state.last_reported = news.clone().or(state.last_reported.take());
        news
    }

    /// Whether this is the first time.
    pub(super) fn begin(&self, run: &HealingRun) -> bool {
        self.state().begun.insert(run.clone())
    }

    /// Nobody was there to take the documents: the next time is a first one.
    pub(super) fn forget(&self, run: &HealingRun) {
        self.state().begun.remove(run);
    }

    pub(super) fn report(&self, line: String) {
        self.state().unreported = Some(line);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
