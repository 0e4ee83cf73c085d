//! Figures about the sessions in a time window.

use deckwatch_protocol::{Analytics, AnalyticsFilter, Violation, Violations};

use crate::call::Call;
use crate::error::ApiError;
use crate::figures::{self, Window};
use crate::plan::{DataAccess, Plan};
use crate::store;

/// Counts the sessions and handoffs of a time window, in total and by venture, agent and day.
pub(crate) fn session_analytics(call: &Call, filter: AnalyticsFilter) -> Result<Plan, ApiError> {
    const DAY: i64 = 24 * 60 * 60;
    let until = filter.until.unwrap_or(call.now);
    let since = filter.since.unwrap_or_else(|| until.plus_seconds(-Analytics::DEFAULT_DAYS * DAY));
    let violation = |detail: String| Violations(vec![Violation { pointer: "/since".to_owned(), detail }]);
    if since >= until {
        return Err(violation("must be before until".to_owned()).into());
    }
    if since < until.plus_seconds(-Analytics::MAX_DAYS * DAY) {
        return Err(violation(format!("must be at most {} days before until", Analytics::MAX_DAYS)).into());
    }
    let times = [since, until, call.now];
    let mut reads = vec![store::analytics::sessions(&filter, times), store::analytics::handoffs(&filter, times)];
    // Any agent may have resolved a blocked handoff of this one.
    let of_all = AnalyticsFilter { agent: None, ..filter.clone() };
    reads.extend(filter.agent.is_some().then(|| store::analytics::handoffs(&of_all, times)));
    let access = DataAccess::of(filter.venture.as_ref());
    let window = Window { since, until, stale_before: call.stale_before(), venture: filter.venture };
    Ok(Plan::computed(reads, Box::new(move |rows| figures::body(&window, rows))).with_access(access))
}
