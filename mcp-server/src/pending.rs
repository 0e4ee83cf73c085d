//! What this process has yet to do with the API, as far as it is not in the outbox.

use std::sync::{Mutex, MutexGuard, PoisonError};

use deckwatch_protocol::{DayStarted, IssueNumber, Track};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::trouble::Trouble;

/// What waits for the API, beside the outbox itself.
#[derive(Default)]
pub(crate) struct Pending {
    /// Wakes whoever waits for it.
    pub(crate) wake: Notify,
    /// The day that was asked for while the API could not be reached.
    wanted: Mutex<Option<Wanted>>,
    /// A start of day that goes on although nobody waits for it any more.
    background_start: Mutex<Option<AbortHandle>>,
    /// Held while this process sends what is in the outbox.
    pub(crate) replaying: tokio::sync::Mutex<()>,
}

/// What the start of a day was asked with.
pub(crate) type Wanted = (Option<Track>, Option<IssueNumber>);

impl Pending {
    /// Wakes who waits for it: something was put into the outbox.
    pub(crate) fn notify(&self) {
        self.wake.notify_one();
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
            self.notify();
        }
    }

    /// The day that was asked for has ended before it could be started.
    pub(crate) fn forget_start(&self) {
        *self.wanted() = None;
    }

    /// Remembers a start of day that goes on although nobody waits for it any more, in the place of the one
    /// before: that one may be pausing before its next try, and who asks now must not wait for it.
    pub(crate) fn set_background_start(&self, start: Option<AbortHandle>) {
        let mut left = self.background_start.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *left, start) {
            before.abort();
        }
    }

    pub(crate) fn wanted(&self) -> MutexGuard<'_, Option<Wanted>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
