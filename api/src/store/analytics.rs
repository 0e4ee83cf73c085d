//! Figures about a time window. Ids sort by time, so a window is a range of ids, and rows outside it are not read.
//! If a window has more than 2,000 sessions or handoffs, only its last part with at most 2,000 is read, and the
//! response says when that part begins.

use std::fmt::Write;

use deckwatch_protocol::{AnalyticsFilter, HandoffId, SessionId, Timestamp};

use super::excerpt;
use super::forms::{every_form, filters};
use super::session::MAX_CLOCK_SKEW_SECONDS;
use crate::database::{Param, Statement};

/// The seconds between two times; 0 if the clock went back between them.
macro_rules! seconds_between {
    ($from:literal, $to:literal) => {
        concat!("max(unixepoch(", $to, ", 'subsec') - unixepoch(", $from, ", 'subsec'), 0)")
    };
}

/// The end of a range of ids: `$end`. If the newest record is later than the clock, whose time is `$now`, ids give
/// the order of the records but not their time. Then the range has no end.
macro_rules! end_of_range {
    ($table:literal, $end:literal, $now:literal) => {
        concat!("iif((select max(id) from ", $table, ") > ", $now, ", '~', ", $end, ")")
    };
}

/// The condition that a record was created in the window.
macro_rules! in_window {
    ($created_at:literal) => {
        concat!($created_at, " >= ?6 and ", $created_at, " < ?7")
    };
}

/// The maximum number of sessions, and of handoffs, that are read.
macro_rules! max_rows {
    () => {
        "2000"
    };
}

/// `cut` is the time of the newest session or handoff that is over the limit. Only later records count. `at` is its
/// time in the encoding of ids. Then the sessions and the handoffs follow as two common tables with the columns of
/// the figures. The handoff that resolves a blocked one is looked up in an index that has no blocked handoffs, so
/// the lookup skips no rows.
///
/// `?1` is the stale limit; `?2` to `?5` the ranges of ids; `?6` and `?7` the window; `?8` and `?9` the current time
/// in the encoding of ids; then the values of the filter.
fn window(sessions: &str, handoffs: &str) -> String {
    format!(
        concat!(
            "with cut as materialized (select max(at) as at, max(created_at) as moment from (",
            "select * from (select substr(s.id, 6, 10) as at, s.created_at from sessions s ",
            "where s.id >= ?2 and s.id < ",
            end_of_range!("sessions", "?3", "?8"),
            " and ",
            in_window!("s.created_at"),
            "{sessions} order by s.id desc limit 1 offset ",
            max_rows!(),
            ") ",
            "union all select * from (select substr(h.id, 4, 10) as at, h.created_at from handoffs h ",
            "where h.id >= ?4 and h.id < ",
            end_of_range!("handoffs", "?5", "?9"),
            " and ",
            in_window!("h.created_at"),
            "{handoffs} order by h.id desc limit 1 offset ",
            max_rows!(),
            "))), ",
            "begun as materialized (select s.venture, s.agent, substr(s.created_at, 1, 10) as day, ",
            "s.status = 'active' and s.last_heartbeat_at >= ?1 as is_active, s.status = 'ended' as is_ended, ",
            seconds_between!("s.created_at", "iif(s.status = 'ended', s.ended_at, s.last_heartbeat_at)"),
            " as seconds, ",
            "exists (select 1 from handoffs h where h.session_id = s.id) as has_handoff ",
            "from sessions s where s.id >= max(?2, ifnull('sess_' || (select at from cut) || '_', '')) and s.id < ",
            end_of_range!("sessions", "?3", "?8"),
            " and ",
            in_window!("s.created_at"),
            "{sessions}), ",
            "made as materialized (select h.venture, h.from_agent as agent, substr(h.created_at, 1, 10) as day, ",
            "h.status_label = 'blocked' as is_blocked, iif(h.status_label = 'blocked', (select ",
            seconds_between!("h.created_at", "n.created_at"),
            " from handoffs n indexed by handoffs_resolving where n.venture = h.venture and n.repo = h.repo ",
            "and n.track is h.track and n.id > h.id and n.id < ",
            end_of_range!("handoffs", "?5", "?9"),
            " and n.created_at < ?7 and n.status_label <> 'blocked' ",
            "order by n.id limit 1), null) as resolution ",
            "from handoffs h where h.id >= max(?4, ifnull('ho_' || (select at from cut) || '_', '')) and h.id < ",
            end_of_range!("handoffs", "?5", "?9"),
            " and ",
            in_window!("h.created_at"),
            "{handoffs}) "
        ),
        sessions = sessions,
        handoffs = handoffs,
    )
}

/// The figures of both tables grouped by `$key`, as rows of (`key`, `sessions`, `handoffs`, `figures`).
macro_rules! figures {
    ($key:literal) => {
        concat!(
            "select keys.key, ifnull(a.sessions, 0) as sessions, ifnull(b.handoffs, 0) as handoffs, json_object(",
            "'sessions', ifnull(a.sessions, 0), 'active', ifnull(a.active, 0), 'ended', ifnull(a.ended, 0), ",
            "'abandoned', ifnull(a.sessions - a.active - a.ended, 0), 'average_duration_seconds', a.duration, ",
            "'share_without_handoff', a.without_handoff, 'handoffs', ifnull(b.handoffs, 0), ",
            "'handoffs_per_session', round(1.0 * ifnull(b.handoffs, 0) / a.sessions, 3), ",
            "'blocked_ratio', b.blocked, 'average_resolution_seconds', b.resolution) as figures ",
            "from (select ",
            $key,
            " as key from begun union select ",
            $key,
            " from made) keys ",
            "left join (select ",
            $key,
            " as key, count(*) as sessions, sum(is_active) as active, sum(is_ended) as ended, ",
            "round(avg(seconds) filter (where not is_active), 3) as duration, ",
            "round(avg(1.0 - has_handoff) filter (where not is_active), 3) as without_handoff from begun group by 1) a ",
            "on a.key = keys.key ",
            "left join (select ",
            $key,
            " as key, count(*) as handoffs, round(avg(is_blocked), 3) as blocked, ",
            "round(avg(resolution), 3) as resolution from made group by 1) b on b.key = keys.key"
        )
    };
}

/// The first 100 groups of `$key` in `$order` as an excerpt.
macro_rules! groups {
    ($key:literal, $order:literal) => {
        concat!(
            "json(",
            excerpt!(
                all: concat!("select ", $key, " from begun union select ", $key, " from made"),
                shown: concat!(
                    "select *, row_number() over (order by ", $order, ") as position from (", figures!($key),
                    ") order by ", $order, " limit 100"
                ),
                item: "json_object('key', shown.key, 'figures', json(shown.figures))",
                order: "shown.position"
            ),
            ")"
        )
    };
}

/// The response, from the common tables of the window.
const BODY: &str = concat!(
    "select json_object('since', ifnull((select strftime('%Y-%m-%dT%H:%M:%fZ', moment, '+0.001 seconds') from cut), ?6), ",
    "'until', ?7, 'shortened', json(iif((select at from cut) is null, 'false', 'true')), ",
    "'totals', json(ifnull((select figures from (",
    figures!("'all'"),
    ")), ",
    "json_object('sessions', 0, 'active', 0, 'ended', 0, 'abandoned', 0, 'average_duration_seconds', null, ",
    "'share_without_handoff', null, 'handoffs', 0, 'handoffs_per_session', null, 'blocked_ratio', null, ",
    "'average_resolution_seconds', null))), ",
    "'by_venture', ",
    groups!("venture", "sessions desc, handoffs desc, key"),
    ", 'by_agent', ",
    groups!("agent", "sessions desc, handoffs desc, key"),
    ", 'by_day', ",
    groups!("day", "key desc"),
    ") as body"
);

filters! {
    /// The filters of `session_analytics`.
    AnalyticsFilters {
        venture: Option<Param>,
        agent: Option<Param>,
    }
}

/// Selects the figures of the sessions and handoffs created from `since` up to `until`.
pub(crate) fn select(
    filter: &AnalyticsFilter,
    since: Timestamp,
    until: Timestamp,
    (now, stale_before): (Timestamp, Timestamp),
) -> Statement {
    let ahead = now.plus_seconds(MAX_CLOCK_SKEW_SECONDS);
    let filters = AnalyticsFilters {
        venture: filter.venture.as_ref().map(Param::from),
        agent: filter.agent.as_ref().map(Param::from),
    };
    let mut statement = Statement::new(composed_select(&filters))
        .bind(stale_before)
        .bind(&SessionId::mint(since, 0))
        .bind(&SessionId::mint(until, 0))
        .bind(&HandoffId::mint(since, 0))
        .bind(&HandoffId::mint(until, 0))
        .bind(since)
        .bind(until)
        .bind(&SessionId::mint(ahead, 0))
        .bind(&HandoffId::mint(ahead, 0));
    statement.params.extend([filters.venture, filters.agent].into_iter().flatten());
    statement
}

fn composed_select(filters: &AnalyticsFilters) -> String {
    let (mut sessions, mut handoffs) = (String::new(), String::new());
    if filters.venture.is_some() {
        sessions.push_str(" and s.venture = ?10");
        handoffs.push_str(" and h.venture = ?10");
    }
    if filters.agent.is_some() {
        let place = 10 + usize::from(filters.venture.is_some());
        let _ = write!(sessions, " and s.agent = ?{place}");
        let _ = write!(handoffs, " and h.from_agent = ?{place}");
    }
    format!("{}{BODY}", window(&sessions, &handoffs))
}

/// Every form of [`select`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("analytics::select", |filters| [Statement::new(composed_select(filters))])
}
