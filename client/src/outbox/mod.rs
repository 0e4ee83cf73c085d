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

mod delivery;
mod earlier_keys;
mod entry;
mod folder;
mod not_read;
mod pause;
mod recorded_day;
mod turn;
mod unconfirmed;
mod unsent;
mod venture_lookup;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use deckwatch_machine::clock::now;
use deckwatch_protocol::{Agent, Timestamp};

pub use self::delivery::{Delivery, LostResponse, Queued};
pub(crate) use self::entry::Entry;
pub use self::entry::{DayToEnd, NoteWrite};
pub use self::folder::{Bounds, Held, OtherQueue, SetAside, TakenOver};
use self::folder::{Folder, StorageError};
pub use self::not_read::NotRead;
pub use self::pause::SendReason;
pub(crate) use self::recorded_day::recorded_day;
pub use self::turn::Replayed;
use self::turn::Turn;
pub(crate) use self::turn::send;
use self::unconfirmed::UnconfirmedWrites;
pub use self::unsent::{NoteChange, Unsent, UnsentHandoff, UnsentNote};
use crate::api::{Api, ClientError};

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
    pub unreadable: Option<NotRead>,
}

impl Waiting {
    /// Whether every file of the outbox could be read.
    pub fn is_complete(&self) -> bool {
        self.unreadable.is_none() && self.skipped.is_empty() && self.set_aside.iter().all(|one| !one.is_unreadable())
    }
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

    /// The id of this process.
    pub(crate) fn run(&self) -> uuid::Uuid {
        self.run
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

    /// Sends the queued entries, oldest first. Does nothing if another process is sending or if the queue is paused for
    /// this reason.
    pub(crate) async fn replay(&self, api: &Api, reason: SendReason) -> Replayed {
        match Turn::take(self).await {
            Ok(Some(turn)) => Box::pin(turn.send_all(api, reason, None)).await.0,
            Ok(None) => Replayed::default(),
            Err(error) => Replayed { stopped: Some(error.to_string()), ..Replayed::default() },
        }
    }

    /// Tests with a real file whether the outbox can store a write now. A full or read-only disk can't.
    pub(crate) async fn queue_status(&self) -> QueueStatus {
        match self.on_disk(Folder::try_to_store).await.and_then(|tried| tried) {
            Ok(()) => QueueStatus::Available,
            Err(error) => QueueStatus::Unavailable(error.to_string()),
        }
    }

    /// Whether an end of day of this agent is queued. It must be sent before the agent's next day starts.
    pub(crate) async fn day_waits_of(&self, agent: &Agent) -> bool {
        let agent = agent.to_string();
        self.on_disk(move |folder| folder.has_end_of_day_of(&agent)).await.unwrap_or(true)
    }

    /// The queued, held and refused entries.
    pub(crate) async fn waiting(&self) -> Waiting {
        let waiting = self.on_disk(Folder::waiting).await;
        waiting.unwrap_or_else(|error| Waiting { unreadable: Some(NotRead::folder(&error)), ..Waiting::default() })
    }

    /// The queued handoffs and notes that can be read.
    pub(crate) async fn unsent(&self) -> Unsent {
        let unsent = self.on_disk(Folder::unsent).await;
        unsent.unwrap_or_else(|error| Unsent { not_read: Some(NotRead::folder(&error)), ..Unsent::default() })
    }

    /// Marks these entries as reported, so that they are not reported again.
    pub(crate) async fn reported(&self, set_aside: Vec<SetAside>) {
        let _ = self.on_disk(move |folder| folder.reported(&set_aside)).await;
    }

    /// Applies a person's decision to the held entries. Returns their number.
    pub(crate) async fn resolve_held(&self, decision: HeldDecision) -> Result<usize, ClientError> {
        let resolved = self.on_disk(move |folder| folder.resolve_held(decision, now())).await;
        resolved.and_then(|resolved| resolved).map_err(|error| ClientError::failed(error.to_string()))
    }

    /// Moves entries for another key of this API into this queue, for example after the key was wrong or was replaced.
    /// They are sent with the current key. Only a person may decide that, because the records then belong to another
    /// actor.
    pub(crate) async fn take_over(&self) -> Result<TakenOver, ClientError> {
        let taken = self.on_disk(|folder| folder.take_over(now())).await;
        taken.and_then(|taken| taken).map_err(|error| ClientError::failed(error.to_string()))
    }
}
