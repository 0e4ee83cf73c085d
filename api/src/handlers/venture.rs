//! Ventures: the products the team works on.

use deckwatch_protocol::{ErrorCode, ListVentures, MoveRecords, PutVenture, VentureCode};

use crate::call::Call;
use crate::error::ApiError;
use crate::plan::{DataAccess, Plan};
use crate::platform::random_bits;
use crate::store;

/// Lists ventures by code.
pub(crate) fn list_ventures(call: &Call, filter: ListVentures) -> Result<Plan, ApiError> {
    let limit = filter.limit.unwrap_or_default();
    let [items, total] = store::venture::list(limit, filter.cursor.as_ref(), call.caller.token_id());
    Ok(Plan::page(items, total, limit).with_access(DataAccess::Shared))
}

/// Registers or replaces a venture. If the values are the same, nothing changes, and `updated_at` stays the same.
pub(crate) fn put_venture(call: &Call, code: VentureCode, venture: PutVenture) -> Result<Plan, ApiError> {
    let new_id = format!("{:032x}", random_bits(call.entropy));
    let steps = vec![store::venture::put(&code, &venture, &new_id, call.now)];
    Ok(Plan::write(steps, store::venture::select_response(&code, &new_id)).with_access(DataAccess::Venture(code)))
}

/// Deletes a venture. Its records stay, and agents with an open session can still end their day. A second call
/// returns the time of the first one.
pub(crate) fn delete_venture(call: &Call, code: VentureCode) -> Result<Plan, ApiError> {
    let steps = vec![store::refusal::unless_venture_known(&code), store::venture::delete(&code, call.now)];
    Ok(Plan::write(steps, store::venture::select_deleted(&code)).with_access(DataAccess::Venture(code)))
}

/// Changes the repository name of sessions and handoffs, up to the number of rows that one request may change.
pub(crate) fn move_records(call: &Call, from: VentureCode, records: MoveRecords) -> Result<Plan, ApiError> {
    let mut steps = vec![store::refusal::unless_venture(&records.to_venture)];
    steps.extend(store::records::move_records(&from, &records, call.now));
    Ok(Plan::record(store::records::select_moved(&from, &records), ErrorCode::VentureNotFound).with_steps(steps))
}
