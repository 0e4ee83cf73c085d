//! Events: list them.

use deckwatch_protocol::{ErrorCode, Event, EventFilter, EventSeq, Limit};

use crate::call::Call;
use crate::database::{Row, number, text};
use crate::error::ApiError;
use crate::plan::{DataAccess, Plan};
use crate::store;

/// Lists events, oldest first. It reads a limited range of numbers, so a page may be empty before the newest event.
pub(crate) fn list_events(_: &Call, filter: EventFilter) -> Result<Plan, ApiError> {
    let reads = vec![store::event::list(&filter), store::event::ends()];
    let (after, limit) = (filter.after.map(EventSeq::get), filter.limit.unwrap_or_default());
    let access = DataAccess::of(filter.venture.as_ref());
    Ok(Plan::computed(reads, Box::new(move |rows| body(after, limit, rows))).with_access(access))
}

/// The page, from the rows of its events and the row with both ends of what is kept.
fn body(after: Option<u64>, limit: Limit, rows: &[Vec<Row>]) -> Result<String, ApiError> {
    let [items, ends] = rows else { return Err(ApiError::internal("a page of events needs two results")) };
    let end = |column| ends.first().and_then(|row| number(row, column));
    let head = end("head").unwrap_or_default();
    // The place before the oldest event.
    let start = end("first").unwrap_or(1).saturating_sub(1);
    let after = after.unwrap_or(start);
    if after < start || after > head {
        return Err(gone(after, start, head));
    }
    let is_full = items.len() as u64 >= u64::from(limit.get());
    let last = items.last().filter(|_| is_full).and_then(|row| number(row, "seq"));
    let next_after = last.unwrap_or_else(|| head.min(after.saturating_add(store::event::SCANNED_EVENTS)));
    let items: Vec<&str> = items.iter().filter_map(|row| text(row, "item")).collect();
    Ok(format!(r#"{{"items":[{}],"next_after":{next_after},"head":{head}}}"#, items.join(",")))
}

fn gone(after: u64, start: u64, head: u64) -> ApiError {
    let why = if after > head {
        format!("The newest event has the number {head}, so the database was restored since event {after}.")
    } else {
        format!(
            "Events are kept for {} days, and the oldest one has the number {}.",
            Event::KEPT_DAYS,
            start.saturating_add(1)
        )
    };
    let detail = format!(
        "The events after {after} can't be listed. {why} Read the records again, then list events without `after`."
    );
    ApiError::new(ErrorCode::EventsGone, detail)
}
