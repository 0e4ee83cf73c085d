//! One write as it waits: what is sent, under which key, and since when.

use deckwatch_protocol::{
    CreateNote, EndReason, HandoffDraft, NoteId, Operation, RepoName, SessionId, Timestamp, UpdateNote, VentureCode,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::pause::Occasion;
use super::place::Whence;
use crate::api::{Ask, ClientError, random_uuid};
use crate::clock::now;
use crate::digest::sha256_hex;

/// How long an entry may be sent without asking: the API remembers its key for 24 hours.
const SENT_WITHIN_SECONDS: u64 = 23 * 60 * 60;
/// The shape of the file.
const VERSION: u32 = 1;

/// The end of an agent's day, also where nobody can say now which session it is.
#[derive(Debug, Clone)]
pub struct DayToEnd {
    /// The session; `None` while it is not known: then `start` finds it, or starts one.
    pub session: Option<SessionId>,
    /// Who hands over, and where. It starts a session when there is none to end.
    pub start: Whence,
    /// Record the handoff and let the session go on.
    pub keep_open: bool,
    /// The handoff.
    pub handoff: HandoffDraft,
}

/// What is done to a note.
#[derive(Debug, Clone)]
pub enum NoteWrite {
    /// A new one.
    Create(CreateNote),
    /// A new one about the venture that has this repository, where nobody can say now which that is.
    CreateAbout(RepoName, CreateNote),
    /// A change of the version that was read; of another it is refused.
    Update {
        /// The note.
        id: NoteId,
        /// What was read.
        version: u32,
        /// What changes.
        patch: UpdateNote,
    },
    /// Out of lists, searches and days.
    Archive(NoteId),
    /// Back from there.
    Restore(NoteId),
}

/// A file of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    version: u32,
    operation: String,
    /// The API forgets a key a day after it was first used, so this is when it was made.
    pub(super) queued_at: Timestamp,
    pub(super) idempotency_key: String,
    /// What is the same when the same thing is said again.
    pub(super) fingerprint: String,
    /// JSON as text: a number must not change on its way through a file, or the key no longer fits the body.
    body: String,
    /// The note that is changed.
    note: Option<NoteId>,
    /// The version that it must still be.
    note_version: Option<u32>,
    /// Starts the session that `body` lacks, or that is gone by then.
    pub(super) start: Option<String>,
    /// Who wrote it, where that is known.
    pub(super) agent: Option<String>,
    /// The repository whose venture it belongs to, where nobody could name that when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) venture_of: Option<RepoName>,
    /// Whom it waits for, where the API would take every other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parked: Option<Parking>,
    /// Nothing any more: older versions read it, and want it there.
    #[serde(default)]
    failures: u32,
}

/// What keeps an entry from being sent until a person has acted. It blocks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parking {
    /// What happened.
    pub(super) cause: String,
    tried_at: Timestamp,
    /// When it is tried again without anybody asking.
    pub(super) again_at: Timestamp,
}

impl Parking {
    /// A person may have acted by then.
    const SECONDS: i64 = 5 * 60;
    /// Who asks how things stand gets it tried earlier, but not at once.
    const SECONDS_WHEN_ASKED: i64 = 10;

    fn is_due(&self, occasion: Occasion, now: Timestamp) -> bool {
        let earliest = self.tried_at.plus_seconds(Self::SECONDS_WHEN_ASKED);
        let due = if occasion == Occasion::Asked { earliest.min(self.again_at) } else { self.again_at };
        // A clock that was set back holds nothing up.
        now >= due || now < self.tried_at
    }
}

impl Entry {
    /// The end of a day. The key is made of what is said: said again, it is the same write.
    pub(super) fn day(day: &DayToEnd, run: uuid::Uuid) -> Result<Self, ClientError> {
        let start = serde_json::to_string(&day.start).map_err(|error| unwritable(Operation::EndDay, &error))?;
        let mut body = json!({"end_reason": EndReason::Manual, "keep_open": day.keep_open, "handoff": day.handoff});
        let (agent, repo) = (&day.start.agent, &day.start.repo);
        // Without the venture: it may be known only when the same is said again.
        let fingerprint = sha256_hex(json!([agent, repo, body]).to_string().as_bytes());
        let session = day.session.as_ref().map_or_else(|| run.to_string(), ToString::to_string);
        let key = sha256_hex(format!("{session}\n{fingerprint}").as_bytes());
        if let (Some(session), Some(fields)) = (&day.session, body.as_object_mut()) {
            fields.insert("session_id".to_owned(), json!(session));
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

    /// What is done to a note. Archive, restore and archive again are three writes: the last one counts.
    pub(super) fn note(write: &NoteWrite) -> Result<Self, ClientError> {
        let nothing = json!({});
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
                let entry = Self::of(operation, &nothing)?;
                Ok(Self { note: Some(id.clone()), fingerprint: entry.idempotency_key.clone(), ..entry })
            }
        }
    }

    /// A write that needs nothing else.
    pub(super) fn of(operation: Operation, body: &impl Serialize) -> Result<Self, ClientError> {
        Ok(Self::new(operation, serde_json::to_string(body).map_err(|error| unwritable(operation, &error))?))
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
            parked: None,
            failures: 0,
        }
    }

    /// The entry that a file holds.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let entry: Self = serde_json::from_slice(bytes).ok()?;
        (entry.version == VERSION && entry.operation().is_ok() && entry.content().is_ok() && entry.start().is_ok())
            .then_some(entry)
    }

    /// What it asks for.
    pub(super) fn operation(&self) -> Result<Operation, ClientError> {
        let known = [
            Operation::EndDay,
            Operation::CreateHandoff,
            Operation::CreateNote,
            Operation::UpdateNote,
            Operation::ArchiveNote,
            Operation::RestoreNote,
        ];
        let named = known.into_iter().find(|operation| operation.id() == self.operation);
        named.ok_or_else(|| ClientError::failed(format!("the outbox sends no {}", self.operation)))
    }

    /// The call that it is, as it stands.
    pub(super) fn ask(&self) -> Result<Ask, ClientError> {
        let note = self.note.as_ref().map_or("", NoteId::as_str);
        let ask = Ask::again(self.operation()?, note, self.body.clone(), &self.idempotency_key);
        Ok(ask.if_match(self.note_version.map(|version| version.to_string())))
    }

    /// What is said.
    pub(super) fn content(&self) -> Result<Value, ClientError> {
        serde_json::from_str(&self.body)
            .map_err(|error| ClientError::failed(format!("an entry can't be read: {error}")))
    }

    /// What starts its session, if it may have to.
    pub(super) fn start(&self) -> Result<Option<Value>, ClientError> {
        let start = self.start.as_deref().map(serde_json::from_str).transpose();
        start.map_err(|error| ClientError::failed(format!("an entry can't be read: {error}")))
    }

    /// The same on this venture and its repository, under the same key.
    pub(super) fn on(&self, venture: &VentureCode, repo: &RepoName) -> Result<Self, ClientError> {
        let named = |mut value: Value| {
            if let Some(fields) = value.as_object_mut() {
                fields.insert("venture".to_owned(), json!(venture));
                // A note is about a venture alone.
                fields.entry("repo").and_modify(|own| *own = json!(repo));
            }
            value.to_string()
        };
        let same = Self { venture_of: None, ..self.clone() };
        Ok(match self.start()? {
            Some(start) => Self { start: Some(named(start)), ..same },
            None => Self { body: named(self.content()?), ..same },
        })
    }

    /// What people call it.
    pub(super) fn what(&self) -> &'static str {
        match self.operation() {
            Ok(Operation::CreateNote) => "note",
            Ok(Operation::UpdateNote | Operation::ArchiveNote | Operation::RestoreNote) => "change of a note",
            _ => "handoff",
        }
    }

    /// Whether it may be sent at `now`.
    pub(super) fn is_due(&self, occasion: Occasion, now: Timestamp) -> bool {
        self.parked.as_ref().is_none_or(|parking| parking.is_due(occasion, now))
    }

    /// The same, waiting for a person.
    pub(super) fn parked(self, cause: String, now: Timestamp) -> Self {
        let parking = Parking { cause, tried_at: now, again_at: now.plus_seconds(Parking::SECONDS) };
        Self { parked: Some(parking), ..self }
    }

    /// Whether the API may have forgotten its key.
    pub(super) fn is_too_old(&self, now: Timestamp) -> bool {
        now.seconds_since(self.queued_at) >= SENT_WITHIN_SECONDS
    }

    /// The same, as a new write.
    pub(super) fn anew(self, now: Timestamp) -> Self {
        Self { idempotency_key: new_key(), queued_at: now, parked: None, ..self }
    }
}

fn new_key() -> String {
    format!("dw-{}", random_uuid())
}

fn unwritable(operation: Operation, error: &serde_json::Error) -> ClientError {
    ClientError::not_sent(operation, error)
}
