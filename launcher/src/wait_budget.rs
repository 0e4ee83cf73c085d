//! Waits when the API limits its requests, for as long as the API asks, up to a total for the run.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use deckwatch_client::ClientError;

/// The longest total wait of a run for a person: two windows of the API's rate limit.
const MAX_TOTAL_WAIT: Duration = Duration::from_mins(2);
/// The pause if the API asks for none or for a shorter one.
const MIN_PAUSE: Duration = Duration::from_secs(1);

/// The time that the run may still wait.
pub(crate) struct WaitBudget {
    left: Duration,
}

impl Default for WaitBudget {
    fn default() -> Self {
        Self { left: MAX_TOTAL_WAIT }
    }
}

impl WaitBudget {
    /// A budget for a run that nobody waits for.
    pub(crate) fn of(left: Duration) -> Self {
        Self { left }
    }

    /// Sends a request, and repeats it after each pause that the API asks for. If a pause is too long, returns the error.
    pub(crate) async fn ask<T>(&mut self, ask: impl AsyncFn() -> Result<T, ClientError>) -> Result<T, ClientError> {
        loop {
            let answer = ask().await;
            let pause = answer.as_ref().err().and_then(ClientError::asks_to_wait).map(|pause| pause.max(MIN_PAUSE));
            let Some((pause, left)) = pause.and_then(|pause| Some((pause, self.left.checked_sub(pause)?))) else {
                return answer;
            };
            self.left = left;
            if std::io::stderr().is_terminal() {
                let seconds = pause.as_secs();
                // An error of the terminal is ignored.
                let _ = writeln!(anstream::stderr(), "The API limits its requests; waiting for {seconds} s.");
            }
            tokio::time::sleep(pause).await;
        }
    }
}
