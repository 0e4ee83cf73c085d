//! What waits in the outbox, as lines of ours: what an agent must tell its human.

use deckwatch_client::outbox::{Held, OtherQueue, Parked, SetAside, Skipped, TakenOver, Waiting};

use super::budget::clip;
use super::clean::clean_line;

/// How many are named one by one.
pub(crate) const NAMED: usize = 5;

/// One line for each thing that is not as it should be; none when the outbox is empty.
pub(crate) fn lines(waiting: &Waiting) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(waiting.unreadable.as_ref().map(|why| {
        format!("Outbox: what waits on this machine is not known: {}. Mend the disk or the folder.", clean_line(why))
    }));
    if waiting.queued > 0 {
        let since = waiting.oldest.map_or(String::new(), |oldest| format!("; the oldest was written at {oldest}"));
        let why = waiting.stopped.as_ref().map_or(String::new(), |stopped| {
            let cause = clip(&clean_line(&stopped.cause), 300);
            format!(
                " The API has taken none since {}: {cause}. The next try is at {}.",
                stopped.since, stopped.again_at
            )
        });
        lines.push(format!(
            "Outbox: {} waiting on this machine, not recorded yet{since}. Deckwatch sends all of them, in order, when the API answers.{why}",
            counted(waiting.queued)
        ));
    }
    lines.extend(waiting.parked.iter().take(NAMED).map(parked));
    if waiting.parked.len() > NAMED {
        lines.push(format!("Outbox: {} more wait for a person.", waiting.parked.len() - NAMED));
    }
    lines.extend(waiting.skipped.iter().take(NAMED).map(skipped));
    if waiting.skipped.len() > NAMED {
        lines.push(format!("Outbox: {} more files can't be sent.", waiting.skipped.len() - NAMED));
    }
    if !waiting.held.is_empty() {
        let named: Vec<String> = waiting.held.iter().take(NAMED).map(held).collect();
        lines.push(format!(
            "Outbox: {} over 23 hours old and not sent until a human decides: {}. Ask your human, then call sod with \
             held \"send\" (as new writes) or \"drop\" (deletes them).",
            counted(waiting.held.len()),
            named.join(", ")
        ));
    }
    lines.extend(waiting.other_queues.iter().take(NAMED).map(other_queue));
    if waiting.other_queues.len() > NAMED {
        lines.push(format!("Outbox: {} more folders hold writes for other keys.", waiting.other_queues.len() - NAMED));
    }
    lines.extend(waiting.set_aside.iter().take(NAMED).map(set_aside));
    if waiting.set_aside.len() > NAMED {
        let folder = clean_line(&waiting.path.join("set-aside").display().to_string());
        let more = waiting.set_aside.len() - NAMED;
        lines.push(format!("Outbox: {more} more are set aside in {folder}; the next sod names them."));
    }
    lines
}

/// What became of a take-over.
pub(crate) fn taken_over(taken: TakenOver) -> String {
    let moved = match taken.entries {
        0 => "Outbox: nothing waited for this API under another key.".to_owned(),
        count => {
            format!("Outbox: {} taken over from another key of this API and sent under the key in use.", counted(count))
        }
    };
    let busy = match taken.busy {
        0 => String::new(),
        count => format!(
            " {count} folders were left as they are, because another process sends from them now: call sod again later."
        ),
    };
    moved + &busy
}

fn other_queue(queue: &OtherQueue) -> String {
    let (count, path) = (counted(queue.entries), clean_line(&queue.path.display().to_string()));
    let key = queue.actor.as_ref().map_or(String::new(), |actor| format!(" (key id {})", clip(&clean_line(actor), 16)));
    match &queue.endpoint {
        Some(_) if queue.is_same_api => format!(
            "Outbox: {count} waiting for this API under another key{key}, and not recorded. If that key was wrong or was \
             replaced, ask your human, then call sod with held \"take_over\" to send them under the key in use. Folder: {path}."
        ),
        Some(endpoint) => format!(
            "Outbox: {count} waiting for another API, {}{key}, and not recorded. An agent that is started for that API \
             sends them. Folder: {path}.",
            clip(&clean_line(endpoint), 200)
        ),
        None => format!(
            "Outbox: {count} waiting in {path} for another API or key than the one in use, and not recorded. An older \
             Deckwatch wrote them and did not note which. An agent that is started with that API and key sends them."
        ),
    }
}

fn counted(writes: usize) -> String {
    if writes == 1 { "1 write is".to_owned() } else { format!("{writes} writes are") }
}

fn held(held: &Held) -> String {
    format!("{} of {} from {}", held.what, name(held.agent.as_deref()), held.queued_at)
}

fn parked(one: &Parked) -> String {
    let (what, agent) = (one.what, name(one.agent.as_deref()));
    let cause = clip(&clean_line(&one.cause), 300);
    format!(
        "Outbox: a {what} of {agent} from {} waits for a person and delays no other write: {cause}. Register the venture \
         or its repository, or give the key more rights; then it is sent by itself. The next try is at {}.",
        one.queued_at, one.again_at
    )
}

fn skipped(one: &Skipped) -> String {
    let (path, cause) = (clean_line(&one.path.display().to_string()), clip(&clean_line(&one.cause), 300));
    format!(
        "Outbox: {path} is not sent: {cause}. The other writes are sent without it. It may hold a write that is not \
         recorded: show it to your human."
    )
}

fn set_aside(one: &SetAside) -> String {
    let (reason, path) = (clip(&clean_line(&one.reason), 80), clean_line(&one.path.display().to_string()));
    let (what, agent) = (one.what, name(one.agent.as_deref()));
    format!("Outbox: a queued {what} of {agent} was refused ({reason}) and is NOT recorded. Its text is in {path}.")
}

fn name(agent: Option<&str>) -> String {
    agent.map_or("this machine".to_owned(), |agent| clip(&clean_line(agent), 80))
}
