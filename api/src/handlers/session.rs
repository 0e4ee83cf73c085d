//! Sessions: read and update them, and record heartbeats.

use deckwatch_protocol::{
    ErrorCode, EventKind, HEARTBEAT_INTERVAL_SECONDS, LeaveSession, SessionFilter, SessionId, UpdateSession,
};

use crate::call::Call;
use crate::error::ApiError;
use crate::plan::{DataAccess, Plan};
use crate::platform::random_bits;
use crate::store;
use crate::store::session::NextHeartbeat;

/// Lists sessions, newest first.
pub(crate) fn list_sessions(call: &Call, filter: SessionFilter) -> Result<Plan, ApiError> {
    let (page, limit) = store::session::list(&filter, call.stale_before());
    Ok(Plan::filtered_page(page, limit).with_access(DataAccess::of(filter.venture.as_ref())))
}

/// Reads one session.
pub(crate) fn get_session(call: &Call, id: SessionId) -> Result<Plan, ApiError> {
    let select = store::session::select(&id, call.stale_before());
    Ok(Plan::record(select, ErrorCode::SessionNotFound).with_access(DataAccess::Session(id)))
}

/// Updates the fields of a session. This also counts as a heartbeat.
pub(crate) fn update_session(call: &Call, id: SessionId, patch: UpdateSession) -> Result<Plan, ApiError> {
    let mut steps =
        vec![store::refusal::unless_session_alive(&id), store::session_event::moved_by_update(&id, &patch, call.now)];
    steps.extend(patch.epoch.map(|epoch| store::fence::if_superseded(&id, epoch)));
    steps.extend(store::session_event::presence_changed(&id, &patch, call.now));
    // The last of these statements makes an abandoned session active again.
    steps.extend(store::session::update(&id, &patch, call.now));
    steps.push(store::session_event::of_session(EventKind::SessionStarted, &id, call.now));
    let answer = store::session::select_response(&id, call.stale_before());
    Ok(Plan::write(steps, answer).with_access(DataAccess::Session(id)))
}

/// Records a heartbeat. An abandoned session becomes active again, for example after a laptop's sleep.
pub(crate) fn heartbeat(call: &Call, id: SessionId) -> Result<Plan, ApiError> {
    let next = next_heartbeat(call);
    let steps = vec![
        store::session::revive(&id, call.now),
        store::session_event::of_session(EventKind::SessionStarted, &id, call.now).non_durable(),
    ];
    let revived = Plan::record(store::session::select_heartbeat(&id, next), ErrorCode::SessionNotFound)
        .with_steps(steps)
        .with_access(DataAccess::Session(id.clone()));
    let recorded = Plan::record(store::session::record_heartbeat(&id, next, call.now), ErrorCode::SessionNotFound);
    Ok(recorded.with_access(DataAccess::Session(id)).or_else(revived))
}

/// Records that the agent has left. If the session had a heartbeat since, or has ended, it does not change.
pub(crate) fn leave_session(call: &Call, id: SessionId, leave: LeaveSession) -> Result<Plan, ApiError> {
    let steps = vec![
        store::session::leave(&id, leave.last_heartbeat_at, call.now),
        store::session_event::of_session(EventKind::SessionLost, &id, call.now),
    ];
    let select = store::session::select(&id, call.stale_before());
    Ok(Plan::record(select, ErrorCode::SessionNotFound).with_steps(steps).with_access(DataAccess::Session(id)))
}

/// When the next heartbeat is due: in 10 minutes ± 2. The value is random, so that agents that start together spread
/// out.
pub(crate) fn next_heartbeat(call: &Call) -> NextHeartbeat {
    let (shortest, longest) = HEARTBEAT_INTERVAL_SECONDS.into_inner();
    let random_offset = random_bits(call.entropy) % u128::from(longest - shortest + 1);
    let interval_seconds = shortest + u32::try_from(random_offset).unwrap_or_default();
    NextHeartbeat { at: call.now.plus_seconds(interval_seconds.into()), interval_seconds }
}
