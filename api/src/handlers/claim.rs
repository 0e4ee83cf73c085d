//! Claims: take, list and release them.

use deckwatch_protocol::{ClaimFilter, ClaimId, ClaimSubject, ErrorCode, Fence, FenceQuery, PutClaims};
use serde_json::{Value, json};

use crate::call::Call;
use crate::database::{Row, text};
use crate::error::ApiError;
use crate::plan::{DataAccess, Plan};
use crate::platform::random_bits;
use crate::store;
use crate::store::claim::RequestedClaims;

/// Takes all of the subjects, or none of them.
pub(crate) fn put_claims(call: &Call, put: PutClaims) -> Result<Plan, ApiError> {
    let fence = Fence { session_id: put.session_id, epoch: put.epoch };
    let subjects = placed(&put.subjects)?;
    // The ids are in the order of the subjects.
    let ids = (random_bits(call.entropy)..)
        .zip(&subjects)
        .map(|(random, (subject, place))| json!([ClaimId::mint(call.now, random).as_str(), subject.as_str(), place]));
    let claims = RequestedClaims {
        session: &fence.session_id,
        repo: put.repo.as_ref(),
        places: outermost(&subjects).to_string(),
        subjects: ids.collect::<Value>().to_string(),
    };
    let mut steps = vec![
        store::fence::unless_current(&fence, call.stale_before()),
        claims.unless_held(put.take, call.stale_before()),
    ];
    if put.take {
        steps.extend(claims.take(call.now));
    }
    steps.extend(claims.insert(put.reason.as_ref(), call.now));
    let plan = Plan::write(steps, claims.select_taken()).explaining(ErrorCode::ClaimHeld, claims.held(), name_held);
    Ok(plan.with_access(DataAccess::Session(fence.session_id)))
}

/// Lists claims, newest first.
pub(crate) fn list_claims(_: &Call, filter: ClaimFilter) -> Result<Plan, ApiError> {
    let (page, limit) = store::claim::list(&filter);
    Ok(Plan::filtered_page(page, limit).with_access(DataAccess::of(filter.venture.as_ref())))
}

/// Releases a claim of the session.
pub(crate) fn release_claim(call: &Call, id: ClaimId, by: FenceQuery) -> Result<Plan, ApiError> {
    let fence = Fence { session_id: by.session_id, epoch: by.epoch };
    let mut steps = vec![
        store::fence::unless_current(&fence, call.stale_before()),
        store::claim::unless_holder(&id, &fence.session_id),
    ];
    steps.extend(store::claim::release(&id, call.now));
    let plan = Plan::write(steps, store::claim::select_released(&id, call.now)).explaining(
        ErrorCode::ClaimHeld,
        store::claim::select(&id),
        name_held,
    );
    Ok(plan.with_access(DataAccess::Session(fence.session_id)))
}

/// Names the claims of the rows in the error.
fn name_held(error: ApiError, rows: &[Row]) -> ApiError {
    error.naming(rows.iter().filter_map(|row| text(row, "item")))
}

/// The subjects with their places, each once. Refuses a path whose literal prefix is empty, because it would claim the whole
/// repository.
fn placed(subjects: &[ClaimSubject]) -> Result<Vec<(&ClaimSubject, String)>, ApiError> {
    let mut placed: Vec<(&ClaimSubject, String)> = Vec::new();
    for (n, subject) in subjects.iter().enumerate() {
        let wide = || {
            ApiError::new(
                ErrorCode::ClaimTooWide,
                "A path begins with a wildcard, so its claim would overlap every path of the repository. Begin it with the \
                 name of a folder or file.",
            )
            .at(&format!("/subjects/{n}"), "must not begin with a wildcard")
        };
        let place = subject.place().ok_or_else(wide)?;
        if !placed.iter().any(|(other, _)| *other == subject) {
            placed.push((subject, place));
        }
    }
    Ok(placed)
}

/// The places that begin with no other one. What overlaps another place of the request overlaps one of these too.
fn outermost(subjects: &[(&ClaimSubject, String)]) -> Value {
    let mut places: Vec<&str> = subjects.iter().map(|(_, place)| place.as_str()).collect();
    places.sort_unstable();
    // A place stands directly behind those that it begins with.
    places.dedup_by(|place, before| place.starts_with(*before));
    places.into()
}
