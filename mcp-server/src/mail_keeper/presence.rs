//! Tells the API what the hooks saw: whether the agent works, is idle, or waits for a person.
//!
//! A change is told at once, and the changes of the next seconds together. Without a change, nothing is sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use deckwatch_machine::agent_folder::{AgentFolder, SeenPresence};
use deckwatch_machine::clock::now;
use deckwatch_protocol::{Change, ReportedActivity, Timestamp, UpdateSession};
use tokio::time::sleep;

use super::in_folder;
use crate::session::{Keeper, Live};
use crate::trouble::Trouble;

const TICK: Duration = Duration::from_millis(250);
/// The least time between two requests, so that an agent uses at most 20 of its 100 requests a minute for them.
const LEAST_PAUSE: Duration = Duration::from_secs(3);
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(30);
/// A hook can run a little before this process starts. What was seen earlier belongs to another process.
const STARTED_BEFORE_SECONDS: i64 = 10;

/// Runs until the process ends.
pub(super) async fn run(keeper: Arc<Keeper>, folder: AgentFolder) {
    let begun = now().plus_seconds(-STARTED_BEFORE_SECONDS);
    let (mut told, mut not_before) = (None::<Timestamp>, Instant::now());
    loop {
        sleep(TICK).await;
        if Instant::now() < not_before {
            continue;
        }
        let Ok(Some(seen)) = in_folder(&folder, AgentFolder::presence).await else { continue };
        if told == Some(seen.at) || seen.at < begun {
            continue;
        }
        let Some(live) = keeper.held().filter(|live| keeper.has_joined(&live.id) && keeper.has_started()) else {
            continue;
        };
        not_before = Instant::now() + LEAST_PAUSE;
        match tell(&keeper, &live, &seen).await {
            Err(Trouble::Api(error)) if error.is_passing() => {
                log::info!("could not tell the API what the agent does: {error}");
                not_before = Instant::now() + error.asks_to_wait().unwrap_or(PAUSE);
            }
            result => {
                told = Some(seen.at);
                if let Err(trouble) = result {
                    log::info!("the API does not accept what the agent does: {trouble}");
                }
            }
        }
    }
}

/// Sends the state. It also counts as a heartbeat, but the next heartbeat stays due: it reports the branch too.
async fn tell(keeper: &Keeper, live: &Live, seen: &SeenPresence) -> Result<(), Trouble> {
    let _beating = keeper.beating.lock().await;
    keeper.identity.of_this_launch().await?;
    let presence = ReportedActivity { state: seen.state, detail: seen.detail.clone(), summary: None };
    let update = UpdateSession { epoch: Some(live.epoch), presence: Change::Set(presence), ..UpdateSession::default() };
    let session = keeper.identity.api().await?.update_session(&live.id, &update).await?;
    keeper.heard(&live.id, session.last_heartbeat_at);
    Ok(())
}
