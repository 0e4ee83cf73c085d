//! The sessions and handoffs of a time window. Ids sort by time, so a window is a range of ids, and rows outside it are
//! not read. `figures` counts them.

use deckwatch_protocol::{AnalyticsFilter, HandoffId, SessionId, Timestamp};

use super::forms::{every_form, filters};
use super::indexed_list::{Filters, Index};
use super::list::{List, Order};
use super::session::MAX_CLOCK_SKEW_SECONDS;
use crate::database::{Param, Statement};

/// The maximum number of sessions, and of handoffs, of one answer. Each statement selects one row more, if there is one.
pub(crate) const MAX_ROWS: u32 = 300;

const SESSIONS: List = List {
    from: "sessions s",
    item: "json_object('venture', s.venture, 'agent', s.agent, 'status', s.status, 'created_at', s.created_at, \
           'last_heartbeat_at', s.last_heartbeat_at, 'ended_at', s.ended_at, \
           'has_handoff', json(iif(s.final_handoff_id is null, 'false', 'true')))",
    key: "s.id",
    order: Order::Descending,
};

const HANDOFFS: List = List {
    from: "handoffs h",
    item: "json_object('session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, \
           'agent', h.from_agent, 'status', h.status_label, 'created_at', h.created_at, \
           'escalation', case when h.status_label = 'blocked' then \
           substr(json_extract(h.payload_json, '$.extra.escalation'), 1, 20) end)",
    key: "h.id",
    order: Order::Descending,
};

const SESSION_INDEXES: &[Index] = &[
    Index { name: Some("sessions_by_agent"), serves: &["agent"], by_status: false },
    Index { name: Some("sessions_by_venture"), serves: &["venture"], by_status: true },
    Index { name: None, serves: &[], by_status: false },
];

const HANDOFF_INDEXES: &[Index] = &[
    Index { name: Some("handoffs_by_sender"), serves: &["agent"], by_status: true },
    Index { name: Some("handoffs_by_venture"), serves: &["venture"], by_status: true },
    Index { name: None, serves: &[], by_status: false },
];

/// The condition that an id is in the window from `?1` to `?2`. If the newest record is later than the clock, whose time
/// is `?3`, ids give the order of the records but not their time. Then the range has no end.
macro_rules! in_window {
    ($id:literal, $table:literal) => {
        concat!($id, " >= ?1 and ", $id, " < iif((select max(id) from ", $table, ") > ?3, '~', ?2)")
    };
}

filters! {
    /// The filters of both statements. If both are given, the rows are those of the agent in every venture.
    WindowFilters {
        venture: Option<Param>,
        agent: Option<Param>,
    }
}

/// The beginning and the end of a window, and the time of the clock.
type Times = [Timestamp; 3];

/// Selects the newest sessions of the window, of the agent or else of the venture of the filter.
pub(crate) fn sessions(filter: &AnalyticsFilter, times: Times) -> Statement {
    WindowFilters::of(filter).sessions(times)
}

/// Selects the newest handoffs of the window in the same way.
pub(crate) fn handoffs(filter: &AnalyticsFilter, times: Times) -> Statement {
    WindowFilters::of(filter).handoffs(times)
}

impl WindowFilters {
    fn of(filter: &AnalyticsFilter) -> Self {
        Self { venture: filter.venture.as_ref().map(Param::from), agent: filter.agent.as_ref().map(Param::from) }
    }

    fn sessions(&self, [since, until, now]: Times) -> Statement {
        let ids = [since, until, now.plus_seconds(MAX_CLOCK_SKEW_SECONDS)].map(|time| SessionId::mint(time, 0));
        let filters =
            Filters::new(("s.status", &["active", "ended", "abandoned"]), ids.iter().map(Param::from).collect())
                .when("agent", "s.agent = ?", self.agent.clone())
                .when("venture", "s.venture = ?", self.venture_alone())
                .with_range(in_window!("s.id", "sessions"));
        SESSIONS.rows(SESSION_INDEXES, &filters, MAX_ROWS + 1)
    }

    fn handoffs(&self, [since, until, now]: Times) -> Statement {
        let ids = [since, until, now.plus_seconds(MAX_CLOCK_SKEW_SECONDS)].map(|time| HandoffId::mint(time, 0));
        let statuses = &["in_progress", "blocked", "ready", "done"];
        let filters = Filters::new(("h.status_label", statuses), ids.iter().map(Param::from).collect())
            .when("agent", "h.from_agent = ?", self.agent.clone())
            .when("venture", "h.venture = ?", self.venture_alone())
            .with_range(in_window!("h.id", "handoffs"));
        HANDOFFS.rows(HANDOFF_INDEXES, &filters, MAX_ROWS + 1)
    }

    /// The venture, unless an agent is given.
    fn venture_alone(&self) -> Option<Param> {
        self.venture.clone().filter(|_| self.agent.is_none())
    }
}

/// Every form of [`sessions`] and [`handoffs`].
pub(super) fn composed() -> Vec<(String, String)> {
    let times = [Timestamp::from_millis(0); 3];
    every_form("analytics", |filters: &WindowFilters| [filters.sessions(times), filters.handoffs(times)])
}
