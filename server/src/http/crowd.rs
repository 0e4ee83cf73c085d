//! Who is connected. When there are too many, the connection that has been idle for longest makes room for the
//! newcomer, and one that never brought a good key goes before one that did. A newcomer that waited instead could be
//! kept out by connections that do nothing; requests of callers who are known are never cut off.

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

/// How a connection stands.
struct Standing {
    /// Whether it has brought a good key.
    is_known: AtomicBool,
    /// Whether a request of it is being answered.
    is_working: AtomicBool,
    /// Since when it does what it does.
    since: Mutex<Instant>,
    is_evicted: AtomicBool,
    evicted: Notify,
}

/// A place in the crowd. It is free again when this is dropped.
pub(super) struct Member {
    number: u64,
    standing: Arc<Standing>,
    crowd: Arc<Crowd>,
}

impl Crowd {
    pub(super) fn of(most: usize) -> Self {
        Self { most, members: Mutex::default(), left: Notify::new() }
    }

    /// A place for a newcomer; another connection may have to go for it.
    pub(super) async fn admit(self: &Arc<Self>) -> Member {
        loop {
            let left = self.left.notified();
            if let Some(member) = self.place() {
                return member;
            }
            left.await;
        }
    }

    /// Waits until nobody is connected.
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
    /// The lower, the sooner it has to go; `None` when it may stay, or is going.
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
    /// Says that the connection has brought a good key.
    pub(super) fn is_known(&self) {
        self.standing.is_known.store(true, Ordering::Relaxed);
    }

    /// Says that a request is being answered, until the returned value is dropped.
    pub(super) fn begin(&self) -> Working {
        self.standing.turn(true);
        Working(Arc::clone(&self.standing))
    }

    /// Waits until the connection has to go.
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

/// A request under way.
pub(super) struct Working(Arc<Standing>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.turn(false);
    }
}
