//! Remembers, in memory, the keys of writes that were sent without a copy on disk and got no response.
//!
//! The API may have recorded such a write. A repetition uses the same key, so that the API records it once.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use deckwatch_protocol::Timestamp;

use super::entry::Entry;

/// How many writes are remembered. Beyond that, the oldest are forgotten.
const MAX_WRITES: usize = 1_000;

/// The writes without a known result.
#[derive(Default)]
pub(super) struct UnconfirmedWrites(Mutex<VecDeque<Sent>>);

struct Sent {
    fingerprint: String,
    idempotency_key: String,
    queued_at: Timestamp,
}

impl UnconfirmedWrites {
    /// Returns the write with the key of its first attempt, if there was one. The key of an end of day depends only on
    /// its content, so it is not remembered.
    pub(super) fn with_first_key(&self, entry: Entry, now: Timestamp) -> Entry {
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

    /// Whether the API may have recorded this write.
    pub(super) fn holds(&self, entry: &Entry) -> bool {
        self.sent().iter().any(|sent| sent.idempotency_key == entry.idempotency_key)
    }

    /// Remembers a write that is about to be sent.
    pub(super) fn keep(&self, entry: &Entry) {
        self.forget(entry);
        let mut sent = self.sent();
        sent.push_back(Sent {
            fingerprint: entry.fingerprint.clone(),
            idempotency_key: entry.idempotency_key.clone(),
            queued_at: entry.queued_at,
        });
        if sent.len() > MAX_WRITES {
            sent.pop_front();
        }
    }

    /// Forgets a write that is recorded, refused or on disk. A repetition after that is a new write.
    pub(super) fn forget(&self, entry: &Entry) {
        self.sent().retain(|sent| sent.fingerprint != entry.fingerprint);
    }

    fn sent(&self) -> MutexGuard<'_, VecDeque<Sent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
