//! The outbox: a queue on disk for writes of agents. It keeps them while the API can't be reached.
//!
//! A write is stored with its idempotency key before it is sent. It is removed when the API has responded. A failure of
//! the network, of the API or of this process therefore loses no write. The key prevents a write from taking effect twice.
//!
//! - Each endpoint and actor has its own queue, so a write for one API never goes to another. A write for another key of
//!   the same API is sent with the current key only if a person decides so.
//! - Before an entry of another key is sent, the records of that key are searched for it (`earlier_keys`).
//! - Entries are sent in order, oldest first. A lock allows one sending process at a time (`folder`).
//! - An entry that the API refuses permanently is set aside. An entry that needs a person's action is parked: it blocks no
//!   other entry and is retried. If the API fails, is busy or sends an invalid response, the queue stops and keeps its
//!   order (`turn`).
//! - After a stop, all processes of the machine pause the queue for a while (`pause`).
//! - An entry older than 23 hours is held until a person decides, because the API may have forgotten its key.
//!
//! The queue holds the text of handoffs and notes. It never holds an API key.

mod earlier_keys;
mod entry;
mod folder;
mod pause;
mod turn;
mod unconfirmed;
mod unsent;
mod venture_lookup;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{Agent, CreateHandoff, DayEnded, Handoff, Note, Operation, RepoName, Timestamp};
use http::Response;

use self::entry::Entry;
pub use self::entry::{DayToEnd, NoteWrite};
pub use self::folder::{Bounds, Held, OtherQueue, SetAside, TakenOver};
use self::folder::{Folder, StorageError, Ticket};
pub use self::pause::SendReason;
pub use self::turn::Replayed;
use self::turn::{OwnEntry, OwnResult, Turn};
use self::unconfirmed::UnconfirmedWrites;
pub use self::unsent::{NoteChange, Unsent, UnsentHandoff, UnsentNote};
use crate::api::{Api, ClientError, understand};

/// The queue on disk of one endpoint and one actor.
#[derive(Clone)]
pub(crate) struct Outbox {
    folder: Arc<Folder>,
    /// An id of this process. It separates this process's ends of day from those of earlier processes.
    run: uuid::Uuid,
    unconfirmed: Arc<UnconfirmedWrites>,
}

/// Whether this machine can queue a write that the API does not accept now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueStatus {
    /// The outbox can store writes.
    Available,
    /// The outbox can't store writes, for this reason.
    Unavailable(String),
    /// The API is the embedded engine, which needs no queue.
    NotNeeded,
}

/// The result of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery<T> {
    /// The API recorded it. This is its response.
    Delivered(T),
    /// The API recorded it, but its response was lost. Do not repeat the write: the API would record it twice.
    ResponseLost(LostResponse),
    /// The write waits on this machine until the API can be reached. It is not recorded yet.
    Queued(Queued),
}

/// A recorded write whose response was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostResponse {
    /// Why there is no response.
    pub cause: String,
}

/// The state of a queued write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// How many older writes are sent before it.
    pub before: usize,
    /// Why it was not sent.
    pub cause: String,
    /// When the next automatic retry is due, if known.
    pub again_at: Option<Timestamp>,
    /// The repository whose venture is looked up when the write is sent, if the venture is not known now.
    pub venture_of: Option<RepoName>,
}

/// The content of the outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many entries are sent when the API can be reached.
    pub queued: usize,
    /// When the oldest entry was written.
    pub oldest: Option<Timestamp>,
    /// Why the queue is not sent now.
    pub stopped: Option<Stopped>,
    /// Entries that wait for a person. They block no other entry.
    pub parked: Vec<Parked>,
    /// Entries that are too old to be sent without a person's decision.
    pub held: Vec<Held>,
    /// Refused entries that were not reported yet.
    pub set_aside: Vec<SetAside>,
    /// Queued or held files that can't be sent. They block no other entry.
    pub skipped: Vec<Skipped>,
    /// Queues for another API or another key, which are not sent.
    pub other_queues: Vec<OtherQueue>,
    /// The folder of the queue.
    pub path: PathBuf,
    /// Why the folder can't be read, if so.
    pub unreadable: Option<String>,
}

/// A file in the queue that can't be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why it can't be sent.
    pub cause: String,
}

/// Why a queue is not sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// When the first failure was.
    pub since: Timestamp,
    /// The error.
    pub cause: String,
    /// When the next automatic retry is due.
    pub again_at: Timestamp,
}

/// An entry that waits until a person acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// `handoff`, `note` or `change of a note`.
    pub what: &'static str,
    /// The agent that wrote it, if known.
    pub agent: Option<String>,
    /// When it was written.
    pub queued_at: Timestamp,
    /// The error.
    pub cause: String,
    /// When the next automatic retry is due.
    pub again_at: Timestamp,
}

/// A person's decision about the held entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldDecision {
    /// Send them as new writes.
    Send,
    /// Delete them.
    Drop,
}

impl Outbox {
    /// The queue for `endpoint` and `actor` below `root`. Creates no files yet.
    pub(crate) fn new(root: &Path, endpoint: &str, actor: &str, bounds: Bounds) -> Self {
        let folder = Arc::new(Folder::of(root, endpoint, actor, bounds));
        Self { folder, run: crate::api::random_uuid(), unconfirmed: Arc::default() }
    }

    /// Runs blocking disk work on a separate thread.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> T + Send + 'static,
    ) -> Result<T, StorageError> {
        let folder = Arc::clone(&self.folder);
        let done = tokio::task::spawn_blocking(move || work(&folder)).await;
        done.map_err(|error| StorageError::Io(std::io::Error::other(error)))
    }
}

impl Api {
    /// Records the handoff and ends the session, or keeps it open: now, or when the API can be reached again.
    /// If the same handoff of the same session is sent several times, it is recorded once.
    pub async fn deliver_day(&self, day: &DayToEnd) -> Result<Delivery<DayEnded>, ClientError> {
        let run = self.outbox().map(|outbox| outbox.run).unwrap_or_default();
        Box::pin(self.deliver(Entry::day(day, run)?)).await
    }

    /// Records a handoff and keeps the session open: now, or when the API can be reached again.
    pub async fn deliver_handoff(&self, handoff: &CreateHandoff) -> Result<Delivery<Handoff>, ClientError> {
        Box::pin(self.deliver(Entry::of(Operation::CreateHandoff, handoff)?)).await
    }

    /// Saves or changes a note: now, or when the API can be reached again.
    pub async fn deliver_note(&self, write: &NoteWrite) -> Result<Delivery<Note>, ClientError> {
        Box::pin(self.deliver(Entry::note(write)?)).await
    }

    /// Sends the queued entries, oldest first. Does nothing if another process is sending or if the queue is paused for
    /// this reason.
    pub async fn replay(&self, reason: SendReason) -> Replayed {
        let Some(outbox) = self.outbox() else { return Replayed::default() };
        match Turn::take(outbox).await {
            Ok(Some(turn)) => Box::pin(turn.send_all(self, reason, None)).await.0,
            Ok(None) => Replayed::default(),
            Err(error) => Replayed { stopped: Some(error.to_string()), ..Replayed::default() },
        }
    }

    /// Tests with a real file whether the outbox can store a write now. A full or read-only disk can't.
    pub async fn queue_status(&self) -> QueueStatus {
        let Some(outbox) = self.outbox() else { return QueueStatus::NotNeeded };
        match outbox.on_disk(Folder::try_to_store).await.and_then(|tried| tried) {
            Ok(()) => QueueStatus::Available,
            Err(error) => QueueStatus::Unavailable(error.to_string()),
        }
    }

    /// Whether an end of day of this agent is queued. It must be sent before the agent's next day starts.
    pub async fn day_waits_of(&self, agent: &Agent) -> bool {
        let (Some(outbox), agent) = (self.outbox(), agent.to_string()) else { return false };
        outbox.on_disk(move |folder| folder.has_end_of_day_of(&agent)).await.unwrap_or(true)
    }

    /// The queued, held and refused entries.
    pub async fn waiting(&self) -> Waiting {
        let Some(outbox) = self.outbox() else { return Waiting::default() };
        let waiting = outbox.on_disk(Folder::waiting).await;
        waiting.unwrap_or_else(|error| Waiting { unreadable: Some(error.to_string()), ..Waiting::default() })
    }

    /// The queued handoffs and notes. Empty with the embedded engine.
    pub async fn unsent(&self) -> Result<Unsent, ClientError> {
        let Some(outbox) = self.outbox() else { return Ok(Unsent::default()) };
        let unsent = outbox.on_disk(Folder::unsent).await.and_then(|unsent| unsent);
        unsent.map_err(|error| ClientError::failed(error.to_string()))
    }

    /// Marks these entries as reported, so that they are not reported again.
    pub async fn reported(&self, set_aside: Vec<SetAside>) {
        if let Some(outbox) = self.outbox() {
            let _ = outbox.on_disk(move |folder| folder.reported(&set_aside)).await;
        }
    }

    /// Applies a person's decision to the held entries. Returns their number.
    pub async fn resolve_held(&self, decision: HeldDecision) -> Result<usize, ClientError> {
        let Some(outbox) = self.outbox() else { return Ok(0) };
        let resolved = outbox.on_disk(move |folder| folder.resolve_held(decision, now())).await;
        resolved.and_then(|resolved| resolved).map_err(|error| ClientError::failed(error.to_string()))
    }

    /// Moves entries for another key of this API into this queue, for example after the key was wrong or was replaced.
    /// They are sent with the current key. Only a person may decide that, because the records then belong to another
    /// actor.
    pub async fn take_over(&self) -> Result<TakenOver, ClientError> {
        let Some(outbox) = self.outbox() else { return Ok(TakenOver::default()) };
        let taken = outbox.on_disk(|folder| folder.take_over(now())).await;
        taken.and_then(|taken| taken).map_err(|error| ClientError::failed(error.to_string()))
    }

    async fn deliver<T: serde::de::DeserializeOwned>(&self, entry: Entry) -> Result<Delivery<T>, ClientError> {
        self.refuse_secrets(entry.operation()?, &entry.content()?)?;
        if let Some(start) = entry.start()? {
            self.refuse_secrets(Operation::StartDay, &start)?;
        }
        let Some(outbox) = self.outbox() else { return Ok(delivered(turn::send(self, &entry).await?)) };
        let entry = outbox.unconfirmed.with_first_key(entry, now());
        let stored = entry.clone();
        let (ticket, waits) = match outbox.on_disk(move |folder| folder.put(stored, now())).await.and_then(|put| put) {
            Ok(put) => put,
            Err(error) => return self.deliver_unstored(outbox, &entry, &error).await,
        };
        let own = OwnEntry { ticket, entry: &waits, is_new: waits == entry };
        let result = self.send_in_turn(outbox, own).await?;
        outbox.unconfirmed.forget(&entry);
        match result {
            OwnResult::Answered(response) => Ok(delivered(response)),
            OwnResult::ResponseLost(cause) => Ok(Delivery::ResponseLost(LostResponse { cause })),
            OwnResult::Waits(cause) => Ok(Delivery::Queued(self.queued(outbox, ticket, &waits, cause).await)),
        }
    }

    /// Sends the queue up to this entry when this process gets the lock. It waits at most 2 s for other processes.
    async fn send_in_turn(&self, outbox: &Outbox, own: OwnEntry<'_>) -> Result<OwnResult, ClientError> {
        const ATTEMPTS: u32 = 80;
        const BETWEEN_ATTEMPTS: std::time::Duration = std::time::Duration::from_millis(25);
        for _ in 0..ATTEMPTS {
            match Turn::take(outbox).await {
                Ok(Some(turn)) => match turn.send_all(self, SendReason::NewWrite, Some(own)).await.1 {
                    Some(own) => return own,
                    None => return self.result_from_other_process(outbox, own.entry).await,
                },
                Ok(None) => {
                    let (ticket, key) = (own.ticket, own.entry.idempotency_key.clone());
                    if !outbox.on_disk(move |folder| folder.holds(ticket, &key)).await.unwrap_or(true) {
                        return self.result_from_other_process(outbox, own.entry).await;
                    }
                }
                Err(error) => return Ok(OwnResult::Waits(error.to_string())),
            }
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
        Ok(OwnResult::Waits("another process on this machine is sending the queue".to_owned()))
    }

    /// Finds the result of an entry that another process removed from the queue. There are three cases: the API refused
    /// it, and it is set aside; another queue took it over; or the API recorded it, and repeats its response for the same
    /// key. In the last case the write is recorded, even if the response can't be read.
    async fn result_from_other_process(&self, outbox: &Outbox, entry: &Entry) -> Result<OwnResult, ClientError> {
        let (what, key) = (entry.what(), entry.idempotency_key.clone());
        let refused = outbox.on_disk(move |folder| folder.refusal_of(&key)).await;
        if let Some((reason, path)) = refused.map_err(|error| ClientError::failed(error.to_string()))? {
            return Err(ClientError::SetAside { what, reason, path });
        }
        let key = entry.idempotency_key.clone();
        if outbox.on_disk(move |folder| folder.is_taken_over(&key)).await.unwrap_or_default() {
            return Ok(OwnResult::Waits("an agent with another key of this API took it into its queue".to_owned()));
        }
        Ok(match turn::send(self, entry).await {
            Ok(response) => OwnResult::Answered(response),
            Err(error) => {
                let cause = turn::without_advice(&error);
                OwnResult::ResponseLost(format!(
                    "another process on this machine sent it, and the response is lost: {cause}"
                ))
            }
        })
    }

    async fn queued(&self, outbox: &Outbox, ticket: Ticket, entry: &Entry, cause: String) -> Queued {
        let before = outbox.on_disk(move |folder| folder.before(ticket)).await.unwrap_or_default();
        let pause = outbox.on_disk(Folder::pause).await.unwrap_or_default();
        let again_at = pause.map(|pause| pause.again_at);
        Queued { before, cause, again_at, venture_of: entry.venture_of.clone() }
    }

    /// Sends a write that can't be stored on disk. It does so only if no older entry waits.
    async fn deliver_unstored<T: serde::de::DeserializeOwned>(
        &self,
        outbox: &Outbox,
        entry: &Entry,
        storage_error: &StorageError,
    ) -> Result<Delivery<T>, ClientError> {
        let (what, storage_error) = (entry.what(), storage_error.to_string());
        let was_sent_before = outbox.unconfirmed.holds(entry);
        let not_sent = |cause: String| {
            let storage_error = storage_error.clone();
            if was_sent_before {
                ClientError::DeliveryUnknown { what, cause, storage_error }
            } else {
                ClientError::QueueFailed { what, cause, storage_error }
            }
        };
        let replayed = self.replay(SendReason::NewWrite).await;
        match outbox.on_disk(Folder::is_waiting).await.and_then(|is_waiting| is_waiting) {
            Ok(false) => {}
            Ok(true) => {
                let cause = replayed.stopped.unwrap_or_else(|| "another process is sending the queue".to_owned());
                return Err(not_sent(cause));
            }
            Err(_) => {
                return Err(not_sent(
                    "older writes may wait and must be sent first. Repair the disk or the folder".into(),
                ));
            }
        }
        outbox.unconfirmed.keep(entry);
        match turn::send(self, entry).await {
            Ok(response) => {
                outbox.unconfirmed.forget(entry);
                Ok(delivered(response))
            }
            Err(
                refused @ (ClientError::Refused(_)
                | ClientError::RefusedUnknown(_)
                | ClientError::HoldsSecret { .. }
                | ClientError::NoVenture { .. }),
            ) => {
                if !was_sent_before {
                    outbox.unconfirmed.forget(entry);
                }
                Err(refused)
            }
            // No connection was opened, so the API did not get the write.
            Err(ClientError::Unreachable { is_sent: false, .. }) if !was_sent_before => {
                outbox.unconfirmed.forget(entry);
                Err(not_sent("the API does not accept connections".to_owned()))
            }
            // A proxy may have forwarded the request and lost the response.
            Err(error) => {
                Err(ClientError::DeliveryUnknown { what, cause: turn::without_advice(&error), storage_error })
            }
        }
    }
}

/// The result of a successful response. If its body can't be parsed, the write is still recorded.
fn delivered<T: serde::de::DeserializeOwned>(response: Response<Bytes>) -> Delivery<T> {
    let lost = |error: ClientError| Delivery::ResponseLost(LostResponse { cause: error.to_string() });
    understand(response).map_or_else(lost, Delivery::Delivered)
}
