//! Requirements, and the audit of documents against them.

use deckwatch_protocol::{AuditFilter, PutRequirement, RequirementFilter, RequirementId};

use crate::call::Call;
use crate::error::ApiError;
use crate::plan::{DataAccess, Plan};
use crate::platform::random_bits;
use crate::store;

/// Reports the state of the documents of one venture, or of all ventures, against their requirements.
pub(crate) fn audit_docs(call: &Call, filter: AuditFilter) -> Result<Plan, ApiError> {
    let limit = filter.limit.unwrap_or_default();
    let [items, total] = store::doc_audit::list(&filter, call.now, call.caller.token_id());
    // Refuse an unknown venture. An empty audit would look like a success.
    let steps = filter.venture.iter().map(store::refusal::unless_venture).collect();
    Ok(Plan::page(items, total, limit)
        .with_steps(steps)
        .with_access(filter.venture.map_or(DataAccess::Shared, DataAccess::Venture)))
}

/// Lists requirements, newest first.
pub(crate) fn list_requirements(call: &Call, filter: RequirementFilter) -> Result<Plan, ApiError> {
    let limit = filter.limit.unwrap_or_default();
    let [items, total] = store::requirement::list(&filter, call.caller.token_id());
    Ok(Plan::page(items, total, limit).with_access(filter.venture.map_or(DataAccess::Shared, DataAccess::Venture)))
}

/// Creates or replaces a requirement. If the values are the same, nothing changes, and `updated_at` stays the same.
pub(crate) fn put_requirement(call: &Call, requirement: PutRequirement) -> Result<Plan, ApiError> {
    let id = RequirementId::mint(call.now, random_bits(call.entropy));
    let mut steps: Vec<_> = requirement.venture.iter().map(store::refusal::unless_venture).collect();
    steps.extend([
        store::requirement::unless_below_limit(&requirement),
        store::requirement::put(&requirement, &id, call.now),
    ]);
    let answer = store::requirement::select_response(&requirement, &id);
    Ok(Plan::write(steps, answer).with_access(DataAccess::of(requirement.venture.as_ref())))
}

/// Deletes a requirement. Its documents stay.
pub(crate) fn delete_requirement(call: &Call, id: RequirementId) -> Result<Plan, ApiError> {
    let steps = vec![store::refusal::unless_requirement(&id), store::requirement::delete(&id)];
    Ok(Plan::write(steps, store::requirement::select_deleted(&id, call.now)).with_access(DataAccess::Requirement(id)))
}
