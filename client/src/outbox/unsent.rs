//! What waits in the outbox, as an agent reads it: the API does not have it yet, and this machine does.

use deckwatch_protocol::{
    Agent, HandoffPayload, HandoffStatus, IssueNumber, NoteContent, NoteTag, NoteTitle, RepoName, Summary, Timestamp,
    Track, VentureCode,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::entry::Entry;
use super::folder::{Folder, Unkept};

/// The writes that wait, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unsent {
    /// Handoffs, also those that end a session.
    pub handoffs: Vec<UnsentHandoff>,
    /// New notes. A change of a note is not among them.
    pub notes: Vec<UnsentNote>,
}

/// A handoff that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsentHandoff {
    /// When it was written.
    pub queued_at: Timestamp,
    /// The agent that wrote it.
    pub from_agent: Agent,
    /// The repository it is about.
    pub repo: RepoName,
    /// The venture it is about, where that is known.
    pub venture: Option<VentureCode>,
    /// The line of work.
    pub track: Option<Track>,
    /// The GitHub issue.
    pub issue_number: Option<IssueNumber>,
    /// The agent it is meant for.
    pub to_agent: Option<Agent>,
    /// Where the work stands.
    pub status: HandoffStatus,
    /// The work in short.
    pub summary: Summary,
    /// The lists.
    pub payload: HandoffPayload,
}

/// A new note that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsentNote {
    /// When it was written.
    pub queued_at: Timestamp,
    /// Its title.
    pub title: NoteTitle,
    /// Its text.
    pub content: NoteContent,
    /// Its tags.
    pub tags: Vec<NoteTag>,
    /// The venture it is about; `None` is a global note, or one whose venture is looked up when it is sent.
    pub venture: Option<VentureCode>,
}

/// The part of a handoff that is no list.
#[derive(Deserialize)]
struct Head {
    summary: Summary,
    status: HandoffStatus,
    to_agent: Option<Agent>,
}

/// Who wrote a handoff, and where.
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

impl Folder {
    /// What waits in the queue and what is held; a file that can't be read is left to `waiting`.
    pub(super) fn unsent(&self) -> Result<Unsent, Unkept> {
        let queued = self.numbers()?.into_iter().filter_map(|number| self.read(number).ok().flatten());
        let held = self.held().0.into_iter().map(|(_, entry)| entry);
        let mut unsent = Unsent::default();
        for entry in queued.chain(held) {
            unsent.handoffs.extend(handoff(&entry));
            unsent.notes.extend(note(&entry));
        }
        unsent.handoffs.sort_by_key(|handoff| std::cmp::Reverse(handoff.queued_at));
        unsent.notes.sort_by_key(|note| std::cmp::Reverse(note.queued_at));
        Ok(unsent)
    }
}

/// `None` for an entry that is no handoff.
fn handoff(entry: &Entry) -> Option<UnsentHandoff> {
    let origin: Origin = read(entry.start().ok()??)?;
    let body = entry.content().ok()?.get("handoff")?.clone();
    let Head { summary, status, to_agent } = read(body.clone())?;
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
        payload: read(body)?,
    })
}

/// `None` for an entry that is no new note.
fn note(entry: &Entry) -> Option<UnsentNote> {
    if entry.what() != "note" {
        return None;
    }
    let NoteBody { title, content, tags, venture } = read(entry.content().ok()?)?;
    Some(UnsentNote { queued_at: entry.queued_at, title, content, tags, venture })
}

fn read<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}
