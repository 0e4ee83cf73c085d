//! Writes the log rows of several requests in one batch, so that requests in quick succession do not wait for the
//! batches of their predecessors' log rows.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use deckwatch_api::{App, DeferredStatements};
use worker::{Context, Date, Delay};

use crate::bridge::Bindings;
use crate::hub;

/// How long a log row waits for others after its request was answered.
const DELAY: Duration = Duration::from_millis(100);
/// The runtime may end a request that waits, and its rows stay in the queue. After this time, the next request writes
/// them.
const MAX_DELAY_MS: u64 = 1_000;
/// So many requests do not wait.
const MAX_REQUESTS: usize = 100;

thread_local! {
    static QUEUE: RefCell<Queue> = RefCell::default();
}

/// The log rows that wait.
#[derive(Default)]
struct Queue {
    waiting: DeferredStatements,
    requests: usize,
    /// When the first request began to wait, in milliseconds since 1970.
    since: u64,
}

impl Queue {
    /// Adds the log row of a request. Returns how long this request waits before it writes all rows; `None` if another
    /// request writes them.
    fn push(&mut self, row: DeferredStatements, now: u64) -> Option<Duration> {
        self.waiting.append(row);
        self.requests += 1;
        if self.requests == 1 {
            self.since = now;
            return Some(DELAY);
        }
        let is_late = now.saturating_sub(self.since) > MAX_DELAY_MS || self.requests >= MAX_REQUESTS;
        is_late.then_some(Duration::ZERO)
    }
}

/// Runs what a request has left to do, after its response was sent. It may append events.
pub(crate) fn finish(app: &Arc<App>, bindings: &Bindings, context: &Context, deferred: DeferredStatements) {
    if deferred.is_empty() {
        return;
    }
    let (app, bindings) = (Arc::clone(app), bindings.clone());
    if !deferred.may_share_batch() {
        return context.wait_until(async move {
            app.finish(deferred).await;
            hub::poke_now(&bindings).await;
        });
    }
    let now = Date::now().as_millis();
    let Some(delay) = QUEUE.with_borrow_mut(|queue| queue.push(deferred, now)) else { return };
    context.wait_until(async move {
        if !delay.is_zero() {
            Delay::from(delay).await;
        }
        let Queue { waiting, .. } = QUEUE.take();
        if !waiting.is_empty() {
            app.finish(waiting).await;
            hub::poke_now(&bindings).await;
        }
    });
}
