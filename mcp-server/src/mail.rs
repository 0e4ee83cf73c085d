//! The messages that this process has taken: those that wait to be shown, and those that an answer has shown.
//!
//! What an answer shows is reported as `surfaced` only after the answer was written. If the process ends before, the next
//! process of the agent gets the message again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use deckwatch_protocol::{DeliveryId, DeliveryReport, InboxItem, MessageId};
use tokio::task::JoinSet;

/// How many deliveries are remembered, so that a message can be acknowledged while the API does not answer.
const REMEMBERED: usize = 200;

/// The messages that this process has taken.
#[derive(Default)]
pub(crate) struct Mail {
    /// Held by a call that shows messages, until its answer is complete.
    turn: tokio::sync::Mutex<()>,
    /// The reports that are being made.
    reports: Mutex<JoinSet<()>>,
    state: Mutex<MailState>,
}

#[derive(Default)]
struct MailState {
    /// Taken and not shown yet, in order.
    waiting: VecDeque<InboxItem>,
    /// What the answer of the running call shows.
    shown: Vec<ShownMail>,
    /// The deliveries of the messages that were taken.
    deliveries: BTreeMap<MessageId, DeliveryId>,
    /// Whether this process has every message that the API has offered to its epoch.
    is_complete: bool,
}

/// A message that an answer shows.
pub(crate) struct ShownMail {
    pub(crate) report: DeliveryReport,
    /// The message, if it was taken. It is shown again if the answer can't be written.
    item: Option<InboxItem>,
}

/// How many messages wait at the API, after a take.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WaitingMail {
    pub(crate) count: usize,
    pub(crate) is_minimum: bool,
}

impl Mail {
    /// Waits until no other call shows messages, and blocks others until the guard is dropped.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Runs a report in the background.
    pub(crate) fn in_background(&self, report: impl Future<Output = ()> + Send + 'static) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        while reports.try_join_next().is_some() {}
        reports.spawn(report);
    }

    /// Waits until everything that was shown is reported.
    pub(crate) async fn reported(&self) {
        let mut reports = std::mem::take(&mut *self.reports.lock().unwrap_or_else(PoisonError::into_inner));
        while reports.join_next().await.is_some() {}
    }

    /// The next message to show, which stays here until [`Self::show`] names it.
    pub(crate) fn next(&self) -> Option<InboxItem> {
        self.state().waiting.front().cloned()
    }

    /// How many messages wait here.
    pub(crate) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// The delivery of a message that this process has taken.
    pub(crate) fn delivery_of(&self, message: &MessageId) -> Option<DeliveryId> {
        self.state().deliveries.get(message).cloned()
    }

    /// Records that the answer of this call shows a message, so that no other answer does.
    pub(crate) fn show(&self, report: DeliveryReport) {
        let mut state = self.state();
        let place = state.waiting.iter().position(|item| item.delivery_id == report.delivery_id);
        let item = place.and_then(|place| state.waiting.remove(place));
        state.shown.push(ShownMail { report, item });
    }

    /// What the answer of this call shows.
    pub(crate) fn take_shown(&self) -> Vec<ShownMail> {
        std::mem::take(&mut self.state().shown)
    }

    /// Shows these messages again, because their answer could not be written.
    pub(crate) fn put_back(&self, shown: Vec<ShownMail>) {
        let mut state = self.state();
        for item in shown.into_iter().rev().filter_map(|shown| shown.item) {
            state.waiting.push_front(item);
        }
    }

    fn put(&self, items: Vec<InboxItem>) {
        let mut state = self.state();
        for item in items {
            if state.deliveries.len() >= REMEMBERED {
                state.deliveries.pop_first();
            }
            state.deliveries.insert(item.message.id.clone(), item.delivery_id.clone());
            if state.waiting.iter().all(|other| other.delivery_id != item.delivery_id) {
                state.waiting.push_back(item);
            }
        }
    }

    /// Whether this process may lack messages that the API has offered to its epoch: at its first take, or if the answer to a
    /// take was lost. Until [`Self::taken`], it may.
    pub(crate) fn may_lack_some(&self) -> bool {
        !std::mem::replace(&mut self.state().is_complete, false)
    }

    /// Keeps the messages of a take.
    pub(crate) fn taken(&self, items: Vec<InboxItem>) {
        self.put(items);
        self.state().is_complete = true;
    }

    fn state(&self) -> MutexGuard<'_, MailState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
