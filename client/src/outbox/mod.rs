//! The outbox: what an agent wrote while the API could not be reached, kept until it can.
//!
//! A write is put into a queue on disk before it is sent, under the idempotency key that it is sent with,
//! and taken out when the API has answered. So nothing is lost when the network, the API or this process
//! goes away in between, and nothing happens twice: the API knows the key.
//!
//! - One queue for each endpoint and actor: what was meant for one API never goes to another. What was meant for another
//!   key of the same API goes out under the key in use only when a person says so.
//! - In order: whoever sends, sends the oldest first. One process at a time has the turn (`folder`).
//! - What the API refuses for good is set aside. What a person can mend is parked: it blocks nothing and is tried again. An
//!   API that fails, is busy or can't be understood stops the queue, however often, and keeps its order (`turn`).
//! - A queue that stopped is left alone for a while, by all processes of the machine (`pause`).
//! - An entry older than 23 hours is held until a human says what to do: the API may have forgotten its key.
//!
//! The queue holds handoffs and notes as they were written. It never holds a key of the API.

mod entry;
mod folder;
mod pause;
mod place;
mod turn;
mod unsent;
mod unsure;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use deckwatch_protocol::{Agent, CreateHandoff, DayEnded, Handoff, Note, Operation, RepoName, Timestamp};
use http::Response;

use self::entry::Entry;
pub use self::entry::{DayToEnd, NoteWrite};
pub use self::folder::{Bounds, Held, OtherQueue, SetAside, TakenOver};
use self::folder::{Folder, Ticket, Unkept};
pub use self::pause::Occasion;
pub use self::place::Whence;
pub use self::turn::Replayed;
use self::turn::{Own, OwnEntry, Turn};
pub use self::unsent::{Unsent, UnsentHandoff, UnsentNote};
use self::unsure::Unsure;
use crate::api::{Api, ClientError, understand};
use crate::clock::now;

/// A queue on disk, of one endpoint and one actor.
#[derive(Clone)]
pub(crate) struct Outbox {
    folder: Arc<Folder>,
    /// Tells the days of this process apart from those of the one before.
    run: uuid::Uuid,
    unsure: Arc<Unsure>,
}

/// Whether a write that the API does not take now can wait on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeping {
    /// It can.
    Keeps,
    /// It can't, for this reason.
    Fails(String),
    /// The engine runs in this process and has no queue.
    NoQueue,
}

/// Whether a write has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery<T> {
    /// The API has it; this is its answer.
    Delivered(T),
    /// The API has it, but its answer is not at hand. It must not be repeated: that would be another write.
    Taken(Taken),
    /// It waits on this machine and is sent as soon as the API can be reached. It is not recorded yet.
    Queued(Queued),
}

/// A write that has arrived, while its answer has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Why there is no answer.
    pub cause: String,
}

/// How a write waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// How many older ones are sent before it.
    pub before: usize,
    /// Why it was not sent.
    pub cause: String,
    /// When it is tried again without anybody asking, where that is known.
    pub again_at: Option<Timestamp>,
    /// The repository whose venture is looked up when it is sent, where nobody could name that.
    pub venture_of: Option<RepoName>,
}

/// What the outbox holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many are sent as soon as the API can be reached.
    pub queued: usize,
    /// When the oldest of them was written.
    pub oldest: Option<Timestamp>,
    /// Why none is sent now.
    pub stopped: Option<Stopped>,
    /// Those of them that wait for a person, and hold up no other.
    pub parked: Vec<Parked>,
    /// Those that are too old to be sent without a human's word.
    pub held: Vec<Held>,
    /// Those that were refused, and not yet reported.
    pub set_aside: Vec<SetAside>,
    /// Files in the queue, or among those that are held, that can't be sent, and stop no other.
    pub skipped: Vec<Skipped>,
    /// What waits for another API or under another key, and so is not sent.
    pub other_queues: Vec<OtherQueue>,
    /// Where the queue is.
    pub path: PathBuf,
    /// Why nobody can say what waits, where the disk does not tell.
    pub unreadable: Option<String>,
}

/// A file in the queue that can't be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub cause: String,
}

/// Why a queue is not sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Since when.
    pub since: Timestamp,
    /// What happened.
    pub cause: String,
    /// When it is tried again without anybody asking.
    pub again_at: Timestamp,
}

/// An entry that waits until a person has acted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// `handoff`, `note` or `change of a note`.
    pub what: &'static str,
    /// Who wrote it, where that is known.
    pub agent: Option<String>,
    /// When.
    pub queued_at: Timestamp,
    /// What happened.
    pub cause: String,
    /// When it is tried again without anybody asking.
    pub again_at: Timestamp,
}

/// What a person decides about the entries that are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldDecision {
    /// They are sent, as new writes.
    Send,
    /// They are deleted.
    Drop,
}

impl Outbox {
    /// The queue for `endpoint` and `actor` below `root`. Makes nothing yet.
    pub(crate) fn new(root: &Path, endpoint: &str, actor: &str, bounds: Bounds) -> Self {
        let folder = Arc::new(Folder::of(root, endpoint, actor, bounds));
        Self { folder, run: crate::api::random_uuid(), unsure: Arc::default() }
    }

    /// Runs what waits for the disk without holding up others.
    async fn on_disk<T: Send + 'static>(&self, work: impl FnOnce(&Folder) -> T + Send + 'static) -> Result<T, Unkept> {
        let folder = Arc::clone(&self.folder);
        let done = tokio::task::spawn_blocking(move || work(&folder)).await;
        done.map_err(|error| Unkept::Io(std::io::Error::other(error)))
    }
}

impl Api {
    /// Records the handoff and ends the session, or keeps it open: now, or when the API can be reached again.
    /// The same handoff of the same session is recorded once, however often it is given.
    pub async fn deliver_day(&self, day: &DayToEnd) -> Result<Delivery<DayEnded>, ClientError> {
        let run = self.outbox().map(|outbox| outbox.run).unwrap_or_default();
        Box::pin(self.deliver(Entry::day(day, run)?)).await
    }

    /// Records a handoff while the session goes on: now, or when the API can be reached again.
    pub async fn deliver_handoff(&self, handoff: &CreateHandoff) -> Result<Delivery<Handoff>, ClientError> {
        Box::pin(self.deliver(Entry::of(Operation::CreateHandoff, handoff)?)).await
    }

    /// Saves or changes a note: now, or when the API can be reached again.
    pub async fn deliver_note(&self, write: &NoteWrite) -> Result<Delivery<Note>, ClientError> {
        Box::pin(self.deliver(Entry::note(write)?)).await
    }

    /// Sends what waits, oldest first, unless another process is at it or it is too early for this occasion.
    pub async fn replay(&self, occasion: Occasion) -> Replayed {
        let Some(outbox) = self.outbox() else { return Replayed::default() };
        match Turn::take(outbox).await {
            Ok(Some(turn)) => Box::pin(turn.send_all(self, occasion, None)).await.0,
            Ok(None) => Replayed::default(),
            Err(unkept) => Replayed { stopped: Some(unkept.to_string()), ..Replayed::default() },
        }
    }

    /// Whether such a write can be kept now: a full or read-only disk keeps nothing. Tried, not guessed.
    pub async fn keeping(&self) -> Keeping {
        let Some(outbox) = self.outbox() else { return Keeping::NoQueue };
        match outbox.on_disk(Folder::try_to_keep).await.and_then(|tried| tried) {
            Ok(()) => Keeping::Keeps,
            Err(unkept) => Keeping::Fails(unkept.to_string()),
        }
    }

    /// Whether the end of a day of this agent waits: it must be sent before the next day starts.
    pub async fn day_waits_of(&self, agent: &Agent) -> bool {
        let (Some(outbox), agent) = (self.outbox(), agent.to_string()) else { return false };
        outbox.on_disk(move |folder| folder.waits_for(&agent)).await.unwrap_or(true)
    }

    /// What waits, is held, or was refused.
    pub async fn waiting(&self) -> Waiting {
        let Some(outbox) = self.outbox() else { return Waiting::default() };
        let waiting = outbox.on_disk(Folder::waiting).await;
        waiting.unwrap_or_else(|unkept| Waiting { unreadable: Some(unkept.to_string()), ..Waiting::default() })
    }

    /// The handoffs and notes that wait on this machine. On the embedded engine nothing waits.
    pub async fn unsent(&self) -> Result<Unsent, ClientError> {
        let Some(outbox) = self.outbox() else { return Ok(Unsent::default()) };
        let unsent = outbox.on_disk(Folder::unsent).await.and_then(|unsent| unsent);
        unsent.map_err(|unkept| ClientError::failed(unkept.to_string()))
    }

    /// Takes note that somebody has read of these, so that they are not reported again.
    pub async fn reported(&self, set_aside: Vec<SetAside>) {
        if let Some(outbox) = self.outbox() {
            let _ = outbox.on_disk(move |folder| folder.reported(&set_aside)).await;
        }
    }

    /// Does what a person decides about the entries that are held; says how many there were.
    pub async fn resolve_held(&self, decision: HeldDecision) -> Result<usize, ClientError> {
        let Some(outbox) = self.outbox() else { return Ok(0) };
        let resolved = outbox.on_disk(move |folder| folder.resolve_held(decision, now())).await;
        resolved.and_then(|resolved| resolved).map_err(|unkept| ClientError::failed(unkept.to_string()))
    }

    /// Takes over what waits for this API under another key, such as one that was wrong or was replaced. It is sent
    /// under the key in use. Only a person may decide that: records then belong to another actor.
    pub async fn take_over(&self) -> Result<TakenOver, ClientError> {
        let Some(outbox) = self.outbox() else { return Ok(TakenOver::default()) };
        let taken = outbox.on_disk(|folder| folder.take_over(now())).await;
        taken.and_then(|taken| taken).map_err(|unkept| ClientError::failed(unkept.to_string()))
    }

    async fn deliver<T: serde::de::DeserializeOwned>(&self, entry: Entry) -> Result<Delivery<T>, ClientError> {
        self.refuse_secrets(entry.operation()?, &entry.content()?)?;
        if let Some(start) = entry.start()? {
            self.refuse_secrets(Operation::StartDay, &start)?;
        }
        let Some(outbox) = self.outbox() else { return Ok(delivered(turn::send(self, &entry).await?)) };
        let entry = outbox.unsure.resumed(entry, now());
        let kept = entry.clone();
        let (ticket, waits) = match outbox.on_disk(move |folder| folder.put(kept, now())).await.and_then(|put| put) {
            Ok(put) => put,
            Err(unkept) => return self.deliver_unkept(outbox, &entry, &unkept).await,
        };
        let own = Own { ticket, entry: &waits, is_new: waits == entry };
        let became = self.send_in_turn(outbox, own).await?;
        outbox.unsure.forget(&entry);
        match became {
            OwnEntry::Answered(response) => Ok(delivered(response)),
            OwnEntry::Taken(cause) => Ok(Delivery::Taken(Taken { cause })),
            OwnEntry::Waits(cause) => Ok(Delivery::Queued(self.queued(outbox, ticket, &waits, cause).await)),
        }
    }

    /// Sends up to this entry as soon as it is this process's turn. Others are given a moment, not more.
    async fn send_in_turn(&self, outbox: &Outbox, own: Own<'_>) -> Result<OwnEntry, ClientError> {
        const LOOKS: u32 = 80;
        const BETWEEN_LOOKS: std::time::Duration = std::time::Duration::from_millis(25);
        for _ in 0..LOOKS {
            match Turn::take(outbox).await {
                Ok(Some(turn)) => match turn.send_all(self, Occasion::Write, Some(own)).await.1 {
                    Some(own) => return own,
                    None => return self.answer_again(outbox, own.entry).await,
                },
                Ok(None) => {
                    let (ticket, key) = (own.ticket, own.entry.idempotency_key.clone());
                    if !outbox.on_disk(move |folder| folder.holds(ticket, &key)).await.unwrap_or(true) {
                        return self.answer_again(outbox, own.entry).await;
                    }
                }
                Err(unkept) => return Ok(OwnEntry::Waits(unkept.to_string())),
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Ok(OwnEntry::Waits("another process on this machine is sending what waits".to_owned()))
    }

    /// Another process has sent it, or has taken it over. Either it was refused, and then it is set aside; or it waits
    /// in another queue; or the API has it, and under the same key it repeats its answer. Whatever keeps that answer
    /// away, the write has happened.
    async fn answer_again(&self, outbox: &Outbox, entry: &Entry) -> Result<OwnEntry, ClientError> {
        let (what, key) = (entry.what(), entry.idempotency_key.clone());
        let refused = outbox.on_disk(move |folder| folder.refusal_of(&key)).await;
        if let Some((reason, path)) = refused.map_err(|unkept| ClientError::failed(unkept.to_string()))? {
            return Err(ClientError::SetAside { what, reason, path });
        }
        let key = entry.idempotency_key.clone();
        if outbox.on_disk(move |folder| folder.is_taken_over(&key)).await.unwrap_or_default() {
            return Ok(OwnEntry::Waits("an agent with another key of this API has taken it over".to_owned()));
        }
        Ok(match turn::send(self, entry).await {
            Ok(response) => OwnEntry::Answered(response),
            Err(error) => {
                let cause = turn::without_advice(&error);
                OwnEntry::Taken(format!("another process on this machine has sent it, and its answer is lost: {cause}"))
            }
        })
    }

    async fn queued(&self, outbox: &Outbox, ticket: Ticket, entry: &Entry, cause: String) -> Queued {
        let before = outbox.on_disk(move |folder| folder.before(ticket)).await.unwrap_or_default();
        let pause = outbox.on_disk(Folder::pause).await.unwrap_or_default();
        let again_at = pause.map(|pause| pause.again_at);
        Queued { before, cause, again_at, venture_of: entry.venture_of.clone() }
    }

    /// Without room on disk there is only sending it at once, and only when it is known that nothing older waits.
    async fn deliver_unkept<T: serde::de::DeserializeOwned>(
        &self,
        outbox: &Outbox,
        entry: &Entry,
        unkept: &Unkept,
    ) -> Result<Delivery<T>, ClientError> {
        let (what, unkept) = (entry.what(), unkept.to_string());
        let was_sent_before = outbox.unsure.holds(entry);
        let not_sent = |cause: String| {
            let unkept = unkept.clone();
            if was_sent_before {
                ClientError::Unsure { what, cause, unkept }
            } else {
                ClientError::NotKept { what, cause, unkept }
            }
        };
        let replayed = self.replay(Occasion::Write).await;
        match outbox.on_disk(Folder::is_waiting).await.and_then(|is_waiting| is_waiting) {
            Ok(false) => {}
            Ok(true) => {
                let cause = replayed.stopped.unwrap_or_else(|| "another process is sending what waits".to_owned());
                return Err(not_sent(cause));
            }
            Err(_) => {
                return Err(not_sent(
                    "older writes may wait, and must be sent first. Mend the disk or the folder".into(),
                ));
            }
        }
        outbox.unsure.keep(entry);
        match turn::send(self, entry).await {
            Ok(response) => {
                outbox.unsure.forget(entry);
                Ok(delivered(response))
            }
            Err(
                refused @ (ClientError::Refused(_)
                | ClientError::RefusedUnknown(_)
                | ClientError::HoldsSecret { .. }
                | ClientError::NoVenture { .. }),
            ) => {
                if !was_sent_before {
                    outbox.unsure.forget(entry);
                }
                Err(refused)
            }
            // Nobody took a connection, so nobody took the write.
            Err(ClientError::Unreachable { is_sent: false, .. }) if !was_sent_before => {
                outbox.unsure.forget(entry);
                Err(not_sent("nobody takes a connection where the API should be".to_owned()))
            }
            // Something in between may have passed it on, and lost the answer.
            Err(error) => Err(ClientError::Unsure { what, cause: turn::without_advice(&error), unkept }),
        }
    }
}

/// What was answered. The answer of an API that words it in another way is still one: the write has happened.
fn delivered<T: serde::de::DeserializeOwned>(response: Response<Bytes>) -> Delivery<T> {
    let taken = |error: ClientError| Delivery::Taken(Taken { cause: error.to_string() });
    understand(response).map_or_else(taken, Delivery::Delivered)
}
