//! Finds a write that was recorded under another key before it was taken over.
//!
//! Idempotency keys are separate for each actor. If the API recorded a write under the old key and the answer was lost, the
//! API does not recognise it under the new key. So the records of the old actor are searched before it is sent.

use std::collections::BTreeSet;

use bytes::Bytes;
use deckwatch_protocol::{
    DayEnded, FoundNote, Handoff, HandoffFilter, Note, NoteFilter, NoteKind, NoteScope, Operation, Timestamp,
};
use http::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::entry::Entry;
use crate::api::{Api, ClientError};

/// By how much the clock of this machine may be ahead of the API's.
const CLOCK_SKEW_SECONDS: i64 = 10 * 60;
/// How many pages of 100 records are searched.
const MAX_PAGES: usize = 10;

/// The keys under which an entry may have been sent before it was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EarlierKeys {
    /// When the entry was written.
    since: Timestamp,
    /// The actors of the keys.
    actors: Vec<String>,
}

impl EarlierKeys {
    /// The earlier keys of an entry that is taken over from the queue of `actor`.
    pub(super) fn with(before: Option<Self>, actor: &str, queued_at: Timestamp) -> Self {
        let mut earlier = before.unwrap_or(Self { since: queued_at, actors: Vec::new() });
        if !earlier.actors.iter().any(|known| known == actor) {
            earlier.actors.push(actor.to_owned());
        }
        earlier
    }

    fn may_be(&self, actor: &str, created_at: Timestamp) -> bool {
        self.begins_before(created_at) && self.actors.iter().any(|known| known == actor)
    }

    fn begins_before(&self, created_at: Timestamp) -> bool {
        created_at >= self.since.plus_seconds(-CLOCK_SKEW_SECONDS)
    }
}

/// The API's answer to this write, if the write was recorded under an earlier key. A record that was changed since is not
/// found.
pub(super) async fn recorded(api: &Api, entry: &Entry) -> Result<Option<Response<Bytes>>, ClientError> {
    let Some(earlier) = &entry.earlier_keys else { return Ok(None) };
    let found = match entry.operation()? {
        Operation::CreateNote => recorded_note(api, &entry.content()?, earlier).await,
        Operation::EndDay => recorded_handoff(api, entry, earlier).await,
        _ => Ok(None),
    };
    match found {
        // A key that may only write can't search. Then the write is sent.
        Err(ClientError::Refused(_)) => Ok(None),
        found => found,
    }
}

async fn recorded_note(api: &Api, sent: &Value, earlier: &EarlierKeys) -> Result<Option<Response<Bytes>>, ClientError> {
    let venture = sent.get("venture").and_then(Value::as_str).and_then(|code| code.parse().ok());
    let kind = sent.get("kind").and_then(|kind| serde_json::from_value::<NoteKind>(kind.clone()).ok());
    // A memory belongs to the venture of its session, which the request does not name.
    let scope = (venture.is_none() && kind.is_none()).then_some(NoteScope::Global);
    let is_candidate = |note: &FoundNote| {
        earlier.may_be(&note.actor_key_id, note.created_at) && sent.get("title") == Some(&json!(note.title))
    };
    for archived in [None, Some(true)] {
        let mut filter = NoteFilter {
            kind,
            venture: venture.clone(),
            scope,
            archived,
            limit: 100.try_into().ok(),
            ..NoteFilter::default()
        };
        for _ in 0..MAX_PAGES {
            let page = api.list_notes(&filter).await?;
            for found in page.items.iter().filter(|note| is_candidate(note)) {
                let note: Note = api.get_note(&found.id).await?;
                if sent.get("content") == Some(&json!(note.content)) && has_tags(sent, &note) {
                    return response_with(&note).map(Some);
                }
            }
            let is_searched = page.items.last().is_none_or(|last| !earlier.begins_before(last.created_at));
            filter.cursor = page.next_cursor;
            if is_searched || filter.cursor.is_none() {
                break;
            }
        }
    }
    Ok(None)
}

/// The API stores each tag once.
fn has_tags(sent: &Value, note: &Note) -> bool {
    let sent = sent.get("tags").and_then(Value::as_array).into_iter().flatten();
    sent.filter_map(Value::as_str).collect::<BTreeSet<_>>() == note.tags.iter().map(AsRef::as_ref).collect()
}

/// A handoff in an open session. The API itself recognises a second end of the same session.
async fn recorded_handoff(
    api: &Api,
    entry: &Entry,
    earlier: &EarlierKeys,
) -> Result<Option<Response<Bytes>>, ClientError> {
    let content = entry.content()?;
    if content.get("keep_open") != Some(&json!(true)) {
        return Ok(None);
    }
    let Some(sent) = entry.handoff() else { return Ok(None) };
    let session_id = content.get("session_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let from_agent = entry.agent.as_ref().and_then(|agent| agent.parse().ok());
    let mut filter = HandoffFilter { session_id, from_agent, limit: 100.try_into().ok(), ..HandoffFilter::default() };
    let is_candidate =
        |handoff: &Handoff| earlier.may_be(&handoff.actor_key_id, handoff.created_at) && sent.is_recorded_as(handoff);
    for _ in 0..MAX_PAGES {
        let page = api.list_handoffs(&filter).await?;
        for found in page.items.iter().filter(|handoff| is_candidate(handoff)) {
            // A list leaves out a long payload.
            let handoff = api.get_handoff(&found.id).await?;
            if sent.is_recorded_as(&handoff) {
                let session = api.get_session(&handoff.session_id).await?;
                let correlation_id = handoff.creation_correlation_id.clone();
                return response_with(&DayEnded { session, handoff, correlation_id }).map(Some);
            }
        }
        let is_searched = page.items.last().is_none_or(|last| !earlier.begins_before(last.created_at));
        filter.cursor = page.next_cursor;
        if is_searched || filter.cursor.is_none() {
            break;
        }
    }
    Ok(None)
}

pub(super) fn response_with(record: &impl Serialize) -> Result<Response<Bytes>, ClientError> {
    let body = serde_json::to_vec(record).map_err(|error| ClientError::failed(error.to_string()))?;
    Ok(Response::new(Bytes::from(body)))
}
