//! Limits the number of connections. At the limit, a new connection replaces the one that has been idle the longest.
//! Connections that never sent a valid key are closed first. A new connection does not wait, because idle
//! connections could then block it. A connection with a running request of a known caller is never closed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// All connections.
pub(super) struct Connections {
    limit: usize,
    slots: Mutex<Slots>,
    left: Notify,
}

#[derive(Default)]
struct Slots {
    next: u64,
    by_number: HashMap<u64, Arc<ConnectionState>>,
}

/// The state of a connection.
struct ConnectionState {
    /// Whether the connection has sent a valid key.
    is_known: AtomicBool,
    /// Whether a request of the connection is running.
    is_working: AtomicBool,
    /// When the current state began.
    since: Mutex<Instant>,
    is_evicted: AtomicBool,
    evicted: Notify,
}

/// A connection that counts toward the limit until it is dropped.
pub(super) struct ConnectionSlot {
    number: u64,
    state: Arc<ConnectionState>,
    connections: Arc<Connections>,
}

impl Connections {
    pub(super) fn of(limit: usize) -> Self {
        Self { limit, slots: Mutex::default(), left: Notify::new() }
    }

    /// Adds a connection. At the limit, another connection is closed for it.
    pub(super) async fn admit(self: &Arc<Self>) -> ConnectionSlot {
        loop {
            let left = self.left.notified();
            if let Some(slot) = self.place() {
                return slot;
            }
            left.await;
        }
    }

    /// Waits until there are no connections.
    pub(super) async fn empty(&self) {
        loop {
            let left = self.left.notified();
            if self.lock().by_number.is_empty() {
                return;
            }
            left.await;
        }
    }

    fn place(self: &Arc<Self>) -> Option<ConnectionSlot> {
        let mut slots = self.lock();
        if slots.by_number.len() >= self.limit {
            if let Some(state) = slots.by_number.values().filter_map(|s| Some((s.rank()?, s))).min_by_key(|(r, _)| *r) {
                state.1.evict();
            }
            return None;
        }
        let state = Arc::new(ConnectionState {
            is_known: AtomicBool::new(false),
            is_working: AtomicBool::new(false),
            since: Mutex::new(Instant::now()),
            is_evicted: AtomicBool::new(false),
            evicted: Notify::new(),
        });
        let number = slots.next;
        slots.next += 1;
        slots.by_number.insert(number, Arc::clone(&state));
        Some(ConnectionSlot { number, state, connections: Arc::clone(self) })
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionState {
    /// Connections with the lowest rank are closed first; `None` if the connection must stay or is being closed.
    fn rank(&self) -> Option<(bool, Instant)> {
        let is_known = self.is_known.load(Ordering::Relaxed);
        let stays = is_known && self.is_working.load(Ordering::Relaxed) || self.is_evicted.load(Ordering::Relaxed);
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        (!stays).then_some((is_known, since))
    }

    fn evict(&self) {
        self.is_evicted.store(true, Ordering::Relaxed);
        self.evicted.notify_one();
    }

    fn set_working(&self, is_working: bool) {
        self.is_working.store(is_working, Ordering::Relaxed);
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl ConnectionSlot {
    /// Records that the connection has sent a valid key.
    pub(super) fn is_known(&self) {
        self.state.is_known.store(true, Ordering::Relaxed);
    }

    /// Marks a request as running, until the returned value is dropped.
    pub(super) fn begin(&self) -> Working {
        self.state.set_working(true);
        Working(Arc::clone(&self.state))
    }

    /// Waits until the connection must close.
    pub(super) async fn evicted(&self) {
        if !self.state.is_evicted.load(Ordering::Relaxed) {
            self.state.evicted.notified().await;
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.connections.lock().by_number.remove(&self.number);
        self.connections.left.notify_waiters();
    }
}

/// A running request.
pub(super) struct Working(Arc<ConnectionState>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.set_working(false);
    }
}
