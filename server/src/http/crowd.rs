//! Limits the number of connections. At the limit, a new connection replaces the one that has been idle the longest.
//! Connections that never sent a valid key are closed first. A new connection does not wait, because idle
//! connections could then block it. A connection with a running request of a known caller is never closed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// All connections.
pub(super) struct Crowd {
    most: usize,
    members: Mutex<Members>,
    left: Notify,
}

#[derive(Default)]
struct Members {
    next: u64,
    by_number: HashMap<u64, Arc<Standing>>,
}

/// The state of a connection.
struct Standing {
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
pub(super) struct Member {
    number: u64,
    standing: Arc<Standing>,
    crowd: Arc<Crowd>,
}

impl Crowd {
    pub(super) fn of(most: usize) -> Self {
        Self { most, members: Mutex::default(), left: Notify::new() }
    }

    /// Adds a connection. At the limit, another connection is closed for it.
    pub(super) async fn admit(self: &Arc<Self>) -> Member {
        loop {
            let left = self.left.notified();
            if let Some(member) = self.place() {
                return member;
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

    fn place(self: &Arc<Self>) -> Option<Member> {
        let mut members = self.lock();
        if members.by_number.len() >= self.most {
            if let Some(standing) =
                members.by_number.values().filter_map(|s| Some((s.rank()?, s))).min_by_key(|(r, _)| *r)
            {
                standing.1.evict();
            }
            return None;
        }
        let standing = Arc::new(Standing {
            is_known: AtomicBool::new(false),
            is_working: AtomicBool::new(false),
            since: Mutex::new(Instant::now()),
            is_evicted: AtomicBool::new(false),
            evicted: Notify::new(),
        });
        let number = members.next;
        members.next += 1;
        members.by_number.insert(number, Arc::clone(&standing));
        Some(Member { number, standing, crowd: Arc::clone(self) })
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
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

    fn turn(&self, is_working: bool) {
        self.is_working.store(is_working, Ordering::Relaxed);
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl Member {
    /// Records that the connection has sent a valid key.
    pub(super) fn is_known(&self) {
        self.standing.is_known.store(true, Ordering::Relaxed);
    }

    /// Marks a request as running, until the returned value is dropped.
    pub(super) fn begin(&self) -> Working {
        self.standing.turn(true);
        Working(Arc::clone(&self.standing))
    }

    /// Waits until the connection must close.
    pub(super) async fn evicted(&self) {
        if !self.standing.is_evicted.load(Ordering::Relaxed) {
            self.standing.evicted.notified().await;
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.crowd.lock().by_number.remove(&self.number);
        self.crowd.left.notify_waiters();
    }
}

/// A running request.
pub(super) struct Working(Arc<Standing>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.turn(false);
    }
}
