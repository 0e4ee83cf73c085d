//! The records of a team that this machine keeps for times when the API can't be reached: the last answer to `sod` for
//! each repository, and the number of writes that wait.

use deckwatch_client::ContextClient;
use deckwatch_client::snapshot::Snapshot;
use deckwatch_machine::clock::now;
use deckwatch_protocol::{Handoff, NoteSummary, RepoName, Timestamp};
use serde_json::{Value, json};

use super::source::Subject;
use super::text::{Text, when};
use crate::error::LaunchError;

/// The kept records, and why the current ones are not available.
pub(super) struct Offline {
    cause: String,
    /// The last answer for each repository, the newest first.
    days: Vec<Snapshot>,
    /// The number of writes on this machine that wait for the API.
    queued: usize,
}

impl Offline {
    pub(super) async fn of(client: &ContextClient, cause: String, repos: &[RepoName], subject: &Subject) -> Self {
        let mut days = Vec::new();
        for repo in repos {
            days.extend(client.last_snapshot(repo, subject.venture.as_ref()).await);
        }
        days.sort_by_key(|day| std::cmp::Reverse(day.taken_at));
        Self { cause, days, queued: client.waiting().await.queued }
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
            text.line(&format!("{writes} of this machine wait for the API and are not shown."));
        }
        text.blank();
    }

    /// The same information as JSON.
    pub(super) fn json(&self) -> Value {
        json!({ "cause": self.cause, "taken_at": self.taken_at(), "queued_writes": self.queued })
    }

    /// The time of the oldest answer. Every shown record was read at this time or later.
    fn taken_at(&self) -> Option<Timestamp> {
        self.days.iter().map(|day| day.taken_at).min()
    }
}
