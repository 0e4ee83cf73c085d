//! The inbox of an agent: list it, take what waits, and report what was shown.

use deckwatch_protocol::{ErrorCode, InboxFilter, ReportInbox, Speaker, TakeInbox};

use crate::call::Call;
use crate::database::{Row, count, text};
use crate::error::ApiError;
use crate::handlers::message::{access, reader, unless_person_on};
use crate::plan::{DataAccess, Plan};
use crate::store;
use crate::store::delivery::MAX_WAITING;

/// Lists what waits for an agent, oldest first, without taking it. The admin also sees what the modes of the agent hold back.
pub(crate) fn list_inbox(call: &Call, filter: InboxFilter) -> Result<Plan, ApiError> {
    let reader = reader(call);
    let steps = vec![store::delivery::unless_own_inbox(&filter, &reader)];
    let [items, total] = store::delivery::list(&filter, !reader.is_admin, call.now, call.stale_before());
    Ok(Plan::page(items, total, filter.limit.unwrap_or_default())
        .with_steps(steps)
        .with_access(DataAccess::Venture(filter.venture)))
}

/// Takes what waits for the agent of the session.
pub(crate) fn take_inbox(call: &Call, take: TakeInbox) -> Result<Plan, ApiError> {
    let steps = vec![store::fence::unless_current(&take.fence(), call.stale_before())];
    let reads = vec![
        store::delivery::take(&take, call.now, call.stale_before()),
        store::delivery::waiting(&take.session_id, call.now),
    ];
    Ok(Plan::computed(reads, Box::new(taken)).with_steps(steps).with_access(DataAccess::Session(take.session_id)))
}

/// Records what the process of the session has shown, or what a person has read.
pub(crate) fn report_inbox(call: &Call, report: ReportInbox) -> Result<Plan, ApiError> {
    let speaker = report.speaker()?;
    let mut steps = match speaker {
        Speaker::Person(venture) => unless_person_on(call, venture)?,
        Speaker::Agent(_) => Vec::new(),
    };
    steps.extend(report.fence().map(|fence| store::fence::unless_current(&fence, call.stale_before())));
    steps.extend(store::delivery::report(&report, call.now));
    Ok(Plan::record(store::delivery::reported(&report), ErrorCode::SessionNotFound)
        .with_steps(steps)
        .with_access(access(speaker)))
}

/// The answer to a take, from the rows that it has changed and the number of those that wait.
fn taken(rows: &[Vec<Row>]) -> Result<String, ApiError> {
    let [changed, waiting] = rows else { return Err(ApiError::internal("a take needs two results")) };
    // The ids sort in the order in which the messages were sent.
    let mut items: Vec<(&str, &str)> =
        changed.iter().filter_map(|row| Some((text(row, "id")?, text(row, "item")?))).collect();
    items.sort_unstable();
    let items: Vec<&str> = items.into_iter().map(|(_, item)| item).collect();
    let waiting = waiting.first().and_then(|row| count(row, "n")).unwrap_or_default();
    let minimum = if waiting > MAX_WAITING { r#","waiting_is_minimum":true"# } else { "" };
    let waiting = waiting.min(MAX_WAITING);
    Ok(format!(r#"{{"items":[{}],"waiting":{waiting}{minimum}}}"#, items.join(",")))
}
