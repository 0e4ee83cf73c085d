//! The start and the end of an agent's day.

use deckwatch_protocol::{EndDay, EventKind, StartDay};

use crate::call::Call;
use crate::error::ApiError;
use crate::handlers::handoff;
use crate::handlers::session::next_heartbeat;
use crate::plan::{DataAccess, Plan};
use crate::store;
use crate::store::agent::NameTaker;
use crate::store::day::DayContext;

/// Creates or resumes the agent's session and returns the context that the agent needs.
pub(crate) fn start_day(call: &Call, day: StartDay) -> Result<Plan, ApiError> {
    let id = call.mint_session_id();
    let new = store::session::NewSession {
        id: &id,
        now: call.now,
        actor: &call.caller.actor,
        correlation_id: call.correlation_id.as_str(),
    };
    let (stale_before, now) = (call.stale_before(), call.now);
    let by = NameTaker { owner: call.caller.owner(), token: call.caller.token_id() };
    let mut steps: Vec<_> = by
        .token
        .map(|token| store::agent_token::unless_of_token(token, &day.agent, day.machine_id.as_ref()))
        .into_iter()
        .collect();
    let take_name = store::agent::take_name(&day, &by, now);
    let events = [store::session_event::at_start(&day, &id, stale_before, now), store::claim::delete_released()];
    if day.take_over.is_some() {
        // The events say whether the name was taken from another one.
        steps.push(take_name);
        steps.extend(store::delivery::refuse_mail_of_other(&day.venture, &day.agent, now));
        steps.extend(events);
    } else {
        steps.extend(events);
        steps.push(take_name);
    }
    steps.extend([store::session::settle_own(&day, stale_before, now), store::session::start(&day, &new)]);
    // The answer shows no stale session, marked or not, so the sessions of others are marked after it.
    let mut after = Vec::from(store::claim::release_stale(&day, stale_before, now));
    after.extend([
        store::session_event::lost_after_start(&day, stale_before, now),
        store::session::abandon_stale(stale_before, now),
        store::session::correct_ahead(&day, now),
    ]);
    let answer = store::day::started(&day, &id, next_heartbeat(call), &context(call));
    let plan = Plan::write(steps, answer).with_after(after).with_registered(day.venture.clone());
    Ok(plan.with_access(DataAccess::Venture(day.venture)))
}

/// Records the handoff and ends the session. If a handoff has already ended the session, nothing changes and the
/// response repeats the first result. With `keep_open` the handoff is recorded in any state of the session, and the
/// state does not change.
pub(crate) fn end_day(call: &Call, day: EndDay) -> Result<Plan, ApiError> {
    let id = call.mint_handoff_id();
    let payload = handoff::canonical_payload(&day.handoff)?;
    let new = payload.new_handoff(call, &id, &day.session_id, &day.handoff);
    let mut steps = vec![store::refusal::unless_session(&day.session_id)];
    if day.keep_open {
        steps.push(store::handoff::insert(&new));
        steps.push(store::handoff::append_event(&day.session_id));
        steps.extend(handoff::delivery(call, &id, &day.session_id, &day.handoff));
    } else {
        steps.extend([
            store::handoff::insert_unless_ended(&new, day.epoch),
            store::handoff::append_event(&day.session_id),
        ]);
        steps.extend(handoff::delivery(call, &id, &day.session_id, &day.handoff));
        steps.extend([
            store::session::end(&day.session_id, call.now, day.end_reason.as_str(), day.epoch),
            store::session_event::of_session(EventKind::SessionEnded, &day.session_id, call.now),
        ]);
        steps.extend(store::claim::release_ended(&day.session_id, call.now));
    }
    let answer = store::day::ended(&day.session_id, day.keep_open, day.epoch, &context(call));
    Ok(Plan::write(steps, answer).with_access(DataAccess::Session(day.session_id)))
}

fn context<'a>(call: &'a Call) -> DayContext<'a> {
    DayContext { now: call.now, stale_before: call.stale_before(), correlation_id: call.correlation_id.as_str() }
}
