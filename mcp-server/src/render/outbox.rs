//! The outbox as lines of a report: what an agent must tell its human.

use deckwatch_client::outbox::{
    Held, NotRead, OtherQueue, Parked, SetAside, Skipped, TakenOver, Unsent, UnsentNote, Waiting,
};

use super::budget::clip;
use super::clean::clean_line;

/// How many writes of each kind are named.
pub(crate) const NAMED: usize = 5;
/// The size limit of the line about writes that could not be read, without its label.
const NOT_READ_MAX: usize = 800;

/// One line for each problem; empty when the outbox is empty.
pub(crate) fn lines(waiting: &Waiting) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(waiting.unreadable.as_ref().map(not_read_line));
    if waiting.queued > 0 {
        let since = waiting.oldest.map_or(String::new(), |oldest| format!("; the oldest was written at {oldest}"));
        let why = waiting.stopped.as_ref().map_or(String::new(), |stopped| {
            let cause = clip(clean_line(&stopped.cause).trim_end_matches('.'), 300);
            format!(
                " The API has accepted no write since {}: {cause}. The next try is at {}.",
                stopped.since, stopped.again_at
            )
        });
        lines.push(format!(
            "Outbox: {} waiting on this machine and not recorded yet{since}. Deckwatch sends all of them in order when the API answers.{why}",
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
            "Outbox: {} more than 23 hours old and not sent until a human decides: {}. Ask your human, then call sod with \
             held \"send\" (sends them as new writes) or \"drop\" (deletes them).",
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
        lines.push(format!("Outbox: {more} more refused writes are in {folder}; the next sod names them."));
    }
    lines
}

/// The same lines, and one more if some writes could not be read for a reason that `waiting` does not name.
pub(crate) fn lines_with(waiting: &Waiting, unsent: &Unsent) -> Vec<String> {
    let not_read = unsent.not_read.as_ref().filter(|_| waiting.is_complete());
    not_read.map(not_read_line).into_iter().chain(lines(waiting)).collect()
}

/// The line about writes that could not be read, so that an answer may lack them.
pub(crate) fn not_read_line(not_read: &NotRead) -> String {
    format!("Outbox: {}", clip(&clean_line(&not_read.to_string()), NOT_READ_MAX))
}

/// The line about queued writes to notes, which a day does not show; `None` if there are none.
pub(crate) fn notes_line(notes: &[UnsentNote]) -> Option<String> {
    let new = notes.iter().filter(|note| note.change.id().is_none()).count();
    let counts = [
        counted_as(new, "new note", "new notes"),
        counted_as(notes.len() - new, "change of a note", "changes of notes"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    (!counts.is_empty()).then(|| {
        format!(
            "Outbox: {} on this machine, NOT SAVED YET and not in the notes below. Call `notes` to read them.",
            counts.join(" and ")
        )
    })
}

fn counted_as(count: usize, one: &str, several: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {several}")),
    }
}

/// The result of a take-over.
pub(crate) fn taken_over(taken: TakenOver) -> String {
    let moved = match taken.entries {
        0 => "Outbox: no writes wait for this API under another key.".to_owned(),
        count => {
            format!(
                "Outbox: {} taken over from another key of this API. Deckwatch sends them with the current key.",
                counted(count)
            )
        }
    };
    let busy = match taken.busy {
        0 => String::new(),
        count => format!(
            " {count} folders were not taken over, because another process is sending from them. Call sod again later."
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
             replaced, ask your human, then call sod with held \"take_over\" to send them with the current key. Folder: {path}."
        ),
        Some(endpoint) => format!(
            "Outbox: {count} waiting for another API, {}{key}, and not recorded. To send them, start an agent with that \
             API. Folder: {path}.",
            clip(&clean_line(endpoint), 200)
        ),
        None => format!(
            "Outbox: {count} waiting in {path} for another API or key, and not recorded. An older Deckwatch wrote them \
             without the name of the API. To send them, start an agent with that API and key."
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
    let cause = clip(clean_line(&one.cause).trim_end_matches('.'), 300);
    format!(
        "Outbox: a {what} of {agent} from {} waits for a person and delays no other write: {cause}. Register the venture \
         or its repository, or give the key more rights. Then Deckwatch sends it. The next try is at {}.",
        one.queued_at, one.again_at
    )
}

fn skipped(one: &Skipped) -> String {
    let (path, cause) = (clean_line(&one.path.display().to_string()), clip(&clean_line(&one.cause), 300));
    format!(
        "Outbox: can't send {path}: {cause}. Deckwatch sends the other writes without it. The file may contain a write \
         that is not recorded: show it to your human."
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
