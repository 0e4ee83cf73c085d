//! Handoffs: record and read them.

use deckwatch_protocol::{
    CreateHandoff, ErrorCode, HandoffDraft, HandoffFilter, HandoffId, HandoffPayload, LatestHandoffFilter, SessionId,
};
use serde_json::json;

use crate::call::Call;
use crate::database::Statement;
use crate::digest::{hex, sha256};
use crate::error::ApiError;
use crate::plan::{DataAccess, Plan};
use crate::store;
use crate::store::handoff::NewHandoff;

/// Records a handoff during a session or after its end, so that no handoff is lost.
pub(crate) fn create_handoff(call: &Call, request: CreateHandoff) -> Result<Plan, ApiError> {
    let id = call.mint_handoff_id();
    let payload = canonical_payload(&request.handoff)?;
    let mut steps = vec![
        store::refusal::unless_session(&request.session_id),
        store::handoff::insert(&payload.new_handoff(call, &id, &request.session_id, &request.handoff)),
        store::handoff::append_event(&request.session_id),
    ];
    steps.extend(delivery(call, &id, &request.session_id, &request.handoff));
    Ok(Plan::write(steps, store::handoff::select_response(&request.session_id))
        .with_access(DataAccess::Session(request.session_id)))
}

/// The statements that deliver a handoff to the agent that it is addressed to. They follow those that insert it.
pub(crate) fn delivery(call: &Call, id: &HandoffId, session: &SessionId, draft: &HandoffDraft) -> Vec<Statement> {
    let steps = draft.to_agent.as_ref().map(|_| store::message::insert_handoff(session, id, call.now));
    steps.into_iter().flatten().collect()
}

/// Reads one handoff.
pub(crate) fn get_handoff(_: &Call, id: HandoffId) -> Result<Plan, ApiError> {
    Ok(Plan::record(store::handoff::select(&id), ErrorCode::HandoffNotFound).with_access(DataAccess::Handoff(id)))
}

/// Lists handoffs, newest first.
pub(crate) fn list_handoffs(_: &Call, filter: HandoffFilter) -> Result<Plan, ApiError> {
    let (page, limit) = store::handoff::list(&filter);
    Ok(Plan::filtered_page(page, limit).with_access(DataAccess::of(filter.venture.as_ref())))
}

/// Reads the newest handoff that matches the filter.
pub(crate) fn latest_handoff(_: &Call, filter: LatestHandoffFilter) -> Result<Plan, ApiError> {
    let access = DataAccess::of(filter.venture.as_ref());
    Ok(Plan::record(store::handoff::latest(&filter.into()), ErrorCode::HandoffNotFound).with_access(access))
}

/// A payload in its stored form: canonical JSON (RFC 8785) and its SHA-256 in hexadecimal.
pub(crate) struct Payload {
    json: String,
    hash: String,
}

impl Payload {
    pub(crate) fn new_handoff<'a>(
        &'a self,
        call: &'a Call,
        id: &'a HandoffId,
        session_id: &'a SessionId,
        draft: &'a HandoffDraft,
    ) -> NewHandoff<'a> {
        NewHandoff {
            id,
            session_id,
            to_agent: draft.to_agent.as_ref(),
            status: draft.status,
            summary: &draft.summary,
            payload: (&self.json, &self.hash),
            now: call.now,
            actor: &call.caller.actor,
            correlation_id: call.correlation_id.as_str(),
        }
    }
}

/// Builds the canonical payload of a draft. Refuses a payload that is larger than the limit.
pub(crate) fn canonical_payload(draft: &HandoffDraft) -> Result<Payload, ApiError> {
    let HandoffDraft { accomplished, in_progress, blocked, next_steps, links, extra, .. } = draft;
    let value = json!({
        "accomplished": accomplished, "in_progress": in_progress, "blocked": blocked,
        "next_steps": next_steps, "links": links, "extra": extra,
    });
    let json = serde_json_canonicalizer::to_string(&value).map_err(|error| ApiError::internal(error.to_string()))?;
    if json.len() > HandoffPayload::MAX_BYTES {
        return Err(ApiError::new(
            ErrorCode::PayloadTooLarge,
            "The handoff is larger than 800 KiB as canonical JSON. Shorten it.",
        )
        .at("/handoff", "must have at most 800 KiB in its lists, links and extra"));
    }
    let hash = hex(&sha256(json.as_bytes()));
    Ok(Payload { json, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_canonical_for_every_field_order() {
        let draft = |extra: &str| -> HandoffDraft {
            let json = format!(r#"{{"summary":"s","status":"done","extra":{extra}}}"#);
            crate::decode::typed(crate::decode::value(json.as_bytes()).unwrap()).unwrap()
        };
        let one = canonical_payload(&draft(r#"{"b":1.50,"a":"é"}"#)).unwrap();
        let two = canonical_payload(&draft(r#"{"a":"\u00e9","b":15e-1}"#)).unwrap();
        assert_eq!(one.json, two.json);
        assert_eq!(one.hash, two.hash);
        assert!(one.json.starts_with(r#"{"accomplished":[],"blocked":[],"extra":{"a":"é","b":1.5}"#), "{}", one.json);
    }
}
