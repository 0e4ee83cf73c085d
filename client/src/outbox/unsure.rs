//! The keys of writes that were sent without being on disk and got no answer, while this process lives.
//!
//! Such a write may be recorded. Said again, it is sent under the same key, so that it is recorded once.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use deckwatch_protocol::Timestamp;

use super::entry::Entry;

/// How many are remembered: the newest.
const MOST: usize = 1_000;

/// What is remembered of such writes.
#[derive(Default)]
pub(super) struct Unsure(Mutex<VecDeque<Sent>>);

struct Sent {
    fingerprint: String,
    idempotency_key: String,
    queued_at: Timestamp,
}

impl Unsure {
    /// The same write under the key with which it may have been sent before. The key of the end of a day is made of
    /// what is said, and needs no memory.
    pub(super) fn resumed(&self, entry: Entry, now: Timestamp) -> Entry {
        if entry.start.is_some() {
            return entry;
        }
        let sent = self.sent();
        let before = sent.iter().find(|sent| sent.fingerprint == entry.fingerprint);
        let before = before.map(|sent| (sent.idempotency_key.clone(), sent.queued_at));
        drop(sent);
        let Some((idempotency_key, queued_at)) = before else { return entry };
        let mut resumed = entry.clone();
        (resumed.idempotency_key, resumed.queued_at) = (idempotency_key, queued_at);
        if resumed.is_too_old(now) { entry } else { resumed }
    }

    /// Whether this write, under its key, may be recorded.
    pub(super) fn holds(&self, entry: &Entry) -> bool {
        self.sent().iter().any(|sent| sent.idempotency_key == entry.idempotency_key)
    }

    /// It is sent now, and may get no answer.
    pub(super) fn keep(&self, entry: &Entry) {
        self.forget(entry);
        let mut sent = self.sent();
        sent.push_back(Sent {
            fingerprint: entry.fingerprint.clone(),
            idempotency_key: entry.idempotency_key.clone(),
            queued_at: entry.queued_at,
        });
        if sent.len() > MOST {
            sent.pop_front();
        }
    }

    /// It is recorded, refused or on disk. Said again after that, it is another write.
    pub(super) fn forget(&self, entry: &Entry) {
        self.sent().retain(|sent| sent.fingerprint != entry.fingerprint);
    }

    fn sent(&self) -> MutexGuard<'_, VecDeque<Sent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
