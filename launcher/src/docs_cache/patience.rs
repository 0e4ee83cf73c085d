//! Waits for an API that takes no more requests for now, as long as it asks to and a person may be kept.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use deckwatch_client::ClientError;

/// A run waits no longer than this in all: two windows of the API's limit.
const IN_ALL: Duration = Duration::from_mins(2);
/// An API that asks for no pause gets one.
const SHORTEST: Duration = Duration::from_secs(1);

/// What is left of the time that a run may wait.
pub(super) struct Patience {
    left: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { left: IN_ALL }
    }
}

impl Patience {
    /// Asks, and again after each pause that the API wants. A pause that would be too long is its refusal.
    pub(super) async fn ask<T>(&mut self, ask: impl AsyncFn() -> Result<T, ClientError>) -> Result<T, ClientError> {
        loop {
            let answer = ask().await;
            let pause = answer.as_ref().err().and_then(ClientError::asks_to_wait).map(|pause| pause.max(SHORTEST));
            let Some((pause, left)) = pause.and_then(|pause| Some((pause, self.left.checked_sub(pause)?))) else {
                return answer;
            };
            self.left = left;
            if std::io::stderr().is_terminal() {
                let seconds = pause.as_secs();
                // A terminal that takes no more changes nothing.
                let _ = writeln!(anstream::stderr(), "The API limits its requests; waiting for {seconds} s.");
            }
            tokio::time::sleep(pause).await;
        }
    }
}
