//! The sessions and handoffs of a time window. Ids sort by time, so a window is a range of ids, and rows outside it are
//! not read. `figures` counts them.

use deckwatch_protocol::{AnalyticsFilter, HandoffId, SessionId, Timestamp};

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
           'agent', h.from_agent, 'status', h.status_label, 'created_at', h.created_at)",
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

/// Selects the newest sessions of the window, of the agent or else of the venture of the filter. If the filter has both,
/// the rows are those of the agent in every venture.
pub(crate) fn sessions(filter: &AnalyticsFilter, [since, until, now]: [Timestamp; 3]) -> Statement {
    let ids = [since, until, now.plus_seconds(MAX_CLOCK_SKEW_SECONDS)].map(|time| SessionId::mint(time, 0));
    let filters = Filters::new(("s.status", &["active", "ended", "abandoned"]), ids.iter().map(Param::from).collect())
        .when("agent", "s.agent = ?", filter.agent.as_ref())
        .when("venture", "s.venture = ?", filter.venture.as_ref().filter(|_| filter.agent.is_none()))
        .with_range(in_window!("s.id", "sessions"));
    SESSIONS.rows(SESSION_INDEXES, &filters, MAX_ROWS + 1)
}

/// Selects the newest handoffs of the window in the same way.
pub(crate) fn handoffs(filter: &AnalyticsFilter, [since, until, now]: [Timestamp; 3]) -> Statement {
    let ids = [since, until, now.plus_seconds(MAX_CLOCK_SKEW_SECONDS)].map(|time| HandoffId::mint(time, 0));
    let statuses = &["in_progress", "blocked", "ready", "done"];
    let filters = Filters::new(("h.status_label", statuses), ids.iter().map(Param::from).collect())
        .when("agent", "h.from_agent = ?", filter.agent.as_ref())
        .when("venture", "h.venture = ?", filter.venture.as_ref().filter(|_| filter.agent.is_none()))
        .with_range(in_window!("h.id", "handoffs"));
    HANDOFFS.rows(HANDOFF_INDEXES, &filters, MAX_ROWS + 1)
}

/// The variants of the statements: each filter alone, and both.
pub(super) fn composed() -> Vec<(String, String)> {
    let (venture, agent, times) = ("a".parse().ok(), "a".parse().ok(), [Timestamp::from_millis(0); 3]);
    let forms = [(None, None), (venture.clone(), None), (None, agent.clone()), (venture, agent)];
    let statements = forms.into_iter().flat_map(|(venture, agent)| {
        let filter = AnalyticsFilter { venture, agent, ..Default::default() };
        [sessions(&filter, times), handoffs(&filter, times)]
    });
    statements.enumerate().map(|(n, s)| (format!("analytics {n}"), s.sql.into_owned())).collect()
}
