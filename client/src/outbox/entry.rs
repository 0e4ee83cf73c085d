//! One queued write: its request, its idempotency key and the time it was queued.

use deckwatch_machine::clock::now;
use deckwatch_machine::digest::sha256_hex;
use deckwatch_protocol::{
    CreateNote, EndReason, Epoch, HandoffContent, NoteId, NoteKind, Operation, RepoName, ReportInbox, SendMessage,
    SessionId, SessionRequest, Timestamp, UpdateNote, VentureCode, WrittenHandoff,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::earlier_keys::EarlierKeys;
use super::pause::SendReason;
use crate::api::{ApiRequest, ClientError, random_uuid};
use crate::secret_scan::ScannedHandoff;

/// How long an entry may be sent without a person's decision. The API remembers its key for 24 hours.
const SENT_WITHIN_SECONDS: u64 = 23 * 60 * 60;
/// The version of the file format.
const VERSION: u32 = 1;

/// The end of an agent's day. The session may not be known yet.
#[derive(Debug, Clone)]
pub struct DayToEnd {
    /// The session. `None` if it is not known: then `start` finds or starts it.
    pub session: Option<SessionId>,
    /// The epoch in which this process speaks for the session. In a later one, the handoff is recorded and the session goes
    /// on.
    pub epoch: Option<Epoch>,
    /// Starts a session if there is no session to end.
    pub start: SessionRequest,
    /// Record the handoff and keep the session open.
    pub keep_open: bool,
    /// The handoff.
    pub handoff: ScannedHandoff,
}

/// A write to a note.
#[derive(Debug, Clone)]
pub enum NoteWrite {
    /// Creates a note.
    Create(CreateNote),
    /// Creates a note about the venture of this repository, if the venture is not known now.
    CreateAbout(RepoName, CreateNote),
    /// Changes a note. The API refuses it if the note no longer has this version.
    Update {
        /// The note.
        id: NoteId,
        /// The version that the caller read.
        version: u32,
        /// The changes.
        patch: UpdateNote,
    },
    /// Removes a note from lists, searches and start-of-day responses.
    Archive(NoteId),
    /// Restores an archived note.
    Restore(NoteId),
}

/// The content of one queue file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    version: u32,
    operation: String,
    /// When the idempotency key was created. The API forgets a key one day after its first use.
    pub(super) queued_at: Timestamp,
    pub(super) idempotency_key: String,
    /// Equal for two writes with the same content.
    pub(super) fingerprint: String,
    /// JSON as text, so that the file keeps each number exactly. The API refuses a known key with a different body.
    body: String,
    /// The note to change.
    pub(super) note: Option<NoteId>,
    /// The version that the note must still have.
    note_version: Option<u32>,
    /// Starts a session if `body` names none, or if that session no longer exists.
    pub(super) start: Option<String>,
    /// The agent that wrote it, if known.
    pub(super) agent: Option<String>,
    /// The repository that gives the venture, if the venture was unknown when the entry was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) venture_of: Option<RepoName>,
    /// Set if it was taken over from another key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) earlier_keys: Option<EarlierKeys>,
    /// Set if only this entry waits for a person, while the API accepts others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parked: Option<Parking>,
    /// Unused. Older versions of Deckwatch require the field.
    #[serde(default)]
    failures: u32,
}

/// Why an entry waits until a person acts. A parked entry does not block other entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parking {
    /// The error.
    pub(super) cause: String,
    tried_at: Timestamp,
    /// When the next automatic retry is due.
    pub(super) again_at: Timestamp,
}

impl Parking {
    /// Seconds until the next automatic retry.
    const SECONDS: i64 = 5 * 60;
    /// Seconds until a retry on a status request.
    const SECONDS_WHEN_ASKED: i64 = 10;

    fn is_due(&self, reason: SendReason, now: Timestamp) -> bool {
        let earliest = self.tried_at.plus_seconds(Self::SECONDS_WHEN_ASKED);
        let due = if reason == SendReason::Requested { earliest.min(self.again_at) } else { self.again_at };
        // If the clock was set back, the entry is due.
        now >= due || now < self.tried_at
    }
}

impl Entry {
    /// An entry for the end of a day. The key depends only on the content, so a repetition is the same write.
    pub(crate) fn day(day: &DayToEnd, run: uuid::Uuid) -> Result<Self, ClientError> {
        let start = serde_json::to_string(&day.start).map_err(|error| not_serializable(Operation::EndDay, &error))?;
        let mut body =
            json!({"end_reason": EndReason::Manual, "keep_open": day.keep_open, "handoff": day.handoff.draft()});
        let (agent, repo) = (&day.start.agent, &day.start.repo);
        // The venture is not part of it, because the venture may be known only at the repetition.
        let fingerprint = sha256_hex(json!([agent, repo, body]).to_string().as_bytes());
        let session = day.session.as_ref().map_or_else(|| run.to_string(), ToString::to_string);
        // Another process of the agent may repeat the handoff in its own epoch: then the body differs, and so must the key.
        let epoch = day.epoch.map_or_else(String::new, |epoch| format!("\n{epoch}"));
        let key = sha256_hex(format!("{session}\n{fingerprint}{epoch}").as_bytes());
        if let (Some(session), Some(fields)) = (&day.session, body.as_object_mut()) {
            fields.insert("session_id".to_owned(), json!(session));
            if let Some(epoch) = day.epoch {
                fields.insert("epoch".to_owned(), json!(epoch));
            }
        }
        Ok(Self {
            idempotency_key: format!("dw-{key}"),
            fingerprint,
            start: Some(start),
            agent: Some(agent.to_string()),
            venture_of: day.start.venture.is_none().then(|| repo.clone()),
            ..Self::new(Operation::EndDay, body.to_string())
        })
    }

    /// An entry for a write to a note. Archive, restore and archive again are three writes, and the last one wins.
    pub(crate) fn note(write: &NoteWrite) -> Result<Self, ClientError> {
        let empty_body = json!({});
        match write {
            NoteWrite::Create(note) => Self::of(Operation::CreateNote, note),
            NoteWrite::CreateAbout(repo, note) => {
                let entry = Self::of(Operation::CreateNote, note)?;
                let fingerprint = sha256_hex(format!("{repo}\n{}", entry.fingerprint).as_bytes());
                Ok(Self { venture_of: Some(repo.clone()), fingerprint, ..entry })
            }
            NoteWrite::Update { id, version, patch } => {
                let entry = Self::of(Operation::UpdateNote, patch)?;
                let fingerprint = sha256_hex(format!("{id} {version}\n{}", entry.fingerprint).as_bytes());
                Ok(Self { note: Some(id.clone()), note_version: Some(*version), fingerprint, ..entry })
            }
            NoteWrite::Archive(id) | NoteWrite::Restore(id) => {
                let is_archive = matches!(write, NoteWrite::Archive(_));
                let operation = if is_archive { Operation::ArchiveNote } else { Operation::RestoreNote };
                let entry = Self::of(operation, &empty_body)?;
                Ok(Self { note: Some(id.clone()), fingerprint: entry.idempotency_key.clone(), ..entry })
            }
        }
    }

    /// An entry for a message. The same message that already waits is the same write.
    pub(crate) fn message(message: &SendMessage) -> Result<Self, ClientError> {
        Self::of(Operation::SendMessage, message)
    }

    /// An entry for a report about deliveries.
    pub(crate) fn report(report: &ReportInbox) -> Result<Self, ClientError> {
        Self::of(Operation::ReportInbox, report)
    }

    /// Whether nobody needs to know that the API refuses the entry for good. A report of an earlier process is refused:
    /// the next process reports the same messages itself.
    pub(super) fn is_dropped_if_refused(&self) -> bool {
        self.operation == Operation::ReportInbox.id()
    }

    /// An entry for an operation that needs only a body.
    fn of(operation: Operation, body: &impl Serialize) -> Result<Self, ClientError> {
        Ok(Self::new(operation, serde_json::to_string(body).map_err(|error| not_serializable(operation, &error))?))
    }

    fn new(operation: Operation, body: String) -> Self {
        Self {
            version: VERSION,
            operation: operation.id().to_owned(),
            queued_at: now(),
            idempotency_key: new_key(),
            fingerprint: sha256_hex(format!("{}\n{body}", operation.id()).as_bytes()),
            body,
            note: None,
            note_version: None,
            start: None,
            agent: None,
            venture_of: None,
            earlier_keys: None,
            parked: None,
            failures: 0,
        }
    }

    /// Parses the content of a queue file.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let entry: Self = serde_json::from_slice(bytes).ok()?;
        (entry.version == VERSION && entry.operation().is_ok() && entry.content().is_ok() && entry.start().is_ok())
            .then_some(entry)
    }

    /// The API operation.
    pub(crate) fn operation(&self) -> Result<Operation, ClientError> {
        let known = [
            Operation::EndDay,
            Operation::CreateNote,
            Operation::UpdateNote,
            Operation::ArchiveNote,
            Operation::RestoreNote,
            Operation::SendMessage,
            Operation::ReportInbox,
        ];
        let named = known.into_iter().find(|operation| operation.id() == self.operation);
        named
            .ok_or_else(|| ClientError::failed(format!("the outbox does not support the operation {}", self.operation)))
    }

    /// The API call for this entry.
    pub(super) fn ask(&self) -> Result<ApiRequest, ClientError> {
        let note = self.note.as_ref().map_or("", NoteId::as_str);
        let ask = ApiRequest::with_key(self.operation()?, note, self.body.clone(), &self.idempotency_key);
        Ok(ask.if_match(self.note_version.map(|version| version.to_string())))
    }

    /// The body of the request.
    pub(crate) fn content(&self) -> Result<Value, ClientError> {
        serde_json::from_str(&self.body)
            .map_err(|error| ClientError::failed(format!("can't read an entry of the outbox: {error}")))
    }

    /// The request that starts the session, if the entry has one.
    pub(crate) fn start(&self) -> Result<Option<Value>, ClientError> {
        let start = self.start.as_deref().map(serde_json::from_str).transpose();
        start.map_err(|error| ClientError::failed(format!("can't read an entry of the outbox: {error}")))
    }

    /// What its agent wrote. `None` if it is not a handoff, or not one that this version can read.
    pub(super) fn handoff(&self) -> Option<HandoffContent> {
        field(&self.content().ok()?, "handoff")
    }

    /// The handoff with its agent, its place and its time. `None` if one of them is not known.
    pub(super) fn written_handoff(&self) -> Option<WrittenHandoff> {
        let start = self.start().ok()??;
        Some(WrittenHandoff {
            agent: field(&start, "agent")?,
            venture: field(&start, "venture")?,
            repo: field(&start, "repo")?,
            written_at: self.queued_at,
            content: self.handoff()?,
        })
    }

    /// A copy with this venture and repository, under the same key.
    pub(super) fn with_venture(&self, venture: &VentureCode, repo: &RepoName) -> Result<Self, ClientError> {
        let with_names = |mut value: Value| {
            if let Some(fields) = value.as_object_mut() {
                fields.insert("venture".to_owned(), json!(venture));
                // A note has a venture, but no repository.
                fields.entry("repo").and_modify(|own| *own = json!(repo));
            }
            value.to_string()
        };
        let same = Self { venture_of: None, ..self.clone() };
        Ok(match self.start()? {
            Some(start) => Self { start: Some(with_names(start)), ..same },
            None => Self { body: with_names(self.content()?), ..same },
        })
    }

    /// The name of this kind of write in messages.
    pub(super) fn what(&self) -> &'static str {
        match self.operation() {
            Ok(_) if self.is_memory() => "memory",
            Ok(Operation::CreateNote) => "note",
            Ok(Operation::UpdateNote | Operation::ArchiveNote | Operation::RestoreNote) => "change of a note",
            Ok(Operation::SendMessage) => "message",
            Ok(Operation::ReportInbox) => "report about messages",
            _ => "handoff",
        }
    }

    /// Whether it creates, archives or restores a memory.
    pub(super) fn is_memory(&self) -> bool {
        let is_new = || self.content().is_ok_and(|content| content.get("kind") == Some(&json!(NoteKind::Memory)));
        self.note.as_ref().map_or_else(is_new, |id| id.kind() == NoteKind::Memory)
    }

    /// Whether it may be sent at `now`.
    pub(super) fn is_due(&self, reason: SendReason, now: Timestamp) -> bool {
        self.parked.as_ref().is_none_or(|parking| parking.is_due(reason, now))
    }

    /// A copy that waits for a person.
    pub(super) fn parked(self, cause: String, now: Timestamp) -> Self {
        let parking = Parking { cause, tried_at: now, again_at: now.plus_seconds(Parking::SECONDS) };
        Self { parked: Some(parking), ..self }
    }

    /// A copy that is taken over from the queue of another actor.
    pub(super) fn taken_over_from(self, actor: &str) -> Self {
        let earlier_keys = Some(EarlierKeys::with(self.earlier_keys.clone(), actor, self.queued_at));
        Self { earlier_keys, parked: None, ..self }
    }

    /// Whether the API may have forgotten the key.
    pub(super) fn is_too_old(&self, now: Timestamp) -> bool {
        now.seconds_since(self.queued_at) >= SENT_WITHIN_SECONDS
    }

    /// A copy with a new key, as a new write.
    pub(super) fn into_new_write(self, now: Timestamp) -> Self {
        Self { idempotency_key: new_key(), queued_at: now, parked: None, ..self }
    }
}

fn field<T: DeserializeOwned>(fields: &Value, name: &str) -> Option<T> {
    serde_json::from_value(fields.get(name)?.clone()).ok()
}

fn new_key() -> String {
    format!("dw-{}", random_uuid())
}

fn not_serializable(operation: Operation, error: &serde_json::Error) -> ClientError {
    ClientError::not_sent(operation, error)
}
