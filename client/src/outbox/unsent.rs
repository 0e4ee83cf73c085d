//! The handoffs and notes in the outbox, in a form that agents can read before the API has them.

use deckwatch_protocol::{
    Agent, Change, HandoffContent, HandoffPayload, HandoffStatus, IssueNumber, NoteContent, NoteId, NoteTag, NoteTitle,
    Operation, RepoName, Summary, Timestamp, Track, VentureCode,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::entry::Entry;
use super::folder::{Folder, Listing, read_entry};
use super::{NotRead, SetAside, Skipped};

/// The queued writes that can be read, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unsent {
    /// Handoffs, including those that end a session.
    pub handoffs: Vec<UnsentHandoff>,
    /// New notes and changes of notes.
    pub notes: Vec<UnsentNote>,
    /// Set if some writes could not be read. Then the lists may be incomplete, and a reader must be told.
    pub not_read: Option<NotRead>,
}

/// A queued handoff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsentHandoff {
    /// When it was written.
    pub queued_at: Timestamp,
    /// The agent that wrote it.
    pub from_agent: Agent,
    /// The repository of the handoff.
    pub repo: RepoName,
    /// The venture of the handoff, if known.
    pub venture: Option<VentureCode>,
    /// The line of work.
    pub track: Option<Track>,
    /// The GitHub issue.
    pub issue_number: Option<IssueNumber>,
    /// The agent that should receive it.
    pub to_agent: Option<Agent>,
    /// The status of the work.
    pub status: HandoffStatus,
    /// A summary of the work.
    pub summary: Summary,
    /// The lists: accomplished, in progress, blocked, next steps.
    pub payload: HandoffPayload,
}

/// A queued new note, or a queued change of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsentNote {
    /// When it was written.
    pub queued_at: Timestamp,
    /// What it does.
    pub change: NoteChange,
}

/// What a queued write does to a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteChange {
    /// Saves a new note.
    Create {
        /// Its title.
        title: NoteTitle,
        /// Its text.
        content: NoteContent,
        /// Its tags.
        tags: Vec<NoteTag>,
        /// The venture of the note. `None` for a global note, and for a note whose venture is looked up when it is
        /// sent.
        venture: Option<VentureCode>,
    },
    /// Changes fields of a note. The other fields stay as they are.
    Update {
        /// The note.
        id: NoteId,
        /// The new title.
        title: Option<NoteTitle>,
        /// The new text.
        content: Option<NoteContent>,
        /// The new tags.
        tags: Option<Vec<NoteTag>>,
        /// The new venture. `Clear` makes the note global.
        venture: Change<VentureCode>,
    },
    /// Archives a note.
    Archive(NoteId),
    /// Restores an archived note.
    Restore(NoteId),
}

impl NoteChange {
    /// The note that is changed. `None` for a new note.
    pub fn id(&self) -> Option<&NoteId> {
        match self {
            Self::Create { .. } => None,
            Self::Update { id, .. } | Self::Archive(id) | Self::Restore(id) => Some(id),
        }
    }
}

/// The agent, repository and work of a handoff.
#[derive(Deserialize)]
struct Origin {
    agent: Agent,
    repo: RepoName,
    venture: Option<VentureCode>,
    track: Option<Track>,
    issue_number: Option<IssueNumber>,
}

#[derive(Deserialize)]
struct NoteBody {
    title: NoteTitle,
    content: NoteContent,
    #[serde(default)]
    tags: Vec<NoteTag>,
    venture: Option<VentureCode>,
}

#[derive(Deserialize)]
struct PatchBody {
    title: Option<NoteTitle>,
    content: Option<NoteContent>,
    tags: Option<Vec<NoteTag>>,
}

impl Folder {
    /// Reads the queued and held entries.
    pub(super) fn unsent(&self) -> Unsent {
        let Listing { numbers, invalid_names } = match self.listing() {
            Ok(listing) => listing,
            Err(error) => return Unsent { not_read: Some(NotRead::folder(&error)), ..Unsent::default() },
        };
        let (mut entries, mut not_read) = self.held();
        not_read.extend(invalid_names);
        for path in numbers.into_iter().map(|number| self.file(number)) {
            match read_entry(&path) {
                Ok(entry) => entries.push((path, entry)),
                Err(cause) => not_read.extend(cause.map(|cause| Skipped { path, cause })),
            }
        }
        let mut unsent = Unsent::default();
        for (path, entry) in entries {
            let (handoff, note) = (handoff(&entry), note(&entry));
            if handoff.is_none() && note.is_none() && !is_for_no_list(&entry) {
                not_read.push(Skipped { path, cause: "this version of Deckwatch can't read its content".to_owned() });
            }
            unsent.handoffs.extend(handoff);
            unsent.notes.extend(note);
        }
        let set_aside = self.not_reported().into_iter().filter(SetAside::is_unreadable);
        not_read.extend(set_aside.map(|SetAside { path, reason: cause, .. }| Skipped { path, cause }));
        unsent.not_read = NotRead::files(&not_read);
        unsent.handoffs.sort_by_key(|handoff| std::cmp::Reverse(handoff.queued_at));
        unsent.notes.sort_by_key(|note| std::cmp::Reverse(note.queued_at));
        unsent
    }
}

/// Whether no list shows the entry before the API has it: a message, a report, or what an agent remembers.
fn is_for_no_list(entry: &Entry) -> bool {
    entry.is_memory() || matches!(entry.operation(), Ok(Operation::SendMessage | Operation::ReportInbox))
}

/// `None` if the entry is not a handoff.
fn handoff(entry: &Entry) -> Option<UnsentHandoff> {
    let origin: Origin = read(entry.start().ok()??)?;
    let HandoffContent { summary, status, to_agent, payload } = entry.handoff()?;
    Some(UnsentHandoff {
        queued_at: entry.queued_at,
        from_agent: origin.agent,
        repo: origin.repo,
        venture: origin.venture,
        track: origin.track,
        issue_number: origin.issue_number,
        to_agent,
        status,
        summary,
        payload,
    })
}

/// `None` if the entry is neither a new note nor a change of a note. A memory is no note that a list of notes shows.
fn note(entry: &Entry) -> Option<UnsentNote> {
    if entry.is_memory() {
        return None;
    }
    let body = entry.content().ok()?;
    let change = match (entry.operation().ok()?, entry.note.clone()) {
        (Operation::CreateNote, _) => {
            let NoteBody { title, content, tags, venture } = read(body)?;
            NoteChange::Create { title, content, tags, venture }
        }
        (Operation::UpdateNote, Some(id)) => {
            let venture = match body.get("venture") {
                None => Change::Keep,
                Some(Value::Null) => Change::Clear,
                Some(code) => Change::Set(read(code.clone())?),
            };
            let PatchBody { title, content, tags } = read(body)?;
            NoteChange::Update { id, title, content, tags, venture }
        }
        (Operation::ArchiveNote, Some(id)) => NoteChange::Archive(id),
        (Operation::RestoreNote, Some(id)) => NoteChange::Restore(id),
        _ => return None,
    };
    Some(UnsentNote { queued_at: entry.queued_at, change })
}

fn read<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}
