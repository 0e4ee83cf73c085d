//! How long a request waits in all before its batches are begun: for another process to finish its writes, behind other
//! requests, or for a place to read. A request of two batches does not wait twice as long.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The longest wait of one request.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

tokio::task_local! {
    /// How long the request of this task has waited by now. What it does in between, such as reading a body, is no wait.
    static WAITED: Cell<Duration>;
}

/// Lets everything that `request` does wait [`PATIENCE`] in all, and no more.
pub(crate) async fn waiting_once<F: Future>(request: F) -> F::Output {
    WAITED.scope(Cell::new(Duration::ZERO), request).await
}

/// One wait of a request. It is counted when this is dropped.
pub(crate) struct Wait {
    since: Instant,
    /// When the request has waited for as long as it may.
    pub(crate) until: Instant,
}

impl Wait {
    pub(crate) fn begin() -> Self {
        let since = Instant::now();
        let waited = WAITED.try_with(Cell::get).unwrap_or_default();
        Self { since, until: since + PATIENCE.saturating_sub(waited) }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        // Outside of a request, each wait stands for itself.
        let _ = WAITED.try_with(|waited| waited.set(waited.get() + self.since.elapsed()));
    }
}
