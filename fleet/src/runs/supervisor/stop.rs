//! The request of a person that the run ends, which arrives as the signal TERM.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for the signal, and remembers that it came.
pub(super) struct Stop {
    signal: Signal,
    is_requested: bool,
}

impl Stop {
    /// From now on, the signal no longer ends this process.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { signal: signal(SignalKind::terminate())?, is_requested: false })
    }

    /// Waits until the run shall end. Returns at once if that was requested before.
    pub(super) async fn requested(&mut self) {
        if !self.is_requested {
            self.signal.recv().await;
            self.is_requested = true;
        }
    }

    /// Whether the end was requested, as far as [`Stop::requested`] has noticed.
    pub(super) fn is_requested(&self) -> bool {
        self.is_requested
    }
}
