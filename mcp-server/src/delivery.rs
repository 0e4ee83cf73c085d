//! Does what waits for the API while this process lives, so that nobody has to call a tool for it: sends what
//! is in the outbox, starts a day that was asked for.

use std::sync::Arc;
use std::time::Duration;

use crate::session::Keeper;

/// How long to wait before an API that could not be reached is tried again: longer each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Runs until the process ends.
pub(crate) async fn run(keeper: Arc<Keeper>) {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Err(trouble) = keeper.replay().await {
            log::info!("the outbox could not be looked at: {trouble}");
        }
        let is_wanted = keeper.start_wanted().await;
        if !is_wanted && keeper.waiting().await.queued == 0 {
            keeper.queued().await;
            pause = FIRST_PAUSE;
        }
        // Also after something was queued just now: it was tried a moment ago.
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
