//! What the answers of running calls show of the agent's messages, until it is reported.
//!
//! What an answer shows is reported as `surfaced` only after the answer was written. If it can't be written, or if the process
//! ends before, the messages wait in the agent's folder again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use deckwatch_machine::agent_folder::Taken;
use deckwatch_protocol::{DeliveryId, MessageId};
use tokio::task::JoinSet;

/// How many deliveries are remembered, so that a message can be acknowledged while the API does not answer.
const REMEMBERED: usize = 200;

/// The messages that this process shows.
#[derive(Default)]
pub(crate) struct Mail {
    /// Held by a call that shows messages, until its answer is complete.
    turn: tokio::sync::Mutex<()>,
    /// What the answer of the running call shows.
    shown: Mutex<ShownByCall>,
    /// Up to which character messages were shown whose end was not.
    read_to: Mutex<BTreeMap<MessageId, usize>>,
    /// The reports that are being made.
    reports: Mutex<JoinSet<()>>,
    /// The deliveries of the messages that were shown.
    deliveries: Mutex<BTreeMap<MessageId, DeliveryId>>,
}

/// What the answer of a call shows.
#[derive(Default)]
pub(crate) struct ShownByCall {
    pub(crate) taken: Vec<Taken>,
    /// The messages of which everything is shown now, and only the beginning was before.
    pub(crate) rest: Vec<(DeliveryId, MessageId)>,
}

impl ShownByCall {
    pub(crate) fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.rest.is_empty()
    }
}

impl Mail {
    /// Waits until no other call shows messages, and blocks others until the guard is dropped.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Records what the answer of this call shows.
    pub(crate) fn show(&self, taken: Taken) {
        let mut deliveries = locked(&self.deliveries);
        for one in &taken.items {
            if deliveries.len() >= REMEMBERED {
                deliveries.pop_first();
            }
            deliveries.insert(one.item.message.id.clone(), one.item.delivery_id.clone());
        }
        locked(&self.shown).taken.push(taken);
    }

    /// Records that this call shows the rest of a message.
    pub(crate) fn show_rest(&self, delivery: DeliveryId, message: MessageId) {
        locked(&self.shown).rest.push((delivery, message));
    }

    /// Records that this call shows a message from a character on, up to another one or to its end. True if all of the message
    /// was shown then.
    pub(crate) fn reads(&self, message: &MessageId, from: usize, to: Option<usize>) -> bool {
        let mut read_to = locked(&self.read_to);
        let known = read_to.get(message).copied().unwrap_or_default();
        if from > known {
            return false;
        }
        let Some(to) = to else {
            read_to.remove(message);
            return true;
        };
        if read_to.len() >= REMEMBERED {
            read_to.pop_first();
        }
        read_to.insert(message.clone(), known.max(to));
        false
    }

    /// What the answer of this call shows.
    pub(crate) fn take_shown(&self) -> ShownByCall {
        std::mem::take(&mut locked(&self.shown))
    }

    /// The delivery of a message that this process has shown.
    pub(crate) fn delivery_of(&self, message: &MessageId) -> Option<DeliveryId> {
        locked(&self.deliveries).get(message).cloned()
    }

    /// Runs a report in the background.
    pub(crate) fn in_background(&self, report: impl Future<Output = ()> + Send + 'static) {
        let mut reports = locked(&self.reports);
        while reports.try_join_next().is_some() {}
        reports.spawn(report);
    }

    /// Waits until everything that was shown is reported.
    pub(crate) async fn reported(&self) {
        let mut reports = std::mem::take(&mut *locked(&self.reports));
        while reports.join_next().await.is_some() {}
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
