//! The request log, for admins.

use deckwatch_protocol::RequestFilter;

use crate::call::Call;
use crate::error::ApiError;
use crate::plan::Plan;
use crate::store;

/// Lists logged requests, newest first.
pub(crate) fn list_requests(_: &Call, filter: RequestFilter) -> Result<Plan, ApiError> {
    let (page, limit) = store::request_log::list(&filter);
    Ok(Plan::filtered_page(page, limit))
}
