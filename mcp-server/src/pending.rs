//! Work for the API that waits in this process. The outbox holds the writes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use deckwatch_protocol::{DayStarted, IssueNumber, Track};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::trouble::Trouble;

/// Work that waits for the API, apart from the outbox.
#[derive(Default)]
pub(crate) struct Pending {
    /// Wakes the delivery task.
    pub(crate) wake: Notify,
    /// The start of day that was requested while the API could not be reached or accepted no more requests.
    wanted: Mutex<Option<StartArguments>>,
    /// A start of day that runs in the background after its call was answered.
    background_start: Mutex<Option<AbortHandle>>,
    /// Held while this process sends what is in the outbox.
    pub(crate) replaying: tokio::sync::Mutex<()>,
}

/// The arguments of a start of day.
pub(crate) type StartArguments = (Option<Track>, Option<IssueNumber>);

impl Pending {
    /// Wakes the delivery task, because a write was put into the outbox.
    pub(crate) fn notify(&self) {
        self.wake.notify_one();
    }

    /// Notes the result of a start of day. A day that the API may accept later is started as soon as the API accepts
    /// it.
    pub(crate) fn started(
        &self,
        started: &Result<DayStarted, Trouble>,
        track: Option<Track>,
        issue: Option<IssueNumber>,
    ) {
        let is_wanted = matches!(started, Err(Trouble::Api(error)) if error.is_passing());
        *self.wanted() = is_wanted.then_some((track, issue));
        if is_wanted {
            self.notify();
        }
    }

    /// Drops the requested start: the day ended before it could start.
    pub(crate) fn forget_start(&self) {
        *self.wanted() = None;
    }

    /// Sets the start of day that runs in the background, and aborts the previous one. The previous one may be pausing
    /// before a retry, and a new call must not wait for that.
    pub(crate) fn set_background_start(&self, start: Option<AbortHandle>) {
        let mut left = self.background_start.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *left, start) {
            before.abort();
        }
    }

    pub(crate) fn wanted(&self) -> MutexGuard<'_, Option<StartArguments>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deckwatch_client::api::ClientError;

    fn failed(status: u16) -> Result<DayStarted, Trouble> {
        let (detail, correlation_id) = ("a test".to_owned(), None);
        let error = ClientError::Failed { detail, status: Some(status), correlation_id, retry_after_seconds: None };
        Err(Trouble::Api(error))
    }

    #[test]
    fn a_day_that_the_api_may_accept_later_is_still_wanted() {
        let pending = Pending::default();
        for (status, is_wanted) in [(503, true), (429, true), (400, false), (429, true), (401, false)] {
            pending.started(&failed(status), None, None);
            assert_eq!(pending.wanted().is_some(), is_wanted, "{status}");
        }
    }
}
