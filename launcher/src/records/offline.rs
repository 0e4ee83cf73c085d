//! The records of a team that this machine keeps for times when the API can't be reached: the last answer to `sod` for
//! each repository, and the number of writes that wait.

use deckwatch_client::ContextClient;
use deckwatch_client::outbox::{Unsent, UnsentHandoff, UnsentNote};
use deckwatch_client::snapshot::Snapshot;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{Handoff, NoteId, NoteSummary, RepoName, Timestamp};
use serde_json::{Value, json};

use super::source::Subject;
use super::text::{Text, when};
use super::unsent;
use crate::error::LaunchError;

/// The kept records, and why the current ones are not available.
pub(super) struct Offline {
    cause: String,
    /// The last answer for each repository, the newest first.
    days: Vec<Snapshot>,
    /// The number of writes on this machine that wait for the API.
    queued: usize,
    /// Those of them that are about the subject.
    unsent: Unsent,
}

impl Offline {
    pub(super) async fn of(client: &ContextClient, cause: String, repos: &[RepoName], subject: &Subject) -> Self {
        let mut days = Vec::new();
        for repo in repos {
            days.extend(client.last_snapshot(repo, subject.venture.as_ref()).await);
        }
        days.sort_by_key(|day| std::cmp::Reverse(day.taken_at));
        let mut unsent = unsent::all(client).await;
        unsent.notes.retain(|note| unsent::is_note_about(note, subject));
        unsent.handoffs.retain(|handoff| unsent::is_handoff_about(handoff, subject));
        Self { cause, days, queued: client.waiting().await.queued, unsent }
    }

    pub(super) fn days(&self) -> &[Snapshot] {
        &self.days
    }

    /// The kept handoffs without duplicates, the newest first.
    pub(super) fn handoffs(&self) -> Vec<&Handoff> {
        let mut handoffs: Vec<&Handoff> = Vec::new();
        let of_days =
            self.days.iter().flat_map(|day| day.day.last_handoff.iter().chain(&day.day.handoffs_to_you.items));
        for handoff in of_days {
            if !handoffs.iter().any(|known| known.id == handoff.id) {
                handoffs.push(handoff);
            }
        }
        handoffs.sort_by_key(|handoff| std::cmp::Reverse(handoff.created_at));
        handoffs
    }

    /// The kept notes: the executive summaries that `sod` returns.
    pub(super) fn notes(&self) -> Vec<&NoteSummary> {
        let mut notes: Vec<&NoteSummary> = Vec::new();
        for note in self.days.iter().flat_map(|day| &day.day.executive_summaries.excerpt.items) {
            if !notes.iter().any(|known| known.id == note.id) {
                notes.push(note);
            }
        }
        notes
    }

    /// The handoffs that are not sent yet, the newest first.
    pub(super) fn unsent_handoffs(&self) -> Vec<&UnsentHandoff> {
        self.unsent.handoffs.iter().collect()
    }

    /// The new notes and changes of notes that are not sent yet, the newest first. With an id, those of one note.
    pub(super) fn unsent_notes(&self, id: Option<&NoteId>) -> Vec<&UnsentNote> {
        self.unsent.notes.iter().filter(|note| id.is_none() || note.change.id() == id).collect()
    }

    /// The error with which the command ends, because the shown records may be out of date.
    pub(super) fn error(self) -> LaunchError {
        LaunchError::Unreachable(self.cause)
    }

    /// Prints the age of the records, and which records are missing.
    pub(super) fn introduce(&self, text: &mut Text, kept: &str) {
        match self.taken_at() {
            Some(time) => text.line(&format!(
                "The Context API can't be reached. This machine keeps these earlier records: {kept}. They were read {}.",
                when(time, now())
            )),
            None => text.line("The Context API can't be reached, and this machine keeps no earlier answer about this."),
        }
        if self.queued > 0 {
            let writes = if self.queued == 1 { "1 write" } else { &format!("{} writes", self.queued) };
            let they = if self.queued == 1 { "waits" } else { "wait" };
            text.line(&format!(
                "{writes} of this machine {they} for the API. `launcher notes` and `launcher log` show them."
            ));
        }
        text.blank();
    }

    /// The same information as JSON.
    pub(super) fn json(&self) -> Value {
        let notes: Vec<Value> = self.unsent.notes.iter().map(unsent::note_json).collect();
        let handoffs: Vec<Value> = self.unsent.handoffs.iter().map(unsent::handoff_json).collect();
        json!({
            "cause": self.cause, "taken_at": self.taken_at(), "queued_writes": self.queued,
            "unsent_notes": notes, "unsent_handoffs": handoffs,
        })
    }

    /// The time of the oldest answer. Every shown record was read at this time or later.
    fn taken_at(&self) -> Option<Timestamp> {
        self.days.iter().map(|day| day.taken_at).min()
    }
}
