//! Events: what happened, in the order in which it was written. The engine appends them in the batch of the write itself.

use std::fmt;
use std::str::FromStr;

use deserr::Deserr;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::id::SessionId;
use crate::number::EventSeq;
use crate::page::{Limit, in_query};
use crate::text::{Agent, VentureCode, impl_text_traits};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

macro_rules! event_kinds {
    ($($(#[doc = $doc:literal])+ $name:ident $word:literal,)*) => {
        /// The kind of an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum EventKind {
            $($(#[doc = $doc])+ #[serde(rename = $word)] $name,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The value on the wire and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What the kind means, as in the documentation.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc, "\n",)+).trim_ascii(),)* }
            }
        }
    };
}

event_kinds! {
    /// A session became active: it is new, or it was abandoned and its agent is back.
    SessionStarted "session_started",
    /// An active session has another repository, track, branch or issue.
    SessionMoved "session_moved",
    /// A session ended with a handoff.
    SessionEnded "session_ended",
    /// A session was abandoned: its heartbeats stopped, or its agent left.
    SessionLost "session_lost",
    /// A handoff was recorded.
    HandoffRecorded "handoff_recorded",
    /// A handoff with the status `done` was recorded. It follows the `handoff_recorded` of the same handoff.
    WorkDone "work_done",
    /// The presence of an agent became `working`.
    AgentWorking "agent_working",
    /// The presence of an agent became `idle`.
    AgentIdle "agent_idle",
    /// The presence of an agent became `waiting`: it waits for a human.
    AgentWaiting "agent_waiting",
    /// The presence of an agent became `blocked`, or a handoff with the status `blocked` was recorded. Then the event follows
    /// the `handoff_recorded` of the same handoff.
    AgentBlocked "agent_blocked",
    /// A message was sent.
    MessageSent "message_sent",
    /// A claim was taken.
    ClaimTaken "claim_taken",
    /// A claim was released.
    ClaimReleased "claim_released",
    /// A key of the shared state was changed or deleted.
    StateChanged "state_changed",
    /// A note was created, changed, archived or restored.
    NoteSaved "note_saved",
    /// A document has a new version, or was deleted.
    DocChanged "doc_changed",
    /// A machine was registered, or its registration changed.
    MachineRegistered "machine_registered",
    /// A pull request was opened, or opened again.
    PullRequestOpened "pull_request_opened",
    /// A pull request was merged.
    PullRequestMerged "pull_request_merged",
    /// A pull request was closed without a merge.
    PullRequestClosed "pull_request_closed",
    /// The labels of an issue or of a pull request changed. The event follows the decision of the classifier, whose own labels
    /// are part of it.
    IssueLabelled "issue_labelled",
    /// The checks of a commit of a pull request failed.
    CheckFailed "check_failed",
}

impl EventKind {
    /// The kinds that a delivery of GitHub's webhook may append. The webhook has no row in the table of operations.
    pub const OF_GITHUB: &[Self] = &[
        Self::PullRequestOpened,
        Self::PullRequestMerged,
        Self::PullRequestClosed,
        Self::IssueLabelled,
        Self::CheckFailed,
    ];
}

impl FromStr for EventKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let unknown = || Invalid::new("must be the kind of an event");
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(unknown)
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// The number of the event. Each event has the number after that of the event before it.
    pub seq: u64,
    /// The venture that the event belongs to. `null` if it concerns the whole team: a machine, a global note or a global
    /// document.
    pub venture: Option<VentureCode>,
    /// What happened.
    pub kind: EventKind,
    /// The record: the id of a session, handoff or note, the name of a document with its scope (`alpha/api.md`), the
    /// hostname of a machine, or an issue or a pull request (`example-org/alpha#12`).
    pub subject: String,
    /// The agent whose session or handoff it is.
    pub agent: Option<Agent>,
    /// The session that the event is about, or that the handoff belongs to.
    pub session_id: Option<SessionId>,
    /// When it happened, by the clock of the engine.
    pub at: Timestamp,
    /// A few facts about the record: names and numbers, at most 2 KiB. It contains no text that an agent or a person wrote.
    pub data: Map<String, Value>,
}

impl Event {
    /// The number of days that an event is kept.
    pub const KEPT_DAYS: i64 = 30;
}

/// One page of events, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventPage {
    /// The events of this page. It may be empty although there are later events.
    pub items: Vec<Event>,
    /// The `after` of the next page. No further events exist if it is equal to `head`.
    pub next_after: u64,
    /// The number of the newest event of all ventures and kinds. 0 if there was no event yet.
    pub head: u64,
}

/// Selects the events that `list_events` shows, oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct EventFilter {
    /// Show only events of this venture. Events without a venture are then not shown.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// Show only events of these kinds: one kind, or several kinds with a comma between them.
    #[deserr(default)]
    pub kinds: Option<EventKinds>,
    /// Show only events with a higher number: the `next_after` of the previous page. Without it, the page begins with the
    /// oldest event that is kept.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub after: Option<EventSeq>,
    /// The number of events on a page, from 1 to 100. The default is 20.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub limit: Option<Limit>,
}

/// Kinds of events, with a comma between two of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKinds(String);

impl EventKinds {
    /// The maximum number of characters.
    pub const MAX_CHARS: usize = 1000;

    /// These kinds.
    pub fn of(kinds: &[EventKind]) -> Self {
        Self(kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(","))
    }

    /// The text on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The format, as an ECMA-262 regular expression.
    #[cfg(feature = "schema")]
    fn pattern() -> String {
        let kind = Self::of(EventKind::ALL).0.replace(',', "|");
        format!("^({kind})(,({kind}))*$")
    }

    /// Each kind.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(',')
    }
}

impl FromStr for EventKinds {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let is_known = |word: &str| word.parse::<EventKind>().is_ok();
        if text.len() > Self::MAX_CHARS || !text.split(',').all(is_known) {
            let known: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
            return Err(Invalid::new(format!(
                "must be kinds of events with a comma between them: {}",
                known.join(", ")
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl_text_traits!(EventKinds, EventKinds::pattern(), EventKinds::MAX_CHARS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_kinds_has_known_kinds_only() {
        let all = EventKinds::of(EventKind::ALL);
        assert_eq!(all.as_str().parse(), Ok(all.clone()));
        assert_eq!(all.words().count(), EventKind::ALL.len());
        for text in ["", ",", "work_done,", ",work_done", "work_done, note_saved", "nothing", "WORK_DONE"] {
            assert!(text.parse::<EventKinds>().is_err(), "{text:?}");
        }
    }
}
