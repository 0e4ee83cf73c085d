//! Starts the day when a conversation starts, so that the agent opens with its context: a hook asks for it in the folder of the
//! agent, and shows what is written there.
//!
//! A server that an agent's CLI starts only to list its tools gets no request: the one that the same process has started
//! answers.

use std::sync::Arc;
use std::time::Duration;

use deckwatch_machine::agent_folder::{AgentFolder, DayRequest};
use deckwatch_machine::clock::now;
use tokio::time::{Instant, sleep};

use crate::mail_keeper;
use crate::session::Keeper;
use crate::tools::day_at_opening;
use crate::trouble::blocking;

/// How often a request is looked for: soon after the start of this process, and later.
const TICKS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];
/// How long after its start a process looks more often.
const SOON: Duration = Duration::from_mins(1);
/// After this time, a request is answered also by a server that another process has started.
const ANY_SERVER_AFTER_MILLIS: i64 = 1_000;
/// The longest day, in bytes. It leaves room for messages in the same turn.
const MAX_BYTES: usize = 5_000;

const OPENING: &str = "Deckwatch has started your day, so you need not call `sod`.\n";

/// Runs until the process ends.
pub(crate) async fn run(keeper: Arc<Keeper>) {
    let Some(folder) = mail_keeper::folder(keeper.identity.environment()) else { return };
    let begun = Instant::now();
    loop {
        let [soon, later] = TICKS;
        sleep(if begun.elapsed() < SOON { soon } else { later }).await;
        let looking = folder.clone();
        let taken = blocking(move || requested(&looking)).await;
        match taken {
            Ok(Ok(Some(request))) => open(&keeper, &folder, request).await,
            Ok(Ok(None)) => {}
            Ok(Err(error)) => log::warn!("could not look for a request to start the day: {error}"),
            Err(trouble) => log::warn!("could not look for a request to start the day: {trouble}"),
        }
    }
}

/// Takes the request that waits, if this server answers it.
fn requested(folder: &AgentFolder) -> std::io::Result<Option<DayRequest>> {
    let Some(request) = folder.day_request()? else { return Ok(None) };
    let is_from_parent = request.ancestors.contains(&std::os::unix::process::parent_id());
    let waited = now().as_millis() - request.at.as_millis();
    if !is_from_parent && waited < ANY_SERVER_AFTER_MILLIS {
        return Ok(None);
    }
    Ok(folder.take_day_request()?.then_some(request))
}

/// Starts the day, joins the session and writes the day for the hook.
async fn open(keeper: &Arc<Keeper>, folder: &AgentFolder, request: DayRequest) {
    if let Some(conversation) = &request.conversation {
        keeper.identity.set_conversation(conversation);
    }
    let text = match day_at_opening(keeper, MAX_BYTES - OPENING.len()).await {
        Ok(report) => format!("{OPENING}{report}\n"),
        Err(trouble) => format!("Deckwatch could not start your day: {trouble} Call `sod` to try again.\n"),
    };
    keeper.join().await;
    let folder = folder.clone();
    match blocking(move || folder.put_day(&text)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log::warn!("could not write the day for the hook: {error}"),
        Err(trouble) => log::warn!("could not write the day for the hook: {trouble}"),
    }
}
