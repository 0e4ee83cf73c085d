//! How a watch learns of new events.

use tokio::sync::watch;

/// How a watch learns of new events, for a person who looks at them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchState {
    /// Nothing is known yet.
    Starting,
    /// At once: through a socket, or from the database of this machine.
    Live,
    /// Every 30 seconds, because no socket could be opened, for this reason.
    Polling(String),
    /// The API does not answer, for this reason. The watch tries again.
    Away(String),
}

/// The state of a watch, which others can follow.
pub(super) struct StateSender(watch::Sender<WatchState>);

impl StateSender {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(WatchState::Starting))
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<WatchState> {
        self.0.subscribe()
    }

    /// Sets the state. Does not wake those who follow it if it is the same.
    pub(super) fn set(&self, state: WatchState) {
        self.0.send_if_modified(|now| {
            let is_new = *now != state;
            *now = state;
            is_new
        });
    }
}
