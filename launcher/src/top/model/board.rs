//! The board: each agent once for each of its active sessions, those that need a person first.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use deckwatch_protocol::{
    ActivityState, Agent, Branch, Presence, Session, SessionStatus, StatusLine, Timestamp, VentureCode,
};
use serde::Serialize;

use super::Model;

/// What an agent needs from a person, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Need {
    /// It waits for a person.
    Waiting,
    /// It can't go on.
    Blocked,
    /// It works.
    Working,
    /// Its session is active, and it has not said what it does.
    Unknown,
    /// It has finished its turn.
    Idle,
    /// It does nothing and reads no messages.
    Away,
    /// It left or fell silent without ending its day.
    Gone,
    /// It has ended its day.
    Ended,
}

impl Need {
    /// The word on the screen.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Working => "working",
            Self::Unknown => "unknown",
            Self::Idle => "idle",
            Self::Away => "away",
            Self::Gone => "gone",
            Self::Ended => "ended",
        }
    }
}

/// An agent on the board.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) session: &'a Session,
    pub(crate) need: Need,
    /// Since when the agent needs this.
    pub(crate) since: Timestamp,
    /// When the agent was last heard of.
    pub(crate) heard_at: Timestamp,
    /// Whether the agent was silent for so long that what it said may no longer be true.
    pub(crate) is_doubtful: bool,
}

impl<'a> Row<'a> {
    pub(crate) fn of(session: &'a Session, now: Timestamp) -> Self {
        let said = session.presence.as_ref();
        let heard_at = said.map_or(session.last_heartbeat_at, |said| said.at.max(session.last_heartbeat_at));
        let presence = session.presence(now);
        let (need, since) = match (session.status, presence, said) {
            (SessionStatus::Ended, ..) => (Need::Ended, session.ended_at.unwrap_or(heard_at)),
            (_, Presence::Gone, _) => (Need::Gone, heard_at),
            (.., None) => (Need::Unknown, session.created_at),
            (.., Some(said)) => (need_of(said.state), said.at),
        };
        let is_doubtful = presence != Presence::Gone
            && (presence == Presence::Idle || said.is_some_and(|said| said.doubtful_for(now).is_some()));
        Self { session, need, since, heard_at, is_doubtful }
    }

    /// The last line of the agent about itself: what it waits for or what blocks it, otherwise what it works on.
    pub(crate) fn line(&self) -> Option<String> {
        let said = self.session.presence.as_ref()?;
        let parts: Vec<&str> = [&said.detail, &said.summary].into_iter().flatten().map(StatusLine::as_str).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Whether the row contains each of these words, which are in lower case.
    pub(crate) fn contains(&self, words: &[String]) -> bool {
        let session = self.session;
        let issue = session.issue_number.map(|number| format!("#{number}"));
        let branch = session.branch.as_ref().map(Branch::as_str);
        let line = self.line();
        let parts = [self.need.word(), session.agent.as_str(), session.venture.as_str(), session.repo.as_str()];
        let text = parts.into_iter().chain(branch).chain(issue.as_deref()).chain(line.as_deref());
        let text = text.collect::<Vec<_>>().join("\n").to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    }

    fn order(&self) -> (Need, Timestamp, Reverse<Timestamp>, &'a str) {
        // Who waits longest comes first; of the others, who was heard of last.
        let waits = if self.need <= Need::Blocked { self.since } else { Timestamp::from_millis(0) };
        (self.need, waits, Reverse(self.heard_at), self.session.agent.as_str())
    }
}

fn need_of(state: ActivityState) -> Need {
    match state {
        ActivityState::Working => Need::Working,
        ActivityState::Idle => Need::Idle,
        ActivityState::Waiting => Need::Waiting,
        ActivityState::Blocked => Need::Blocked,
        ActivityState::Away => Need::Away,
    }
}

impl Model {
    /// The rows of the board. An agent without an active session is shown with its newest one.
    pub(crate) fn board(&self, now: Timestamp) -> Vec<Row<'_>> {
        let mut rows: Vec<Row> = self.sessions().map(|session| Row::of(session, now)).collect();
        let active: HashSet<(&VentureCode, &Agent)> =
            rows.iter().filter(|row| row.need < Need::Gone).map(|row| name(row.session)).collect();
        let mut newest: HashMap<(&VentureCode, &Agent), (Timestamp, &str)> = HashMap::new();
        for row in &rows {
            let at = (row.heard_at, row.session.id.as_str());
            let last = newest.entry(name(row.session)).or_insert(at);
            *last = at.max(*last);
        }
        rows.retain(|row| {
            let is_newest = newest.get(&name(row.session)).is_some_and(|last| last.1 == row.session.id.as_str());
            row.need < Need::Gone || (is_newest && !active.contains(&name(row.session)))
        });
        rows.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
        rows
    }

    /// The row of one agent.
    pub(crate) fn row(&self, venture: &VentureCode, agent: &Agent, now: Timestamp) -> Option<Row<'_>> {
        self.board(now).into_iter().find(|row| name(row.session) == (venture, agent))
    }
}

fn name(session: &Session) -> (&VentureCode, &Agent) {
    (&session.venture, &session.agent)
}
