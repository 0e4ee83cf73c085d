//! Healing in the background: which runs were started, and the result that is not reported yet.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use deckwatch_protocol::{CommitSha, VentureCode};

/// The state of healing in the background.
#[derive(Default)]
pub(crate) struct BackgroundHealing {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The runs that this process started. It starts each run once.
    begun: HashSet<HealingRun>,
    unreported: Option<String>,
    /// The last reported result. An equal one is not reported again.
    last_reported: Option<String>,
}

/// Healing a venture's documents at one commit of a repository.
pub(crate) type HealingRun = (VentureCode, Option<CommitSha>);

impl BackgroundHealing {
    /// The result that is not reported yet, on one line.
    pub(crate) fn take_report(&self) -> Option<String> {
        let mut state = self.state();
        let report = state.unreported.take().filter(|report| state.last_reported.as_ref() != Some(report));
        state.last_reported = report.clone().or(state.last_reported.take());
        report
    }

    /// Notes that a run starts; false if it was started before.
    pub(crate) fn begin(&self, run: &HealingRun) -> bool {
        self.state().begun.insert(run.clone())
    }

    /// Allows the run to start again, because the API could not be reached.
    pub(crate) fn forget(&self, run: &HealingRun) {
        self.state().begun.remove(run);
    }

    pub(crate) fn report(&self, line: String) {
        self.state().unreported = Some(line);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
