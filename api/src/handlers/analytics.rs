//! Figures about the sessions in a time window.

use deckwatch_protocol::{Analytics, AnalyticsFilter, ErrorCode, Violation, Violations};

use crate::call::Call;
use crate::error::ApiError;
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
    let select = store::analytics::select(&filter, since, until, (call.now, call.stale_before()));
    Ok(Plan::record(select, ErrorCode::InternalError).with_access(DataAccess::of(filter.venture.as_ref())))
}
