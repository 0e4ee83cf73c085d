//! Checks the outbox: the writes on this machine that wait for the API.

use crate::check_report::Check;
use deckwatch_client::ContextClient;
use deckwatch_client::outbox::{NotRead, OtherQueue, Waiting};

const NAME: &str = "waiting";

/// One check for the queue of this API and key, and one for each other queue that is not empty.
pub(super) async fn check(client: &ContextClient) -> Vec<Check> {
    let waiting = client.waiting().await;
    own_queue(&waiting).into_iter().chain(waiting.other_queues.iter().map(other_queue)).collect()
}

/// The check for the queue of this API and key. `None` if it is empty.
fn own_queue(waiting: &Waiting) -> Option<Check> {
    if let Some(NotRead { cause, remedy }) = &waiting.unreadable {
        return Some(Check::fail(NAME, cause.clone(), format!("{remedy} Until then, no write can be queued there.")));
    }
    let why = waiting.stopped.as_ref().map(|stopped| {
        format!(
            "; the API has accepted none since {}: {}. The next attempt is at {}",
            stopped.since, stopped.cause, stopped.again_at
        )
    });
    let parked = waiting.parked.iter().map(|one| format!("; for a {}, a person must act: {}", one.what, one.cause));
    let skipped = waiting.skipped.iter().map(|one| format!("; {} is not sent: {}", one.path.display(), one.cause));
    let (held, aside) = (waiting.held.len(), waiting.set_aside.len());
    let detail = format!(
        "{} not recorded yet{}{}{}; {held} too old to be sent without a decision; {aside} refused; in {}",
        waiting.queued,
        why.unwrap_or_default(),
        parked.collect::<String>(),
        skipped.collect::<String>(),
        waiting.path.display()
    );
    if waiting.queued + held + aside + waiting.skipped.len() == 0 {
        return None;
    }
    let fix = "solve the named problems; the writes are then sent automatically while an agent runs, and `sod` reports \
               the result";
    Some(Check::warn(NAME, detail, fix))
}

/// The check for a queue that was written for another API or under another key. It is not sent.
fn other_queue(queue: &OtherQueue) -> Check {
    let (entries, path) = (queue.entries, queue.path.display());
    let key = queue.actor.as_ref().map_or(String::new(), |actor| format!(" (key id {actor})"));
    match &queue.endpoint {
        Some(_) if queue.is_same_api => Check::warn(
            NAME,
            format!("{entries} not recorded yet, written for this API under another key{key}, in {path}"),
            "if that key was wrong or was replaced, tell an agent: call `sod` with held \"take_over\"; they are then sent \
             under the key in use",
        ),
        Some(endpoint) => Check::warn(
            NAME,
            format!("{entries} not recorded yet, written for another API, {endpoint}{key}, in {path}"),
            "start an agent for that API: it sends them",
        ),
        None => Check::warn(
            NAME,
            format!("{entries} not recorded yet, written for another API or under another key, in {path}"),
            "start an agent with the API and key of that time: it sends them, or records their API",
        ),
    }
}
