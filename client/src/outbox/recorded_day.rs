//! Looks up a handoff that the API has recorded although its author got no answer.

use deckwatch_protocol::{DayEnded, Handoff, HandoffFilter, WrittenHandoff};

use crate::api::{Api, ClientError};

/// The end of day that recorded this handoff, if its answer was lost. [`WrittenHandoff::was_recorded_as`] has the rule.
pub(crate) async fn recorded_day(api: &Api, written: &WrittenHandoff) -> Result<Option<DayEnded>, ClientError> {
    let newest = newest(api, written.newest_of_its_place()).await?;
    let Some(newest) = newest.filter(|newest| written.content.is_recorded_as(newest)) else { return Ok(None) };
    // A list leaves out a long payload.
    let handoff = if newest.payload.is_some() { newest } else { api.get_handoff(&newest.id).await? };
    let session = api.get_session(&handoff.session_id).await?;
    let is_recorded = written.was_recorded_as(&handoff, &session);
    let correlation_id = handoff.creation_correlation_id.clone();
    Ok(is_recorded.then_some(DayEnded { session, handoff, correlation_id }))
}

/// The first handoff of a list. A page can be empty although another one follows.
async fn newest(api: &Api, mut filter: HandoffFilter) -> Result<Option<Handoff>, ClientError> {
    loop {
        let page = api.list_handoffs(&filter).await?;
        filter.cursor = page.next_cursor;
        let first = page.items.into_iter().next();
        if first.is_some() || filter.cursor.is_none() {
            return Ok(first);
        }
    }
}
