//! Limits the total time that a request waits before its batches start: for another process to finish its writes,
//! for other requests, or for a permit to read. A request with two batches does not wait twice as long.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The maximum total wait of one request.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(5);

tokio::task_local! {
    /// How long the request of this task has waited so far. Other work, such as reading a body, does not count.
    static WAITED: Cell<Duration>;
}

/// Runs `request` with a total wait of at most [`MAX_WAIT`].
pub(crate) async fn with_wait_limit<F: Future>(request: F) -> F::Output {
    WAITED.scope(Cell::new(Duration::ZERO), request).await
}

/// One wait of a request. It is counted when it is dropped.
pub(crate) struct Wait {
    since: Instant,
    /// When the request has used its total wait.
    pub(crate) until: Instant,
}

impl Wait {
    pub(crate) fn begin() -> Self {
        let since = Instant::now();
        let waited = WAITED.try_with(Cell::get).unwrap_or_default();
        Self { since, until: since + MAX_WAIT.saturating_sub(waited) }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        // Outside a request, each wait counts alone.
        let _ = WAITED.try_with(|waited| waited.set(waited.get() + self.since.elapsed()));
    }
}
