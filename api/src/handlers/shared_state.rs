//! Shared state: list, read, write and delete keys by compare-and-set.

use deckwatch_protocol::{
    DocVersionNumber, ErrorCode, Fence, FenceQuery, GetState, ListState, Operation, PutState, StateKey, VentureCode,
};

use crate::call::Call;
use crate::database::Statement;
use crate::error::ApiError;
use crate::plan::{DataAccess, Plan};
use crate::store;
use crate::store::shared_state::StatePlace;

/// Lists the keys of a venture by name.
pub(crate) fn list_state(_: &Call, venture: VentureCode, filter: ListState) -> Result<Plan, ApiError> {
    let [items, total] = store::shared_state::list(&venture, &filter);
    Ok(Plan::page(items, total, filter.limit.unwrap_or_default()).with_access(DataAccess::Venture(venture)))
}

/// Reads a key, or one of its kept versions.
pub(crate) fn get_state(_: &Call, venture: VentureCode, key: StateKey, query: GetState) -> Result<Plan, ApiError> {
    let place = StatePlace { venture, key };
    let select = place.select(query.version.map(DocVersionNumber::get));
    Ok(Plan::record(select, ErrorCode::StateNotFound).with_access(DataAccess::Venture(place.venture)))
}

/// Writes a key.
pub(crate) fn put_state(call: &Call, venture: VentureCode, key: StateKey, put: PutState) -> Result<Plan, ApiError> {
    let place = StatePlace { venture, key };
    let fence = Fence { session_id: put.session_id, epoch: put.epoch };
    let mut steps = fenced(call, &place, &fence)?;
    steps.extend(place.put(&put.value, &fence.session_id, call.now));
    Ok(Plan::write(steps, place.select_written(true)).with_access(DataAccess::Session(fence.session_id)))
}

/// Deletes a key. Its version numbers go on if it is written again.
pub(crate) fn delete_state(call: &Call, venture: VentureCode, key: StateKey, by: FenceQuery) -> Result<Plan, ApiError> {
    let place = StatePlace { venture, key };
    let fence = Fence { session_id: by.session_id, epoch: by.epoch };
    let mut steps = fenced(call, &place, &fence)?;
    steps.insert(1, place.unless_live());
    steps.extend(place.delete(&fence.session_id, call.now));
    Ok(Plan::write(steps, place.select_written(false)).with_access(DataAccess::Session(fence.session_id)))
}

/// Checks the fence, the venture and the version. A request must name the version that it replaces.
fn fenced(call: &Call, place: &StatePlace, fence: &Fence) -> Result<Vec<Statement>, ApiError> {
    let unwanted = call.if_none_match.as_ref().filter(|_| call.operation == Operation::PutState);
    if call.if_match.is_none() && unwanted.is_none() {
        let detail = "The request does not name the version that it replaces. Send If-Match with the version of the key, or \
                      If-None-Match: * for a new key.";
        return Err(ApiError::new(ErrorCode::PreconditionRequired, detail));
    }
    let mut steps =
        vec![store::fence::unless_current(fence, call.stale_before()), place.unless_own_venture(&fence.session_id)];
    steps.extend(call.if_match.as_ref().map(|asked| place.unless_version(asked.versions())));
    steps.extend(unwanted.map(|unwanted| place.if_version(unwanted.versions())));
    Ok(steps)
}
