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
    pub(crate) something: Notify,
    /// The day that was asked for while the API could not be reached or accepted no more requests.
    wanted: Mutex<Option<Wanted>>,
    /// A start of day that goes on although nobody waits for it any more.
    left_behind: Mutex<Option<AbortHandle>>,
    /// Held while this process sends what is in the outbox.
    pub(crate) replaying: tokio::sync::Mutex<()>,
}

/// What the start of a day was asked with.
pub(crate) type Wanted = (Option<Track>, Option<IssueNumber>);

impl Pending {
    /// Wakes who waits for it: something was put into the outbox.
    pub(crate) fn something_waits(&self) {
        self.something.notify_one();
    }

    /// Notes the result of a start of day. A day that the API may accept later is started as soon as the API accepts it.
    pub(crate) fn started(
        &self,
        started: &Result<DayStarted, Trouble>,
        track: Option<Track>,
        issue: Option<IssueNumber>,
    ) {
        let is_wanted = matches!(started, Err(Trouble::Api(error)) if error.is_passing());
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

    pub(crate) fn wanted(&self) -> MutexGuard<'_, Option<Wanted>> {
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
