//! The Context API together with what this machine keeps for it: the outbox and the last answers.
//!
//! A write of an agent goes through the outbox, and [`Delivery`] says what happened to it. [`Api`] makes requests and knows
//! neither the outbox nor the last answers. The embedded engine runs in this process, so it needs neither of them.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deckwatch_protocol::{
    Agent, DayEnded, DayStarted, EndDay, EndReason, HandoffDraft, Note, Operation, RepoName, ReportInbox,
    ReportedInbox, SendMessage, SentMessage, SessionId, VentureCode, WrittenHandoff,
};
use http::Response;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::api::{Api, ApiConfig, ApiRequest, ClientError, Endpoint, random_uuid, understand};
use crate::outbox::{
    Bounds, DayToEnd, Delivery, Entry, HeldDecision, LostResponse, NoteWrite, Outbox, QueueStatus, Replayed,
    SendReason, SetAside, TakenOver, Unsent, Waiting, recorded_day, send,
};
use crate::secret_scan::ScannedHandoff;
use crate::snapshot::{Snapshot, Snapshots};

/// The Context API, the outbox and the last answers. Clones share them.
#[derive(Clone)]
pub struct ContextClient {
    api: Api,
    /// The queue for writes while the API can't be reached. `None` for the embedded engine.
    outbox: Option<Outbox>,
    /// The last answers. `None` for the embedded engine.
    snapshots: Option<Snapshots>,
    /// Held while a write of this process is delivered, so that each write gets its own answer.
    delivering: Arc<Mutex<()>>,
}

/// A write does not wait longer for another one of this process.
const OWN_TURN: Duration = Duration::from_secs(2);

impl ContextClient {
    /// Creates a client whose outbox and last answers are below the folder `data`. Opens no connection and no file yet.
    pub fn connect(config: ApiConfig, data: &Path, bounds: Bounds) -> Self {
        let (outbox, snapshots) = match config.endpoint() {
            Endpoint::InProcess { .. } => (None, None),
            Endpoint::Remote { url } => {
                let actor = config.actor();
                let outbox = Outbox::new(&data.join("outbox"), url.as_str(), &actor, bounds);
                (Some(outbox), Some(Snapshots::below(&data.join("snapshots"), url.as_str(), &config.reader())))
            }
        };
        Self { api: Api::connect(config), outbox, snapshots, delivering: Arc::default() }
    }

    /// The API.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Scans a handoff for secrets. Fails if it contains one.
    pub fn scan_handoff(&self, handoff: HandoffDraft) -> Result<ScannedHandoff, ClientError> {
        self.api.scan_handoff(handoff)
    }

    /// Ends a day that this process has ended before. The API repeats its first answer. The request is not queued.
    pub async fn end_day_again(
        &self,
        session_id: SessionId,
        handoff: &ScannedHandoff,
        keep_open: bool,
    ) -> Result<DayEnded, ClientError> {
        let handoff = handoff.draft().clone();
        let day = EndDay { session_id, end_reason: EndReason::Manual, keep_open, epoch: None, handoff };
        let body = serde_json::to_string(&day).map_err(|error| ClientError::not_sent(Operation::EndDay, &error))?;
        let request = ApiRequest::with_key(Operation::EndDay, "", body, &format!("dw-{}", random_uuid()));
        understand(self.api.exchange(&request).await?)
    }

    /// The end of day that recorded this handoff, if its answer was lost.
    pub async fn recorded_day(&self, written: &WrittenHandoff) -> Result<Option<DayEnded>, ClientError> {
        recorded_day(&self.api, written).await
    }

    /// Records the handoff and ends the session, or keeps it open: now, or when the API can be reached again.
    /// If the same handoff of the same session is sent several times, it is recorded once.
    pub async fn deliver_day(&self, day: &DayToEnd) -> Result<Delivery<DayEnded>, ClientError> {
        let run = self.outbox.as_ref().map(Outbox::run).unwrap_or_default();
        let entry = Entry::day(day, run)?;
        if let Some(start) = entry.start()? {
            self.api.refuse_secrets(Operation::StartDay, &start)?;
        }
        Box::pin(self.deliver(entry)).await
    }

    /// Saves or changes a note: now, or when the API can be reached again.
    pub async fn deliver_note(&self, write: &NoteWrite) -> Result<Delivery<Note>, ClientError> {
        let entry = Entry::note(write)?;
        self.api.refuse_secrets(entry.operation()?, &entry.content()?)?;
        Box::pin(self.deliver(entry)).await
    }

    /// Sends a message: now, or when the API can be reached again. A queued message keeps its place among the writes of this
    /// machine.
    pub async fn deliver_message(&self, message: &SendMessage) -> Result<Delivery<SentMessage>, ClientError> {
        let entry = Entry::message(message)?;
        self.api.refuse_secrets(Operation::SendMessage, &entry.content()?)?;
        Box::pin(self.deliver(entry)).await
    }

    /// Reports what was shown to the model: now, or when the API can be reached again.
    pub async fn deliver_report(&self, report: &ReportInbox) -> Result<Delivery<ReportedInbox>, ClientError> {
        Box::pin(self.deliver(Entry::report(report)?)).await
    }

    /// Delivers an entry that contains no secret.
    async fn deliver<T: DeserializeOwned>(&self, entry: Entry) -> Result<Delivery<T>, ClientError> {
        let _turn = timeout(OWN_TURN, self.delivering.lock()).await;
        let delivery = match &self.outbox {
            Some(outbox) => outbox.deliver(&self.api, entry).await?,
            None => Delivery::Delivered(send(&self.api, &entry).await?),
        };
        Ok(match delivery {
            Delivery::Delivered(response) => delivered(response),
            Delivery::ResponseLost(lost) => Delivery::ResponseLost(lost),
            Delivery::Queued(queued) => Delivery::Queued(queued),
        })
    }

    /// Sends the queued entries, oldest first. Does nothing if another process is sending or if the queue is paused for
    /// this reason.
    pub async fn replay(&self, reason: SendReason) -> Replayed {
        match &self.outbox {
            Some(outbox) => outbox.replay(&self.api, reason).await,
            None => Replayed::default(),
        }
    }

    /// Tests with a real file whether the outbox can store a write now. A full or read-only disk can't.
    pub async fn queue_status(&self) -> QueueStatus {
        match &self.outbox {
            Some(outbox) => outbox.queue_status().await,
            None => QueueStatus::NotNeeded,
        }
    }

    /// Whether an end of day of this agent is queued. It must be sent before the agent's next day starts.
    pub async fn day_waits_of(&self, agent: &Agent) -> bool {
        match &self.outbox {
            Some(outbox) => outbox.day_waits_of(agent).await,
            None => false,
        }
    }

    /// The queued, held and refused entries.
    pub async fn waiting(&self) -> Waiting {
        match &self.outbox {
            Some(outbox) => outbox.waiting().await,
            None => Waiting::default(),
        }
    }

    /// The queued handoffs and notes that can be read. Empty with the embedded engine.
    pub async fn unsent(&self) -> Unsent {
        match &self.outbox {
            Some(outbox) => outbox.unsent().await,
            None => Unsent::default(),
        }
    }

    /// Marks these entries as reported, so that they are not reported again.
    pub async fn reported(&self, set_aside: Vec<SetAside>) {
        if let Some(outbox) = &self.outbox {
            outbox.reported(set_aside).await;
        }
    }

    /// Applies a person's decision to the held entries. Returns their number.
    pub async fn resolve_held(&self, decision: HeldDecision) -> Result<usize, ClientError> {
        match &self.outbox {
            Some(outbox) => outbox.resolve_held(decision).await,
            None => Ok(0),
        }
    }

    /// Moves entries for another key of this API into the queue of this key. Only a person may decide that, because the
    /// records then belong to another actor.
    pub async fn take_over(&self) -> Result<TakenOver, ClientError> {
        match &self.outbox {
            Some(outbox) => outbox.take_over().await,
            None => Ok(TakenOver::default()),
        }
    }

    /// Saves the answer to a start of day for use while the API can't be reached. With the embedded engine it saves
    /// nothing.
    pub async fn keep_snapshot(&self, day: DayStarted) -> io::Result<()> {
        match &self.snapshots {
            Some(snapshots) => snapshots.keep(day).await,
            None => Ok(()),
        }
    }

    /// The last saved answer for this repository, limited to `venture` if given.
    pub async fn last_snapshot(&self, repo: &RepoName, venture: Option<&VentureCode>) -> Option<Snapshot> {
        self.snapshots.as_ref()?.last(repo, venture).await
    }
}

/// The result of a successful response. If its body can't be parsed, the write is still recorded.
fn delivered<T: DeserializeOwned>(response: Response<Bytes>) -> Delivery<T> {
    let lost = |error: ClientError| Delivery::ResponseLost(LostResponse { cause: error.to_string() });
    understand(response).map_or_else(lost, Delivery::Delivered)
}
