//! What the screen shows: the records as they were last read, and what the person has chosen. Plain data; [`Model::apply`]
//! is the only function that changes the records, and it reads no clock.

pub(crate) mod board;
pub(crate) mod collisions;
pub(crate) mod detail;
pub(crate) mod freshness;

use std::collections::{HashMap, VecDeque};

use deckwatch_protocol::{Claim, Event, EventKind, Machine, Session, SessionId, Timestamp};

use self::detail::{AgentKey, Detail};
use self::freshness::Freshness;

/// How many events are kept for the view of events.
pub(crate) const KEPT_EVENTS: usize = 500;

/// The records.
#[derive(Debug, Default)]
pub(crate) struct Model {
    sessions: HashMap<SessionId, Session>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) machines: Vec<Machine>,
    /// Oldest first.
    pub(crate) events: VecDeque<Event>,
    /// The agent that was opened, with what was read about it.
    pub(crate) detail: Option<Detail>,
    pub(crate) freshness: Freshness,
    /// What could not be shown completely, such as the sessions above the limit.
    pub(crate) cut: Option<String>,
}

/// Records that were read.
#[derive(Debug)]
pub(crate) enum Update {
    /// All sessions that were heard of lately.
    Sessions(Vec<Session>),
    /// One session.
    Session(Box<Session>),
    Claims(Vec<Claim>),
    Machines(Vec<Machine>),
    /// The next events, oldest first.
    Events(Vec<Event>),
    Detail(Box<Detail>),
    /// A list is longer than the screen reads, so that its rest is missing. The text says which.
    Cut(String),
    /// The first records are read, or records were read again after a failure.
    Read(Timestamp),
    /// Records could not be read. They are tried again.
    NotRead(String),
}

impl Update {
    /// Whether it says that something about the agent has changed that only a new reading shows.
    pub(crate) fn concerns(&self, key: &AgentKey) -> bool {
        match self {
            Self::Events(events) => events.iter().any(|event| {
                matches!(event.kind, EventKind::HandoffRecorded | EventKind::MessageSent) && key.is_of(event)
            }),
            _ => false,
        }
    }
}

impl Model {
    /// Takes over what was read.
    pub(crate) fn apply(&mut self, update: Update) {
        match update {
            Update::Sessions(sessions) => {
                self.sessions = sessions.into_iter().map(|session| (session.id.clone(), session)).collect();
            }
            Update::Session(session) => {
                self.sessions.insert(session.id.clone(), *session);
            }
            Update::Claims(claims) => self.claims = claims,
            Update::Machines(machines) => self.machines = machines,
            Update::Events(events) => {
                self.events.extend(events);
                let surplus = self.events.len().saturating_sub(KEPT_EVENTS);
                self.events.drain(..surplus);
            }
            Update::Detail(detail) => self.detail = Some(*detail),
            Update::Cut(cut) => self.cut = Some(cut),
            Update::Read(at) => self.freshness.read(at),
            Update::NotRead(cause) => self.freshness.not_read(cause),
        }
    }

    /// Every session that was read.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }
}
