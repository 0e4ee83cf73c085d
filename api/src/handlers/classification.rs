//! The decisions of the GitHub classifier.

use deckwatch_protocol::ClassificationFilter;

use crate::call::Call;
use crate::error::ApiError;
use crate::plan::{DataAccess, Plan};
use crate::store;

/// Lists what the classifier has decided, newest first.
pub(crate) fn list_classifications(_: &Call, filter: ClassificationFilter) -> Result<Plan, ApiError> {
    let (page, limit) = store::classification::list(&filter);
    Ok(Plan::filtered_page(page, limit).with_access(DataAccess::of(filter.venture.as_ref())))
}
