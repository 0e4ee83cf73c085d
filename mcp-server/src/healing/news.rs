//! What the background has healed and has yet to tell, and what it has begun.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use deckwatch_protocol::{CommitSha, VentureCode};

/// What the background has done, and has yet to tell.
#[derive(Default)]
pub(crate) struct Healing {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Each venture and commit is healed once by this process, and never two at a time.
    begun: HashSet<Occasion>,
    untold: Option<String>,
    /// Told already: the same is no news.
    told: Option<String>,
}

/// A venture's documents at one commit of a repository.
pub(super) type Occasion = (VentureCode, Option<CommitSha>);

impl Healing {
    /// What was done since somebody asked last: one line.
    pub(crate) fn news(&self) -> Option<String> {
        let mut state = self.state();
        let news = state.untold.take().filter(|news| state.told.as_ref() != Some(news));
        state.told = news.clone().or(state.told.take());
        news
    }

    /// Whether this is the first time.
    pub(super) fn begin(&self, occasion: &Occasion) -> bool {
        self.state().begun.insert(occasion.clone())
    }

    /// Nobody was there to take the documents: the next time is a first one.
    pub(super) fn not_done(&self, occasion: &Occasion) {
        self.state().begun.remove(occasion);
    }

    pub(super) fn tell(&self, line: String) {
        self.state().untold = Some(line);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
